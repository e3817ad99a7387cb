#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# two.sh [-n NAME] [-b perf|asan|tsan] [-s STEP,...] [-o 'SERVER OPTIONS'] [-t SECONDS]
# One server, whose accelerator has two slices, and a stock guest on each of them, at once. Prints
# what the demo in them says (live/guest/demo/two.h), each line after the guest's number. When
# guest 2 says that it is ready for it, it is killed.
# Status 0: the demo ended well in guest 1, and in guest 2 if it was not killed; their kernel logs
# are clean; the server ended by itself, without complaint and without numbers left.
# Logs: $IOASID_LOG/NAME-1.*, NAME-2.* (console, out, qemu, vm), NAME.server, NAME.json.1 and .2.
set -eu
. "$(dirname "$0")/../scripts/lib.sh"

name=two build=perf steps='' options='' limit=120 kernel=backports
while getopts n:b:s:o:t: option; do
	case $option in
	n) name=$OPTARG ;;
	b) build=$OPTARG ;;
	s) steps=$OPTARG ;;
	o) options=$OPTARG ;;
	t) limit=$OPTARG ;;
	*) exit 2 ;;
	esac
done
server=$BUILD/$build/live/ioasid-accel-server
demo=$BUILD/perf/live/accel-two
for file in "$server" "$demo"; do
	[ -x "$file" ] || die "$file is missing: scripts/build.sh $build, scripts/build.sh perf"
done

# Socket paths have to be short, the checkout's may not be.
dir=$(mktemp -d "${TMPDIR:-/tmp}/ioasid-two.XXXXXX")
pids=()
cleanup()
{
	local pid
	trap '' INT TERM
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in "${pids[@]}"; do
		wait "$pid" 2>/dev/null || true
	done
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
	"$ROOT/scripts/initramfs.sh" -k "$kernel" -o "$dir/initrd" -p "$demo" -i "$ko" 7>&-
) 7>"$image/.lock"
"$server" --write-dmar "$dir/dmar.bin"

# What an earlier run left must not be taken for this one's.
rm -f "$LOG/$name".json.[12] "$LOG/$name"-[12].*
: >"$LOG/$name.server"
# The outer limit and the death signal are for the case that we are killed. Guest 2's CPUs learn
# translations when they miss them, guest 1's when its unit does.
# shellcheck disable=SC2086
setpriv --pdeathsig TERM timeout -k 5 $((limit + 30)) \
	"$server" --endpoint "$dir/ep" --drhd "$dir/drhd" --slices 2 --meet --lazy 2 \
	--once --stats "$LOG/$name.json" $options >"$LOG/$name.server" 2>&1 &
serving=$!
pids+=("$serving")
for _ in $(seq 100); do
	! grep -q '^ready' "$LOG/$name.server" || break
	kill -0 "$serving" 2>/dev/null || break
	sleep 0.1
done
grep -q '^ready' "$LOG/$name.server" || {
	cat "$LOG/$name.server" >&2
	die "the server does not start"
}

# device ID SOCKET ADDRESS: a guest may be held in an access for longer than QEMU waits by itself
device()
{
	printf '{"driver":"vfio-user-pci","id":"%s","addr":"%s","x-msg-timeout":60000,' "$1" "$3"
	printf '"socket":{"type":"unix","path":"%s"}}' "$2"
}

guest()
{
	"$ROOT/scripts/vm.sh" -k "$kernel" -i "$dir/initrd" -M 'DEMO OK TWO' -t "$limit" -m 256M -c 1 \
		-n "$name-$1" -C -v \
		-a "intel_iommu=on,sm_on accel_guest=$1 ${steps:+accel_steps=$steps}" \
		-- -pidfile "$dir/pid.$1" -acpitable file="$dir/dmar.bin" \
		-device "$(device ep "$dir/ep.$1" 4.0)" -device "$(device drhd "$dir/drhd.$1" 5.0)" \
		2>"$LOG/$name-$1.vm" | sed -u "s/^/$1 /"
	return "${PIPESTATUS[0]}"
}
guest 1 &
first=$!
guest 2 &
second=$!
pids+=("$first" "$second")

killed=
while kill -0 "$first" 2>/dev/null || kill -0 "$second" 2>/dev/null; do
	if [ -z "$killed" ] && grep -q '^READY to be killed' "$LOG/$name-2.out" 2>/dev/null; then
		killed=1
		kill -KILL "$(cat "$dir/pid.2")" || die "guest 2 cannot be killed"
	fi
	sleep 0.1
done
rc=0
wait "$first" || rc=1
wait "$second" || [ -n "$killed" ] || rc=1

# Without clients the server ends by itself.
for _ in $(seq 100); do
	kill -0 "$serving" 2>/dev/null || break
	sleep 0.1
done
! kill -0 "$serving" 2>/dev/null || {
	say "the server is still there after the guests"
	kill "$serving" 2>/dev/null || true
	rc=1
}
wait "$serving" || {
	say "the server failed:"
	tail -n 20 "$LOG/$name.server" >&2
	rc=1
}
pids=()
for number in 1 2; do
	grep -q "^guest $number: gone, numbers 0 live, 0 pending$" "$LOG/$name.server" || {
		say "numbers of guest $number did not come back:"
		grep "^guest $number: gone" "$LOG/$name.server" >&2 || true
		rc=1
	}
done
exit "$rc"
