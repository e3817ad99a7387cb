#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# deb13-tree.sh: a Debian 13 tree with QEMU 11 and the newest kernel of its
# backports, in the cache; prints its path. It serves three ends: its QEMU runs
# on this machine through the tree's own dynamic loader (scripts/vm.sh), its
# kernel boots in guests, and its compiler builds modules for that kernel
# (scripts/kmod.sh). Nothing of it touches the machine's own packages.
#
# Every step leaves a stamp, so that an interrupted run goes on where it was;
# a half-made base system is thrown away. Set IOASID_TREE_UPDATE=1 to take in a
# newer QEMU or kernel.
set -eu
. "$(dirname "$0")/lib.sh"

suite=trixie
# What a finished tree has gone through: step names with a number that is raised
# when the step changes, so that older trees take just that step again.
recipe="base-1 lists-1 qemu-1 kernel-1 headers-2"
stamps=$TREE/.ioasid
log=$LOG/deb13-tree.log

done_already()
{
	[ "${IOASID_TREE_UPDATE:-}" != 1 ] && [ "$(cat "$stamps/complete" 2>/dev/null)" = "$recipe" ]
}

if done_already; then
	echo "$TREE"
	exit 0
fi
need_root "making the Debian 13 tree"
"$ROOT/scripts/deps.sh" vm
lock_cache
if done_already; then # by whoever held the lock before us
	echo "$TREE"
	exit 0
fi

# The machine's own Debian mirror, as its apt is set up: where it takes its own
# release from. Cloud images name a list of mirrors instead of one.
mirror()
{
	local release uri
	release=$(. /etc/os-release && echo "$VERSION_CODENAME")
	# shellcheck disable=SC2016 # fields of indextargets
	uri=$(apt-get indextargets --format \
		'$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN) $(LABEL)' 'Created-By: Packages' |
		awk -v want="$release main Debian Debian" \
			'{ uri = $1; sub(/^[^ ]* /, "") } $0 == want { print uri; exit }')
	case $uri in
	mirror+file:*) grep -m 1 -oE '^https?://[^[:space:]]+' "${uri#mirror+file:}" || true ;;
	http://* | https://*) echo "$uri" ;;
	esac
}

# apt knows what a source is only once it has looked there.
[ -n "$(mirror)" ] ||
	step "package lists of this machine" "$log" apt-get -q -o DPkg::Lock::Timeout=600 update
