#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Runs in the guest: one function for /dev/ioasid, its twin for VFIO, then the
# measuring program. Its file comes out between two marker lines.
ours=0000:00:05.0
theirs=0000:00:06.0

# give FUNCTION DRIVER
give()
{
	echo "$2" >"/sys/bus/pci/devices/$1/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
	driver=$(readlink "/sys/bus/pci/devices/$1/driver")
	[ "${driver##*/}" = "$2" ] || echo "# $1: driver is '$driver', not $2"
}

give $ours ioasid-pci
give $theirs vfio-pci
echo 1 >/proc/sys/kernel/printk
args=$(sed -n 's/.*ioasid\.bench=\([^ ]*\).*/\1/p' /proc/cmdline | tr ',' ' ')
# shellcheck disable=SC2086 # words
if /bench_linux -d $ours -v $theirs -o /tmp/bench.json $args; then
	echo 'JSON BEGIN'
	cat /tmp/bench.json
	echo 'JSON END'
	echo 'BENCH DONE'
fi
