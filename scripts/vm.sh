#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# vm.sh -k KERNEL -i INITRD -M MARKER [-q host|tree] [-t SECONDS] [-m MEMORY]
#       [-c CPUS] [-a APPEND] [-n NAME] [-C] [-v] [-- QEMU ARGUMENT...]
#   -k  6.12, backports, kasan, kcsan, or the path of a kernel image
#   -M  the line that means success, whole, on either serial port
#   -q  Debian 12's QEMU (host) or QEMU 11 of the Debian 13 tree (tree, default)
#   -t  limit from start to power-off (default 60); -m 512M; -c 1
#   -n  name of this machine: logs are NAME.console (kernel), NAME.out (payload)
#       and NAME.qemu in $IOASID_LOG (default build/log)
#   -C  the kernel log must be clean: a warning, oops, lockdep or KASAN report fails
#   -v  pass the payload's output on to stdout as it comes
#
# Guest RAM is one shared memory file, as vfio-user devices need it. The machine
# is killed when this script ends, however it ends. Exit status 0 only if the
# marker was seen, the guest powered off by itself and did not panic.
set -eu
. "$(dirname "$0")/lib.sh"

kernel='' initrd='' marker='' qemu=tree limit=60 memory=512M cpus=1 append='' name=vm-$$
clean=0 verbose=0
while getopts k:i:M:q:t:m:c:a:n:Cv option; do
	case $option in
	k) kernel=$OPTARG ;;
	i) initrd=$OPTARG ;;
	M) marker=$OPTARG ;;
	q) qemu=$OPTARG ;;
	t) limit=$OPTARG ;;
	m) memory=$OPTARG ;;
	c) cpus=$OPTARG ;;
	a) append=$OPTARG ;;
	n) name=$OPTARG ;;
	C) clean=1 ;;
	v) verbose=1 ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
if [ -z "$kernel" ] || [ -z "$initrd" ] || [ -z "$marker" ]; then
	die "usage: vm.sh -k kernel -i initrd -M marker [options] [-- qemu arguments]"
fi
case $kernel in
6.12 | backports | kasan | kcsan)
	kernel_fetch "$kernel"
	kernel=$(kernel_image "$kernel")
	;;
esac
[ "$qemu" != tree ] || kernel_fetch backports

mkdir -p "$LOG"
console=$LOG/$name.console out=$LOG/$name.out noise=$LOG/$name.qemu
: >"$console"
: >"$out"
: >"$noise"
pid='' tail=''

cleanup()
{
	trap '' INT TERM
	[ -z "$pid" ] || {
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	}
	[ -z "$tail" ] || kill "$tail" 2>/dev/null || true
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The outer timeout and the death signal are for the case that we are killed
# without a chance to clean up. QEMU's own log is cut: a broken guest can make it
# write without end.
# no_timer_check: a busy host looks to the guest like a timer that does not tick.
setpriv --pdeathsig TERM timeout -k 5 $((limit + 10)) \
	"$ROOT/scripts/qemu.sh" "$qemu" \
	-accel tcg -cpu max,la57=off -smp "$cpus" -machine q35,memory-backend=ram -m "$memory" \
	-object "memory-backend-memfd,id=ram,size=$memory,share=on" \
	-nodefaults -no-user-config -display none -no-reboot \
	-serial "file:$console" -serial "file:$out" \
	-kernel "$kernel" -initrd "$initrd" \
	-append "console=ttyS0 panic=-1 oops=panic no_timer_check ioasid.out=ttyS1 $append" \
	"$@" </dev/null > >(head -c 200000 >"$noise"; cat >/dev/null) 2>&1 &
pid=$!
if [ "$verbose" = 1 ]; then
	setpriv --pdeathsig TERM tail -s 0.1 --pid="$pid" -n +1 -f "$out" &
	tail=$!
fi

seen()
{
	tr -d '\r' <"$out" | grep -qxF -- "$marker" ||
		tr -d '\r' <"$console" | grep -qxF -- "$marker"
}

failed()
{
	say "-- $console, last lines:"
	tail -n 15 "$console" >&2
	say "-- $out, last lines:"
	tail -n 15 "$out" >&2
	[ ! -s "$noise" ] || {
		say "-- $noise:"
		tail -n 5 "$noise" >&2
	}
	die "$name: $1 after $SECONDS s"
}

beat=5
SECONDS=0
while kill -0 "$pid" 2>/dev/null; do
	sleep 0.1
	if [ "$SECONDS" -ge "$limit" ]; then
		kill "$pid" 2>/dev/null || true
		failed "no power-off"
	fi
	if [ "$SECONDS" -ge "$beat" ]; then
		beat=$((SECONDS + 5))
		say "   ... $name: $SECONDS s, $(wc -l <"$console") console lines," \
			"$(wc -l <"$out") of output"
	fi
done
rc=0
wait "$pid" || rc=$?
pid=''
[ -z "$tail" ] || wait "$tail" || true # it ends by itself after a last look
tail=''

[ "$rc" = 0 ] || failed "QEMU ended with status $rc"
! grep -q 'Kernel panic' "$console" || failed "the guest panicked"
seen || failed "line '$marker' missing at power-off"
if [ "$clean" = 1 ]; then
	dirt=$(grep -aE 'WARNING:|BUG:|Oops|Call Trace|KASAN|UBSAN|refcount_t|possible recursive|INFO: (task|rcu)' \
		"$console" | head -n 5 || true)
	[ -z "$dirt" ] || failed "kernel log not clean: $dirt"
fi
