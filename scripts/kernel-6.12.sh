#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# kernel-6.12.sh: the stock 6.12 kernel of Debian 12 as a guest: headers by
# package on this machine, the matching image unpacked into the cache (never
# installed, so no boot loader and no initramfs of the machine changes).
# Prints the folder: it holds boot/vmlinuz-VERSION and lib/modules/VERSION.
set -eu
. "$(dirname "$0")/lib.sh"

log=$LOG/kernel-6.12.log

# The image has to match the headers that modules are built against.
version()
{
	dpkg-query -W -f '${Depends}\n' linux-headers-6.12-amd64 2>/dev/null |
		sed -n 's/^linux-headers-\([^ ,]*\).*/\1/p'
}

ready()
{
	local v
	v=$(version)
	[ -n "$v" ] && [ -f "$K612/boot/vmlinuz-$v" ] && [ "$(cat "$K612/version" 2>/dev/null)" = "$v" ]
}

if ready; then
	echo "$K612"
	exit 0
fi
"$ROOT/scripts/deps.sh" vm
lock_cache
if ready; then
	echo "$K612"
	exit 0
fi

download()
{
	(cd "$K612.new" && apt-get -q -o APT::Sandbox::User=root -o Acquire::Retries=3 \
		download "linux-image-$(version)")
}

fetch()
{
	rm -rf "$K612.new"
	mkdir -p "$K612.new"
	# Stale lists name versions that are gone; so may the installed headers be.
	download || {
		[ "$(id -u)" = 0 ]
		apt-get -q -o DPkg::Lock::Timeout=600 update
		DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=600 \
			install --no-install-recommends linux-headers-6.12-amd64
		download
	}
	for deb in "$K612.new"/*.deb; do
		dpkg-deb -x "$deb" "$K612.new"
	done
	rm -f "$K612.new"/*.deb
	depmod -b "$K612.new" "$(version)"
	version >"$K612.new/version"
	rm -rf "$K612"
	mv "$K612.new" "$K612"
}

: >"$log"
step "fetching the stock kernel $(version)" "$log" fetch
echo "$K612"
