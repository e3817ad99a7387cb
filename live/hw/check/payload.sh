#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Inside the guest: run the modules' checks, say how they ended.
. /steps.sh
report=/tmp/report
{
	cat /sys/kernel/debug/ioasid_hwcheck
	virtual_commands
} >$report 2>&1
cat $report
for group in /sys/bus/pci/devices/0000:00:0[45].0/iommu_group; do
	echo "FACT $group: $(readlink "$group")"
done
if grep -q 'CHECK END' $report && ! grep -q 'CHECK FAILED' $report; then
	echo 'HWCHECK OK'
else
	echo 'HWCHECK FAILED'
fi
