#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# install.sh [DESTDIR]: put the modules' sources, the udev rule and the group into
# place. Without DESTDIR also hand the sources to DKMS, which builds and installs
# the modules for the running kernel, and for others as they are installed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
destdir=${1:-}
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
version=$("$here/make-source.sh" "$new/source")

source=$destdir/usr/src/ioasid-$version
if [ -z "$destdir" ] && [ -n "$(dkms status -m ioasid -v "$version")" ]; then
	dkms remove -m ioasid -v "$version" --all
fi
rm -rf "$source"
mkdir -p "$(dirname "$source")" "$destdir/usr/lib/udev/rules.d" "$destdir/usr/lib/sysusers.d"
cp -r "$new/source" "$source"
install -m 644 "$here/../scripts/udev/60-ioasid.rules" "$destdir/usr/lib/udev/rules.d/"
install -m 644 "$here/../scripts/udev/ioasid.sysusers" "$destdir/usr/lib/sysusers.d/ioasid.conf"
[ -z "$destdir" ] || exit 0

getent group ioasid >/dev/null || groupadd --system ioasid
dkms add -m ioasid -v "$version"
dkms install -m ioasid -v "$version"
if command -v udevadm >/dev/null; then
	udevadm control --reload || true
fi
