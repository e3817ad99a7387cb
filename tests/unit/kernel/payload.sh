#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Runs in the guest after init has loaded the modules: what the unit tests said,
# then a user of /dev/ioasid, then both modules go.
chmod 755 / # users other than root look at /proc, too

verdict()
{
	if [ "$1" = 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
	fi
}

if [ -d /sys/module/ioasid_test ]; then
	dmesg | sed -n 's/^.*ioasid-ut: //p'
	echo 1..1
	rmmod ioasid_test
	verdict $? "ioasid_test.ko unloads"
fi
echo 1..2
grep -q '^ioasid ' /proc/modules && [ -c /dev/ioasid ]
verdict $? "ioasid.ko is loaded"
/smoke
rmmod ioasid && [ ! -e /dev/ioasid ]
verdict $? "ioasid.ko unloads"
echo "KERNEL TESTS DONE"
