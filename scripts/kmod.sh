#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# kmod.sh KERNEL KBUILD-DIR OUT-DIR [PATH...]: build the out-of-tree
# modules that KBUILD-DIR/Kbuild describes and put the .ko files into OUT-DIR;
# prints their paths. KERNEL: 6.12, backports, kasan, kcsan (see kernel_fetch in lib.sh).
#
# Modules may lie in KBUILD-DIR or in a PATH that KBUILD-DIR/Kbuild descends into.
# KBUILD-DIR and every PATH (folder or file) are relative to the root of the
# checkout and are copied with their places kept, so that Kbuild may name
# ../core/x.o and headers are found at -I$(src)/../include. The checkout itself
# stays clean. Only what changed is copied and compiled again.
# For backports the copy lies in the Debian 13 tree and its gcc-14 compiles.
set -eu
. "$(dirname "$0")/lib.sh"

[ $# -ge 3 ] || die "usage: kmod.sh kernel kbuild-dir out-dir [path...]"
kernel=$1 kbuild=${2%/} out=$3
shift 3
cd "$ROOT"
[ -f "$kbuild/Kbuild" ] || die "$kbuild/Kbuild does not exist"
kernel_fetch "$kernel"
version=$(kernel_version "$kernel")
name=$(echo "$kbuild" | tr / -)
log=$LOG/kmod-$kernel-$name.log

if [ "$kernel" = backports ]; then
	need_root "building modules in the Debian 13 tree"
	# A folder of its own for each checkout that shares the tree.
	inside=/srv/kmod/$(echo "$ROOT" | cksum | cut -d ' ' -f 1)-$name
	work=$TREE$inside
else
	work=$BUILD/kmod/$kernel/$name
fi
mkdir -p "$work" "$out"
touch "$work"
if [ "$kernel" = backports ]; then # checkouts that are gone leave nothing for long
	find "$TREE/srv/kmod" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} +
fi
exec 8>"$work/.lock"
flock 8

# The files wanted, and a copy of those whose content changed; time stamps are
# not kept, since make must see a change to an older version too.
find "$kbuild" "$@" -type f \
	\( -name '*.[chS]' -o -name Kbuild -o -name Makefile -o -name '*.lds' \) \
	! -name '*.mod.c' | sort -u >"$work/.files.new"
while IFS= read -r file; do
	cmp -s "$file" "$work/$file" || {
		mkdir -p "$work/$(dirname "$file")"
		cp --no-preserve=all "$file" "$work/$file"
	}
done <"$work/.files.new"
if [ -f "$work/.files" ]; then
	comm -23 "$work/.files" "$work/.files.new" | while IFS= read -r file; do
		rm -f "$work/$file"
	done
fi
mv "$work/.files.new" "$work/.files"

# No BTF: it needs the kernel's vmlinux, and no module of ours is traced.
cflags=-Werror
case $kernel in
kasan | kcsan) cflags+=' -Wno-error=frame-larger-than=' ;; # checks need room on the stack
esac
flags="-j$JOBS CONFIG_DEBUG_INFO_BTF_MODULES="
compile()
{
	find "$work" -name '*.ko' -delete
	if [ "$kernel" = backports ]; then
		# shellcheck disable=SC2086
		in_tree make -C "$(kernel_build "$kernel")" M="$inside/$kbuild" $flags \
			KCFLAGS="$cflags" modules
	else
		# shellcheck disable=SC2086
		make -C "$(kernel_build "$kernel")" M="$work/$kbuild" $flags \
			KCFLAGS="$cflags" modules
	fi
}
: >"$log"
step "building modules of $kbuild for $version" "$log" compile 8>&-
mapfile -t built < <(find "$work" -name '*.ko' | sort)
[ "${#built[@]}" -gt 0 ] || die "$kbuild/Kbuild built no module; log: $log"
for ko in "${built[@]}"; do
	cp "$ko" "$out/"
	echo "$out/${ko##*/}"
done
