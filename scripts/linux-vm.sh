#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# linux-vm.sh -k KERNEL -p PAYLOAD -M MARKER [-n NAME] [-f FILE[:PLACE]]... [-i 'KO [PARAM...]']...
#             [-m MODULE]... [-t SECONDS] [-a APPEND] [-r MEMORY] [-c CPUS] [-q host|tree] [-v]
#             [-x] [-w SERVER [-o 'SERVER OPTIONS']] [-- QEMU ARGUMENT...]
# A guest with our kernel modules: builds them all, boots KERNEL (6.12, backports, kasan, kcsan)
# with ioasid.ko and ioasid-sim.ko loaded, and lets PAYLOAD run. Status 0: the payload printed
# MARKER, the guest powered off by itself, the kernel's log is clean.
#   -i  further module of ours, by its name in the build (ioasid-pci) with its parameters
#   -r  guest memory (default 512M); the rest as in initramfs.sh and vm.sh
#   -x  the caller judges the kernel's log
#   -w  boot behind a VT-d unit with two commanded endpoints (live/hw/guest-hw.sh), which SERVER
#       emulates; ioasid-pci.ko comes along. The payload's output goes to stdout too
# Logs: $IOASID_LOG/NAME.out (payload), .console (kernel), .qemu. Modules: build/linux/KERNEL.
set -eu
. "$(dirname "$0")/lib.sh"

kernel='' payload='' marker='' name='' limit=120 append='' memory=512M cpus=2 qemu=tree
server='' options=''
extra=() verbose=() clean=(-C)
ours=(ioasid ioasid-sim)
while getopts k:p:M:n:f:i:m:t:a:r:c:q:w:o:vx option; do
	case $option in
	k) kernel=$OPTARG ;;
	p) payload=$OPTARG ;;
	M) marker=$OPTARG ;;
	n) name=$OPTARG ;;
	f) extra+=(-f "$OPTARG") ;;
	i) ours+=("$OPTARG") ;;
	m) extra+=(-m "$OPTARG") ;;
	t) limit=$OPTARG ;;
	a) append=$OPTARG ;;
	r) memory=$OPTARG ;;
	c) cpus=$OPTARG ;;
	q) qemu=$OPTARG ;;
	w)
		server=$OPTARG
		# The unit remaps no interrupts. A user that is told to let go is not waited for: tests
		# take functions away.
		ours[0]='ioasid allow_unsafe_interrupts=1'
		ours+=('ioasid-pci removal_ms=0')
		;;
	o) options=$OPTARG ;;
	v) verbose=(-v) ;;
	x) clean=() ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ "${1:-}" != -- ] || shift
if [ -z "$kernel" ] || [ -z "$payload" ] || [ -z "$marker" ]; then
	die "usage: linux-vm.sh -k kernel -p payload -M marker [options] [-- qemu arguments]"
fi
name=${name:-linux-$kernel}
out=$BUILD/linux/$kernel
mkdir -p "$out"

image=$(mktemp "${TMPDIR:-/tmp}/ioasid-linux.XXXXXX")
trap 'rm -f "$image"' EXIT
(
	# Runs side by side share the modules.
	flock 7
	# shellcheck disable=SC2086 # folders are words
	"$ROOT/scripts/kmod.sh" "$kernel" kmods "$out" $KMOD_FOLDERS >/dev/null 7>&-
	modules=()
	for ko in "${ours[@]}"; do
		ko_name=${ko%% *}
		modules+=(-i "$out/$ko_name.ko${ko#"$ko_name"}")
	done
	"$ROOT/scripts/initramfs.sh" -k "$kernel" -o "$image" -p "$payload" "${modules[@]}" \
		"${extra[@]}" 7>&-
) 7>"$out/.lock"

# Each case makes devices and takes them away: without expedited grace periods waiting is all
# it would do, and a console with a line for each of them is slow. Warnings still show there.
append="rcupdate.rcu_expedited=1 loglevel=5 $append"
if [ -n "$server" ]; then
	"$ROOT/live/hw/guest-hw.sh" -k "$kernel" -i "$image" -M "$marker" -t "$limit" -m "$memory" \
		-c "$cpus" -n "$name" -S "$server" -o "$options" -a "$append" -- "$@"
else
	"$ROOT/scripts/vm.sh" -k "$kernel" -i "$image" -M "$marker" -t "$limit" -m "$memory" \
		-c "$cpus" -q "$qemu" -n "$name" "${clean[@]}" "${verbose[@]}" -a "$append" -- "$@"
fi
