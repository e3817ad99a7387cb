#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# guest.sh -k 6.12|backports [-n NAME] [-b perf|asan|tsan] [-s STEP,...] [-o 'SERVER OPTIONS']
#          [-m MEMORY] [-c CPUS] [-t SECONDS] [-a APPEND] [-5] [-r] [-V]
# Starts the server, boots a stock guest behind it and prints what the demo in the guest says, as
# it says it (live/guest/demo/demo.h). Status 0: the demo ended well, the kernel log is clean, the
# server ended by itself and without complaint.
#   -b  build of the server (default perf); build/<kind> must have been built
#   -5  CPU and unit with 5-level page tables
#   -r  the guest restarts once in the midst of work, then runs the demo
#   -s  steps of the demo (default all that the kernel can do)
#   -V  before the demo ioasid.ko in the guest takes PASIDs from the host; live/vcmd.sh judges
# Logs: $IOASID_LOG/NAME.console, .out, .qemu, .vm, .server, .json (the server's counters).
set -eu
. "$(dirname "$0")/../scripts/lib.sh"

kernel='' name='' build=perf steps='' options='' memory=1G cpus=2 limit=90 append='' machine=() vcmd=''
while getopts k:n:b:s:o:m:c:t:a:5rV option; do
	case $option in
	k) kernel=$OPTARG ;;
	n) name=$OPTARG ;;
	b) build=$OPTARG ;;
	s) steps=$OPTARG ;;
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
	r)
		append+=' accel_reboot=1'
		machine+=(-action reboot=reset)
		;;
	V)
		vcmd=1
		options+=' --vcmd 40'
		append+=' ioasid.vcmd=1'
		;;
	*) exit 2 ;;
	esac
done
[ -n "$kernel" ] || die "usage: guest.sh -k 6.12|backports [options]"
name=${name:-live-$kernel}
server=$BUILD/$build/live/ioasid-accel-server
demo=$BUILD/perf/live/accel-demo
for file in "$server" "$demo"; do
	[ -x "$file" ] || die "$file is missing: scripts/build.sh $build, scripts/build.sh perf"
done
case $kernel in
6.12) marker='DEMO OK PASID' ;;
*) marker='DEMO OK SVA' ;;
esac

# Socket paths have to be short, the checkout's may not be.
dir=$(mktemp -d "${TMPDIR:-/tmp}/ioasid-live.XXXXXX")
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

image=$BUILD/live/$kernel
mkdir -p "$image"
(
	# Runs side by side share the module and the archive.
	flock 7
	ko=$("$ROOT/scripts/kmod.sh" "$kernel" live/guest/driver "$image" live/include 7>&-)
	payload=(-p "$demo")
	if [ -n "$vcmd" ]; then
		checks=$ROOT/live/guest/vcmd
		payload=(-p "$checks/payload.sh" -f "$checks/steps.sh" -f "$demo")
		# shellcheck disable=SC2086 # folders are words
		"$ROOT/scripts/kmod.sh" "$kernel" kmods "$image" $KMOD_FOLDERS >/dev/null 7>&-
		for module in ioasid ioasid-vcmd vcmdcheck; do
			payload+=(-i "$image/$module.ko")
		done
	fi
	"$ROOT/scripts/initramfs.sh" -k "$kernel" -o "$dir/initrd" "${payload[@]}" -i "$ko" 7>&-
) 7>"$image/.lock"
"$server" --write-dmar "$dir/dmar.bin"

: >"$LOG/$name.server"
# The outer limit and the death signal are for the case that we are killed.
# shellcheck disable=SC2086
setpriv --pdeathsig TERM timeout -k 5 $((limit + 30)) \
	"$server" --endpoint "$dir/ep" --drhd "$dir/drhd" --once --stats "$LOG/$name.json" \
	$options >"$LOG/$name.server" 2>&1 &
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
"$ROOT/scripts/vm.sh" -k "$kernel" -i "$dir/initrd" -M "$marker" -t "$limit" -m "$memory" \
	-c "$cpus" -n "$name" -C -v \
	-a "intel_iommu=on,sm_on ${steps:+accel_steps=$steps} $append" \
	-- "${machine[@]}" -acpitable file="$dir/dmar.bin" -device "$(device ep 4.0)" -device "$(device drhd 5.0)" \
	2>"$LOG/$name.vm" || rc=$?

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
exit "$rc"
