#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# debug-kernel.sh kasan|kcsan: a small kernel with checkers, built once from
# Debian's source package of the stock 6.12 kernel and kept in the cache, by
# package version and configuration (scripts/debug-kernel/*.config).
#   kasan  KASAN, lockdep, kmemleak, failures injected by number
#   kcsan  the data race checker
# Prints the folder: it holds boot/vmlinuz-VERSION, lib/modules/VERSION and
# build, which modules are compiled against. About ten minutes on two cores.
set -eu
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] || die "usage: debug-kernel.sh kasan|kcsan"
name=$1
case $name in
kasan | kcsan) ;;
*) die "unknown debug kernel '$name' (kasan, kcsan)" ;;
esac
fragments=$ROOT/scripts/debug-kernel
log=$LOG/debug-kernel-$name.log

"$ROOT/scripts/deps.sh" deep
dir=$(debug_kernel_dir "$name")
package=$(debug_kernel_package)
source=$CACHE/debug-kernel/source-$package

# The version file is written last.
if [ -f "$dir/version" ]; then
	touch "$dir"
	echo "$dir"
	exit 0
fi
mkdir -p "$CACHE/debug-kernel"
# A lock of its own: others may go on filling the rest of the cache meanwhile.
exec 9>"$CACHE/debug-kernel/.lock"
flock -n 9 || {
	say "== waiting: another run is building a debug kernel"
	flock 9
}
if [ -f "$dir/version" ]; then
	echo "$dir"
	exit 0
fi

unpack()
{
	rm -rf "$source.new"
	mkdir "$source.new"
	tar -C "$source.new" --strip-components=1 --no-same-owner \
		-xf /usr/src/linux-source-6.12.tar.xz
	rm -rf "$source"
	mv "$source.new" "$source"
}

# A name that the configuration dropped on the way is a check that silently does not happen.
check_config()
{
	local line missing=0

	while IFS= read -r line; do
		case $line in
		CONFIG_*) grep -qxF "$line" "$build/.config" ;;
		'# CONFIG_'*' is not set') ! grep -q "^${line:2:${#line}-13}=" "$build/.config" ;;
		*) continue ;;
		esac || {
			echo "not as asked: $line"
			missing=1
		}
	done < <(cat "$fragments/common.config" "$fragments/$name.config")
	return $missing
}

configure()
{
	rm -rf "$dir"
	mkdir -p "$build" "$dir/boot"
	make -C "$source" O="$build" ARCH=x86_64 tinyconfig
	(cd "$build" && "$source/scripts/kconfig/merge_config.sh" -m .config \
		"$fragments/common.config" "$fragments/$name.config")
	make -C "$source" O="$build" ARCH=x86_64 olddefconfig
	check_config
}

compile()
{
	make -C "$build" "-j$JOBS" bzImage modules
	make -C "$build" INSTALL_MOD_PATH="$dir" modules_install
	version=$(make -s --no-print-directory -C "$build" kernelrelease)
	cp "$build/arch/x86/boot/bzImage" "$dir/boot/vmlinuz-$version"
	find "$build" -name '*.o' ! -path '*/scripts/*' ! -path '*/tools/*' -delete
	echo "$version" >"$dir/version"
}

build=$dir/build
: >"$log"
[ -d "$source" ] || step "unpacking the kernel source $package" "$log" unpack
step "configuring the debug kernel $name" "$log" configure
step "building the debug kernel $name (once, about ten minutes)" "$log" compile
# Versions and configurations of the past
find "$CACHE/debug-kernel" -mindepth 1 -maxdepth 1 -type d -mtime +30 \
	! -path "$source" ! -path "$dir" -exec rm -rf {} +
echo "$dir"
