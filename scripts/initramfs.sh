#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# initramfs.sh -k KERNEL -o OUT -p PAYLOAD [-m NAME]... [-i 'KO [PARAM...]']...
#              [-f FILE[:PLACE]]...
#   -k  6.12, backports, kasan or kcsan: whose modules -m and the dependencies of -i come from
#   -o  the archive to write (cpio, not compressed: unpacking costs more under TCG
#       than the bytes do)
#   -p  program or script that init runs as /payload when all modules are in
#   -m  module of the stock kernel, loaded with what it needs
#   -i  module of ours, loaded after those of -m, in the order given
#   -f  file to take along; PLACE is an absolute path in the guest, by default
#       /NAME. Shared libraries of dynamic programs come along by themselves.
#
# init mounts the usual file systems, loads the modules, runs the payload and
# powers off. What the payload prints goes to the second serial port when
# scripts/vm.sh offers it, apart from the kernel's messages.
set -eu
. "$(dirname "$0")/lib.sh"

kernel='' out='' payload=''
stock=() ours=() files=()
while getopts k:o:p:m:i:f: option; do
	case $option in
	k) kernel=$OPTARG ;;
	o) out=$OPTARG ;;
	p) payload=$OPTARG ;;
	m) stock+=("$OPTARG") ;;
	i) ours+=("$OPTARG") ;;
	f) files+=("$OPTARG") ;;
	*) exit 2 ;;
	esac
done
if [ -z "$kernel" ] || [ -z "$out" ] || [ -z "$payload" ]; then
	die "usage: initramfs.sh -k kernel -o out -p payload [-m module] [-i 'ko params'] [-f file[:place]]"
fi
kernel_fetch "$kernel"
version=$(kernel_version "$kernel")
root=$(kernel_root "$kernel")

top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
# As on any machine: users other than root find their way.
chmod 755 "$top"
mkdir -p "$top"/{bin,dev,etc,lib/ioasid,proc,root,sys,tmp}
: >"$top/lib/ioasid/list"

# add_file FILE PLACE: with the shared libraries it needs
add_file()
{
	local lib place
	[ -f "$1" ] || die "no such file: $1"
	mkdir -p "$top/$(dirname "$2")"
	cp -L "$1" "$top/$2"
	chmod u+rwx,go+rx "$top/$2"
	if [ "$(head -c 4 "$1" | tr -d '\0')" = $'\177ELF' ]; then
		for lib in $(ldd "$1" 2>/dev/null | grep -oE '/[^ ]+'); do
			# One of a build folder goes where the loader looks anyway:
			# the guest has other ideas of what is in /tmp, say.
			case $lib in
			/lib/* | /lib64/* | /usr/*) place=$lib ;;
			*) place=/lib/${lib##*/} ;;
			esac
			[ -e "$top/$place" ] || {
				mkdir -p "$top/$(dirname "$place")"
				cp -L "$lib" "$top/$place"
			}
		done
	fi
}

# add_stock NAME: the module and its dependencies, each once, in loading order
add_stock()
{
	local depends kind ko file
	depends=$(modprobe -d "$root" -S "$version" --show-depends "$1" 2>&1) ||
		die "kernel $version has no module $1"
	while read -r kind ko _; do
		[ "$kind" = insmod ] || continue # the rest is built in
		file=${ko##*/}
		file=${file%%.ko*}.ko
		[ ! -e "$top/lib/ioasid/$file" ] || continue
		case $ko in
		*.xz) xz -dc "$ko" ;;
		*.zst) zstd -dcq "$ko" ;;
		*) cat "$ko" ;;
		esac >"$top/lib/ioasid/$file"
		echo "$file" >>"$top/lib/ioasid/list"
	done <<<"$depends"
}

# What our modules need of the stock kernel, unless another of ours provides it
own_names=" "
for line in "${ours[@]}"; do
	ko=${line%% *}
	own_names+="$(basename "$ko" .ko | tr - _) "
done
for name in "${stock[@]}"; do
	add_stock "$name"
done
for line in "${ours[@]}"; do
	ko=${line%% *}
	for name in $(modinfo -F depends "$ko" | tr ',' ' '); do
		case $own_names in
		*" $(echo "$name" | tr - _) "*) ;;
		*) add_stock "$name" ;;
		esac
	done
	objcopy --strip-debug "$ko" "$top/lib/ioasid/${ko##*/}"
	echo "${ko##*/}${line#"$ko"}" >>"$top/lib/ioasid/list"
done

add_file /bin/busybox bin/busybox
ln -s busybox "$top/bin/sh"
add_file "$payload" payload
for spec in "${files[@]}"; do
	place=/${spec##*/}
	case $spec in
	*:/*)
		place=${spec##*:}
		spec=${spec%:*}
		;;
	esac
	add_file "$spec" "$place"
done

cat >"$top/init" <<'EOF'
#!/bin/sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmp /dev/shm
mount -t tmpfs tmp /tmp
mount -t devpts pts /dev/pts
mount -t debugfs debug /sys/kernel/debug 2>/dev/null
mount -t tracefs trace /sys/kernel/tracing 2>/dev/null
ip link set lo up 2>/dev/null

# The payload's own serial port, if the machine has one
port=$(sed -n 's/.*ioasid\.out=\([^ ]*\).*/\1/p' /proc/cmdline)
if [ -n "$port" ] && [ -c "/dev/$port" ]; then
	stty -F "/dev/$port" raw -echo
	exec >"/dev/$port" 2>&1
fi
echo "init: kernel $(uname -r) up after $(cut -d ' ' -f 1 /proc/uptime) s"
while read -r ko params; do
	# Parameters are words of their own.
	insmod "/lib/ioasid/$ko" $params || echo "init: insmod $ko failed"
done </lib/ioasid/list
cd /tmp
/payload </dev/null
echo "init: payload ended with status $? at $(cut -d ' ' -f 1 /proc/uptime) s"
# Closing the port waits until its last byte is out.
exec >/dev/console 2>&1
poweroff -f
EOF
chmod +x "$top/init"
mkdir -p "$(dirname "$out")"
(cd "$top" && find . | sort | cpio -o -H newc -R 0:0 --quiet) >"$out.new"
mv "$out.new" "$out"
