#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# make-source.sh DIR: lay out the sources of the kernel modules, and nothing else,
# as DKMS wants them: DIR becomes what belongs in /usr/src/ioasid-VERSION. Prints
# the version. DIR must not exist, or be empty.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:?usage: make-source.sh DIR}
version=$(sed -n "s/^ *version : '\([^']*\)',$/\1/p" "$root/meson.build" | head -n 1)
[ -n "$version" ] || {
	echo "make-source.sh: meson.build names no version" >&2
	exit 1
}
if [ -e "$dir" ] && [ -n "$(ls -A "$dir")" ]; then
	echo "make-source.sh: $dir is not empty" >&2
	exit 1
fi

# modules: folder and name of each module that the build makes, in loading order
modules()
{
	local folder
	for folder in linux sim pci vcmd; do
		[ ! -f "$root/$folder/Kbuild" ] ||
			echo "$folder $(sed -n 's/^obj-m := \(.*\)\.o$/\1/p' "$root/$folder/Kbuild")"
	done
}

mkdir -p "$dir"
cd "$root"
find core formats enqcmd kmods linux sim pci vcmd os/linux include/linux include/uapi LICENSES -type f \
	\( -name '*.[ch]' -o -name Kbuild -o -path 'LICENSES/*' \) ! -name '*.mod.c' -print0 |
	tar -c --null -T - --owner=0 --group=0 --mode=u=rwX,go=rX | tar -x -C "$dir" --no-same-owner
{
	sed "s/@VERSION@/$version/" dkms/dkms.conf.in
	n=0
	modules | while read -r folder name; do
		printf '\nBUILT_MODULE_NAME[%d]="%s"\nBUILT_MODULE_LOCATION[%d]="%s"\n' \
			"$n" "$name" "$n" "$folder"
		# shellcheck disable=SC2016 # for DKMS to expand
		printf 'DEST_MODULE_LOCATION[%d]="/updates/dkms"\n' "$n"
		n=$((n + 1))
	done
} >"$dir/dkms.conf"
echo "$version"
