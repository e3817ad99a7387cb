#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Runs in a guest with edu and NVMe functions behind an emulated IOMMU: hands them
# to user space, runs the programs that drive them, takes everything back.
# ioasid.only=WORD on the kernel's command line: only the programs it names.
dmesg -n 4  # blocked DMA is expected, and there is much of it
mkdir -p /sys/fs/cgroup
mount -t cgroup2 cgroup /sys/fs/cgroup 2>/dev/null

devices=/sys/bus/pci/devices
nodes=/dev/ioasid-devices
only=$(sed -n 's/.*ioasid\.only=\([^ ]*\).*/\1/p' /proc/cmdline)
plan=0

verdict()
{
	plan=$((plan + 1))
	if [ "$1" = 0 ]; then
		echo "ok $plan - $2"
	else
		echo "not ok $plan - $2"
	fi
}

# functions VENDOR DEVICE: names, in order
functions()
{
	for path in "$devices"/*; do
		[ "$(cat "$path/vendor") $(cat "$path/device")" = "$1 $2" ] && echo "${path##*/}"
	done
}

# hand NAME: to user space
hand()
{
	echo ioasid-pci >"$devices/$1/driver_override"
	[ ! -e "$devices/$1/driver" ] || echo "$1" >"$devices/$1/driver/unbind"
	echo "$1" >/sys/bus/pci/drivers_probe
	[ -c "$nodes/$1" ]
}

# run NAME ARGUMENT...: a program of ours, unless another was asked for
run()
{
	case ,$only, in
	*,"$1",* | ,,) ;;
	*) return ;;
	esac
	program=$1 start=$(cut -d. -f1 /proc/uptime)
	shift
	"/$program" "$@"
	echo "# $program: status $?, $(($(cut -d. -f1 /proc/uptime) - start)) s"
}

loaded()
{
	grep -q "^$1 " /proc/modules
}

count()
{
	sed -n "s/^$1 [0-9]* \([0-9]*\) .*/\1/p" /proc/modules
}

# What a user of the module has open keeps it; what is merely bound does not.
unload_under_use()
{
	exec 5<>"$nodes/$edu"
	! rmmod ioasid_pci 2>/dev/null && loaded ioasid_pci
	verdict $? 'a module whose node is open stays'
	exec 5>&-
	exec 5<>/dev/ioasid
	! rmmod ioasid 2>/dev/null && loaded ioasid
	verdict $? 'ioasid.ko stays while a context is open, and while others need it'
	rmmod ioasid_pci && [ ! -e "$nodes/$edu" ] && ! loaded ioasid_pci
	verdict $? 'ioasid-pci.ko goes when nobody has a node open'
	! rmmod ioasid 2>/dev/null && loaded ioasid
	verdict $? 'a context alone keeps ioasid.ko'
	exec 5>&-
}

# Opening nodes races with loading and unloading; nothing but "not there" may come of it.
load_in_a_loop()
{
	(
		while [ ! -e /tmp/stop ]; do
			for node in "$nodes"/*; do
				[ -c "$node" ] && (exec 6<"$node") 2>/dev/null
			done
		done
	) &
	round=0 bad=0
	while [ "$round" -lt 6 ]; do
		round=$((round + 1))
		insmod /lib/ioasid/ioasid-pci.ko || bad=1
		tries=0
		until rmmod ioasid_pci 2>/dev/null; do
			tries=$((tries + 1))
			[ "$tries" -lt 1000 ] || { bad=1 && break; }
		done
	done
	: >/tmp/stop
	wait
	! loaded ioasid_pci && [ "$(count ioasid)" = 0 ] && [ "$bad" = 0 ]
	verdict $? 'loads and unloads while nodes are being opened'
}

# Functions that must not be had: a bridge, what no IOMMU guards, and what the administrator listed.
refusals()
{
	insmod /lib/ioasid/ioasid-pci.ko deny=1b36:0010,1234:5678
	! hand "$nvme" 2>/dev/null && dmesg | grep -q "$nvme: refused: unsafe"
	verdict $? 'a function in the deny list is refused'
	bridge=$(functions 0x1b36 0x000c | head -n 1)
	! hand "$bridge" 2>/dev/null && dmesg | grep -q "$bridge: refused: a bridge"
	verdict $? 'a bridge is refused'
	! hand "$bare" 2>/dev/null && dmesg | grep -q "$bare: refused: no IOMMU"
	verdict $? 'a function without an IOMMU is refused'
	rmmod ioasid_pci
	insmod /lib/ioasid/ioasid-pci.ko deny=1b36:0010 allow_denied=1
	hand "$nvme"
	verdict $? 'the administrator can lift the deny list'
	rmmod ioasid_pci
}

# shellcheck disable=SC2046 # names are words
set -- $(functions 0x1234 0x11e8)
edu=$1 edu2=$2 member1=$3 member2=$4 bare=$5
nvme=$(functions 0x1b36 0x0010)
card=$(functions 0x8086 0x10d3)
echo "# edu $edu $edu2, in one group $member1 $member2, nvme $nvme"
for name in "$edu" "$edu2" "$member1" "$member2" "$nvme" "$card"; do
	hand "$name"
	verdict $? "$name is handed out"
done
run test_edu "$edu" "$edu2" "$member1" "$member2"
run test_nvme "$nvme"
run test_pcie "$card"
run scenario_de "$edu" "$nvme" "$edu2"
run killed "$edu" edu
run limits "$edu"
run compat32 "$edu"
run apart "$edu" "$edu2"
unload_under_use
load_in_a_loop
refusals
rmmod ioasid && [ ! -e /dev/ioasid ] && ! grep -q '^ioasid' /proc/modules
verdict $? 'ioasid.ko unloads'
[ -z "$(ls "$nodes" 2>/dev/null)" ]
verdict $? 'no node is left'
echo "1..$plan"
echo 'PCI TESTS DONE'
