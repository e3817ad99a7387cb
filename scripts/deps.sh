#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# deps.sh GROUP...: install the Debian packages of the groups that are missing.
# Silent and quick (one dpkg-query) when all are there.
set -eu
. "$(dirname "$0")/lib.sh"

packages()
{
	case $1 in
	build)
		echo gcc make libc6-dev pkg-config meson ninja-build liburcu-dev \
			libcmocka-dev libjson-c-dev libjudy-dev
		;;
	format)
		echo git clang-format-14
		;;
	check)
		packages format
		echo clang-14 libclang-rt-14-dev llvm-14 python3 groff-base man-db graphviz
		;;
	vm)
		echo debootstrap busybox-static cpio xz-utils kmod python3 \
			qemu-system-x86 linux-headers-6.12-amd64
		;;
	dkms)
		packages vm
		echo dkms
		;;
	deep)
		packages vm
		echo bc bison flex gcc libelf-dev libssl-dev linux-source-6.12 make rsync
		;;
	*)
		die "unknown package group '$1' (build, check, format, vm, dkms, deep)"
		;;
	esac
}

wanted=$(for group in "$@"; do packages "$group"; done | tr ' ' '\n' | sort -u)
# dpkg-query fails for names it has never heard of and still lists the others.
# shellcheck disable=SC2086 # one argument per package
have=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' $wanted 2>/dev/null |
	sed -n 's/^ii *//p' | sort -u || true)
missing=$(comm -23 <(echo "$wanted") <(echo "$have"))
[ -n "$missing" ] || exit 0

list=$(echo "$missing" | tr '\n' ' ')
[ "$(id -u)" = 0 ] || die "these Debian packages are missing; as root: apt-get install $list"

install_missing()
{
	export DEBIAN_FRONTEND=noninteractive
	local apt="apt-get -y -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3"
	# Lists of a fresh or long unused machine are absent or name versions
	# that are gone, so a first refusal means: look again, then try again.
	# shellcheck disable=SC2086
	$apt install --no-install-recommends $missing ||
		{ $apt update && $apt install --no-install-recommends $missing; }
}

step "installing packages: $list" "$LOG/deps.log" install_missing
