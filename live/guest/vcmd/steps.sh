#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Inside a guest, sourced by its payload: with ioasid.vcmd=1 on the command line the unit has virtual
# commands, and ioasid.ko takes its numbers from the host. ioasid.ko, ioasid-vcmd.ko (if it could) and
# vcmdcheck.ko are loaded.
vcmd=/sys/kernel/debug/ioasid_vcmdcheck
modules=/lib/ioasid

# check STATUS TEXT
check()
{
	if [ "$1" = 0 ]; then
		echo "CHECK OK $2"
	else
		echo "CHECK FAILED $2"
	fi
}

loaded()
{
	grep -q "^$1 " /proc/modules
}

# Numbers of the host while ioasid-vcmd.ko is there, our own when it is not; it stays while one is out.
# What this guest has when it ends, the host takes back.
numbers_of_the_host()
{
	rmmod vcmdcheck
	base=$(cat /sys/module/ioasid_vcmd/parameters/base)
	insmod $modules/vcmdcheck.ko base="$base" && cat $vcmd
	! rmmod ioasid_vcmd 2>/dev/null && loaded ioasid_vcmd
	check $? 'while numbers of the host are out, ioasid-vcmd.ko stays'
	cat $vcmd
	rmmod vcmdcheck && rmmod ioasid_vcmd && ! loaded ioasid_vcmd
	check $? 'then it goes'
	insmod $modules/vcmdcheck.ko && cat $vcmd && rmmod vcmdcheck
	insmod $modules/ioasid-vcmd.ko base="$base" timeout_ms=200
	check $? 'it comes again, told where the unit is'
	insmod $modules/vcmdcheck.ko base="$base" leave=5 && cat $vcmd
}

virtual_commands()
{
	if grep -q 'ioasid.vcmd=1' /proc/cmdline; then
		numbers_of_the_host
	else
		! loaded ioasid_vcmd
		check $? 'without virtual commands ioasid-vcmd.ko does not load'
	fi
}