MIRROR=$(mirror)
MIRROR=${MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

apt_tree()
{
	in_tree apt-get -y -q -o Acquire::Retries=3 -o APT::Sandbox::User=root "$@"
}

base()
{
	rm -rf "$TREE"
	mkdir -p "$CACHE"
	debootstrap --variant=minbase --keyring="$keyring" --include=ca-certificates \
		"$suite" "$TREE" "$MIRROR"
	mkdir -p "$stamps"
}

# What the machine's apt needs to reach the mirror, the tree's apt needs as well:
# proxy, certificates, and the age an archive may have.
lists()
{
	printf 'deb %s %s main\n' "$MIRROR" "$suite" "$MIRROR" "$suite-backports" \
		>"$TREE/etc/apt/sources.list"
	apt-config dump |
		grep -E '^Acquire::((https?|ftp)::(Proxy|CAInfo|Verify)|Check-)' \
			>"$TREE/etc/apt/apt.conf.d/90machine" || true
	cat >"$TREE/etc/apt/apt.conf.d/91tree" <<-EOF
		APT::Install-Recommends "false";
		Acquire::Languages "none";
		Dir::Cache::pkgcache "";
		Dir::Cache::srcpkgcache "";
	EOF
	# No service may start inside a tree that is not a machine.
	printf '#!/bin/sh\nexit 101\n' >"$TREE/usr/sbin/policy-rc.d"
	chmod +x "$TREE/usr/sbin/policy-rc.d"
	cp /etc/resolv.conf /etc/hosts "$TREE/etc/" 2>/dev/null || true
	cp /etc/ssl/certs/ca-certificates.crt "$TREE/etc/ssl/certs/" 2>/dev/null || true
	in_tree dpkg --configure -a # in case an earlier run was cut off in the middle
	apt_tree update
}

qemu()
{
	apt_tree install -t "$suite-backports" qemu-system-x86
	apt_tree clean
}

# depends PACKAGE: what it depends on in the newest version of backports
depends()
{
	in_tree apt-cache -o APT::Default-Release="$suite-backports" depends \
		--no-recommends --no-suggests --no-enhances --no-breaks --no-conflicts \
		--no-replaces --important "$1" | sed -n 's/^ *|\{0,1\}Depends: //p'
}

# The image is unpacked, not installed: installing would build an initramfs and
# look for a boot loader. Newer kernels ship image and modules in packages of
# their own, which the image package depends on.
kernel()
{
	local image version packages
	image=$(depends linux-image-amd64 | grep '^linux-image-' | head -n 1)
	version=${image#linux-image-}
	packages=$({
		echo "$image"
		depends "$image" | grep -E '^linux-(binary|modules)-' || true
	} | sort -u)
	echo "kernel $version: $packages"
	rm -rf "$TREE/tmp/kernel"
	mkdir -p "$TREE/tmp/kernel"
	# shellcheck disable=SC2086
	# shellcheck disable=SC2016 # $0 and $@ are the inner shell's
	in_tree sh -c 'cd /tmp/kernel && apt-get -q -o APT::Sandbox::User=root -t "$0" download "$@"' \
		"$suite-backports" $packages
	for deb in "$TREE"/tmp/kernel/*.deb; do
		dpkg-deb -x "$deb" "$TREE/tmp/kernel/x"
	done
	# Copied by hand: /lib is a link in the tree and may be a folder in a package.
	for folder in boot lib/modules usr/lib/modules; do
		if [ -d "$TREE/tmp/kernel/x/$folder" ]; then
			mkdir -p "$TREE/$folder"
			cp -a "$TREE/tmp/kernel/x/$folder/." "$TREE/$folder/"
		fi
	done
	rm -rf "$TREE/tmp/kernel"
	depmod -b "$TREE" "$version"
	echo "$version" >"$stamps/kernel-version"
}

headers()
{
	local version
	version=$(cat "$stamps/kernel-version")
	apt_tree install -t "$suite-backports" "linux-headers-$version" gcc-14 make
	apt_tree clean
	[ -d "$TREE/usr/src/linux-headers-$version" ]
}

# stage STEP TEXT: unless its stamp says that it is done
stage()
{
	local name=${1%-*}
	[ "$(cat "$stamps/$name" 2>/dev/null)" != "$1" ] || return 0
	step "Debian 13 tree: $2" "$log" "$name"
	mkdir -p "$stamps"
	echo "$1" >"$stamps/$name"
}

if [ "${IOASID_TREE_UPDATE:-}" = 1 ]; then
	(cd "$stamps" 2>/dev/null && rm -f complete qemu kernel headers) || true
fi
# The archive may have moved on since an interrupted run.
rm -f "$stamps/lists"
: >"$log"
start=$SECONDS
for name in $recipe; do
	case $name in
	base-*) stage "$name" "base system from $MIRROR (1/5)" ;;
	lists-*) stage "$name" "package lists (2/5)" ;;
	qemu-*) stage "$name" "QEMU (3/5)" ;;
	kernel-*) stage "$name" "kernel image and modules (4/5)" ;;
	headers-*) stage "$name" "kernel headers and compiler (5/5)" ;;
	esac
done
say "   Debian 13 tree: $(in_tree qemu-system-x86_64 --version | head -n 1)," \
	"kernel $(cat "$stamps/kernel-version"), $((SECONDS - start)) s, $TREE"
echo "$recipe" >"$stamps/complete"
echo "$TREE"
