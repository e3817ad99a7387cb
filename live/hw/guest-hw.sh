#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# guest-hw.sh -k KERNEL -i INITRD -M MARKER [-n NAME] [-b perf|asan|tsan] [-S SERVER]
#             [-o 'SERVER OPTIONS'] [-m MEMORY] [-c CPUS] [-t SECONDS] [-a APPEND] [-5]
#             [-- QEMU ARGUMENT...]
# Boots a guest behind a VT-d unit in hardware mode with two commanded endpoints (00:04.0, 00:05.0;
# live/include/ioasid_hw.h), and prints what its payload says. Status 0: the marker line came, the
# kernel log is clean, the server ended by itself and without complaint, and no DMA went where the
# guest did not expect it.
#   -k  as scripts/vm.sh; -i an archive of scripts/initramfs.sh
#   -b  build of the server (default perf); -S the server itself, wherever it is
#   -o  see ioasid-vtd-hw
#   -5  CPU and unit with 5-level page tables
# Logs: $IOASID_LOG/NAME.console, .out, .qemu, .vm, .server, .json (counters), .dma (every DMA).
set -eu
. "$(dirname "$0")/../../scripts/lib.sh"

kernel='' initrd='' marker='' name='' build=perf server='' options='' memory=1G cpus=2 limit=90
append='' machine=()
while getopts k:i:M:n:b:S:o:m:c:t:a:5 option; do
	case $option in
	k) kernel=$OPTARG ;;
	i) initrd=$OPTARG ;;
	M) marker=$OPTARG ;;
	n) name=$OPTARG ;;
	b) build=$OPTARG ;;
	S) server=$OPTARG ;;
	o) options=$OPTARG ;;
	m) memory=$OPTARG ;;
	c) cpus=$OPTARG ;;
	t) limit=$OPTARG ;;
	a) append=$OPTARG ;;
	5)
		# vm.sh asks for a CPU without it; the last word counts.
		machine+=(-cpu "max,la57=on")
		options+=' --levels5'
		;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
if [ -z "$kernel" ] || [ -z "$initrd" ] || [ -z "$marker" ]; then
	die "usage: guest-hw.sh -k kernel -i initrd -M marker [options] [-- qemu arguments]"
fi
name=${name:-hw-$(basename "$kernel")}
server=${server:-$BUILD/$build/live/ioasid-vtd-hw}
[ -x "$server" ] || die "$server is missing: scripts/build.sh $build live/ioasid-vtd-hw"

# Socket paths have to be short, the checkout's may not be.
dir=$(mktemp -d "${TMPDIR:-/tmp}/ioasid-hw.XXXXXX")
pid=
cleanup()
{
	trap '' INT TERM
	[ -z "$pid" ] || {
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	}
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$server" --write-dmar "$dir/dmar.bin"
: >"$LOG/$name.server"
rm -f "$LOG/$name.json"
# The outer limit and the death signal are for the case that we are killed.
# shellcheck disable=SC2086
setpriv --pdeathsig TERM timeout -k 5 $((limit + 30)) \
	"$server" --endpoint "$dir/ep0" --endpoint "$dir/ep1" --drhd "$dir/drhd" --once \
	--stats "$LOG/$name.json" --log "$LOG/$name.dma" $options >"$LOG/$name.server" 2>&1 &
pid=$!
for _ in $(seq 100); do
	! grep -q '^ready' "$LOG/$name.server" || break
	kill -0 "$pid" 2>/dev/null || break
	sleep 0.1
done
grep -q '^ready' "$LOG/$name.server" || {
	cat "$LOG/$name.server" >&2
	die "the server does not start"
}

device()
{
	printf '{"driver":"vfio-user-pci","id":"%s","addr":"%s","socket":{"type":"unix","path":"%s"}}' \
		"$1" "$2" "$dir/$1"
}
rc=0
"$ROOT/scripts/vm.sh" -k "$kernel" -i "$initrd" -M "$marker" -t "$limit" -m "$memory" \
	-c "$cpus" -n "$name" -C -v -a "intel_iommu=on,sm_on $append" \
	-- "${machine[@]}" -acpitable file="$dir/dmar.bin" -device "$(device ep0 4.0)" \
	-device "$(device ep1 5.0)" -device "$(device drhd 6.0)" "$@" 2>"$LOG/$name.vm" || rc=$?
[ "$rc" = 0 ] || cat "$LOG/$name.vm" >&2

# Without a client the server ends by itself.
for _ in $(seq 100); do
	kill -0 "$pid" 2>/dev/null || break
	sleep 0.1
done
! kill -0 "$pid" 2>/dev/null || {
	say "the server is still there after the guest"
	rc=1
}
kill "$pid" 2>/dev/null || true
wait "$pid" || {
	say "the server failed:"
	tail -n 20 "$LOG/$name.server" >&2
	rc=1
}
pid=

# zero OBJECT NAME: a counter of the server that must be 0
zero()
{
	local value
	value=$(sed -n "s/^ *\"$1\": {.*\"$2\": \([0-9]*\).*/\1/p" "$LOG/$name.json")
	[ "$value" = 0 ] || {
		say "$name: $1.$2 is ${value:-missing}, see $LOG/$name.dma and $name.server"
		rc=1
	}
}
zero all gpa_mismatch
zero all stray_responses
zero unit queue_errors
zero unit interrupts_refused
exit "$rc"
