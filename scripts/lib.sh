# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash disable=SC2034 # names used by those who source this
#
# Shared by the scripts in this folder: `. "$(dirname "$0")/lib.sh"`. Places,
# progress lines and the one-command-with-a-log idiom.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$ROOT/build
LOG=${IOASID_LOG:-$BUILD/log}
# Downloads that outlive the checkout; clones share them under a lock.
CACHE=${IOASID_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/ioasid}
TREE=$CACHE/deb13
K612=$CACHE/kernel-6.12
JOBS=${IOASID_JOBS:-$(nproc)}
# What the demo and the measurements need of the build without sanitizers; tests are in build/asan.
PERF_TARGETS='live/ioasid-accel-server live/accel-demo live/accel-two bench/bench_core tools/ioasidctl'
# All kernel modules: folders that kmods/Kbuild descends into, and what they include. Whoever builds
# with the same list shares the build.
KMOD_FOLDERS='core formats enqcmd os include linux sim pci vcmd examples/kernel live/guest/vcmd
	tests/linux/alloc tests/abi'
export LC_ALL=C.UTF-8
# A make that calls us must not lend its job server to the makes we start.
unset MAKEFLAGS MFLAGS MAKELEVEL

mkdir -p "$LOG"

# Progress goes to stderr, so that stdout carries a script's answer alone.
say()
{
	printf '%s\n' "$*" >&2
}

die()
{
	say "${0##*/}: $*"
	exit 1
}

need_root()
{
	[ "$(id -u)" = 0 ] || die "$1 needs root (chroot and package installation); run it as root"
}

# ticker TEXT: a line every 10 s until killed. Background jobs ignore Ctrl-C,
# so it watches its parent; it holds no descriptor that a pipe or lock waits for.
ticker()
{
	local start=$SECONDS

	while sleep 10 >/dev/null 2>&1 9>&-; do
		kill -0 $$ 2>/dev/null || exit 0
		say "   ... $1: $((SECONDS - start)) s"
	done
}

# step TEXT LOGFILE COMMAND...: run with output to the log, one line before it,
# a heartbeat, the log's tail on failure. Never call it under || or if: that
# would switch off set -e inside COMMAND.
step()
{
	local text=$1 log=$2 start=$SECONDS tick rc
	shift 2
	say "== $text"
	ticker "$text" 9>&- &
	tick=$!
	set +e
	(
		set -e
		"$@"
	) >>"$log" 2>&1 </dev/null
	rc=$?
	set -e
	kill "$tick" 2>/dev/null
	wait "$tick" 2>/dev/null || true
	if [ "$rc" -ne 0 ]; then
		tail -n 25 "$log" >&2
		die "$text failed after $((SECONDS - start)) s (status $rc); log: $log"
	fi
	if [ $((SECONDS - start)) -ge 10 ]; then
		say "   $text: done in $((SECONDS - start)) s"
	fi
}

# lock_cache: one clone at a time changes the cache; held until the script ends.
lock_cache()
{
	mkdir -p "$CACHE"
	exec 9>"$CACHE/.lock"
	if ! flock -n 9; then
		say "== waiting: another run is filling $CACHE"
		flock 9
	fi
}

# sources [PATTERN...]: files of the project that exist, tracked or new,
# without what .gitignore names. Default: C.
sources()
{
	[ $# -gt 0 ] || set -- '*.c' '*.h'
	git -c safe.directory='*' ls-files --cached --others --exclude-standard -- "$@" |
		while IFS= read -r file; do
			[ ! -f "$file" ] || printf '%s\n' "$file"
		done | sort -u
}

# in_tree COMMAND...: run inside the Debian 13 tree. /proc (objtool wants it) is
# mounted in a name space of this command's own, so nothing is left behind.
in_tree()
{
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount --propagation private sh -c '
		tree=$1
		shift
		mount -t proc proc "$tree/proc" || exit 125
		exec chroot "$tree" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
	' in_tree "$TREE" "$@"
}

# The guest kernels: 6.12 and backports are Debian's, kasan and kcsan are built here
# with checkers. kernel_fetch NAME makes one available; the others answer from what
# is there.
kernel_fetch()
{
	case $1 in
	6.12) "$ROOT/scripts/kernel-6.12.sh" >/dev/null ;;
	backports) "$ROOT/scripts/deb13-tree.sh" >/dev/null ;;
	kasan | kcsan) "$ROOT/scripts/debug-kernel.sh" "$1" >/dev/null ;;
	*) die "unknown kernel '$1' (6.12, backports, kasan, kcsan)" ;;
	esac
}

# debug_kernel_package: version of the source package that debug kernels are built from
debug_kernel_package()
{
	dpkg-query -W -f '${Version}' linux-source-6.12 2>/dev/null
}

# debug_kernel_dir NAME: named by all that decides what is in it
debug_kernel_dir()
{
	local key
	key=$(cat "$ROOT/scripts/debug-kernel/common.config" "$ROOT/scripts/debug-kernel/$1.config" |
		cksum | cut -d ' ' -f 1)
	echo "$CACHE/debug-kernel/$1-$(debug_kernel_package)-$key"
}

kernel_version()
{
	case $1 in
	6.12) cat "$K612/version" ;;
	backports) cat "$TREE/.ioasid/kernel-version" ;;
	kasan | kcsan) cat "$(debug_kernel_dir "$1")/version" ;;
	esac
}

# kernel_root NAME: the folder that holds lib/modules/VERSION
kernel_root()
{
	case $1 in
	6.12) echo "$K612" ;;
	backports) echo "$TREE" ;;
	kasan | kcsan) debug_kernel_dir "$1" ;;
	esac
}

# kernel_build NAME: what modules are compiled against; for backports a place in the tree
kernel_build()
{
	case $1 in
	6.12 | backports) echo "/lib/modules/$(kernel_version "$1")/build" ;;
	kasan | kcsan) echo "$(debug_kernel_dir "$1")/build" ;;
	esac
}

kernel_image()
{
	local root version
	root=$(kernel_root "$1")
	version=$(kernel_version "$1")
	for image in "$root/boot/vmlinuz-$version" "$root/lib/modules/$version/vmlinuz"; do
		if [ -f "$image" ]; then
			echo "$image"
			return
		fi
	done
	die "no image of kernel $version in $root"
}
