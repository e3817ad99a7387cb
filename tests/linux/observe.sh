#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Runs in the guest with ioasid.ko, ioasid-sim.ko and ioasid-example.ko loaded: what an
# administrator sees of it (/observe, with /ioasidctl), and the example driver
# (/example_user); if they came along, numbers through all their lives (/sva_life with
# ioasid-example-sva.ko) and the allocator's driver API (ioasid-alloc-test.ko). With an
# argument it is one part of another payload, and leaves the modules and the last line
# to that.

# busybox knows it
# shellcheck disable=SC3045
ulimit -l unlimited
/observe
echo "# observe ended with status $? at $(cut -d ' ' -f 1 /proc/uptime) s"
/example_user
echo "# example ended with status $?"
if [ -x /sva_life ]; then
	/sva_life
	echo "# sva_life ended with status $? at $(cut -d ' ' -f 1 /proc/uptime) s"
fi
if [ -f /lib/ioasid/ioasid-alloc-test.ko ]; then
	echo 1..1
	if grep -q '^ioasid_alloc_test ' /proc/modules; then
		echo 'ok 1 - allocator: every function is there, handlers are refused'
	else
		echo 'not ok 1 - allocator: every function is there, handlers are refused'
	fi
fi
[ $# -eq 0 ] || exit 0

names=$(sed -n 's/^\(ioasid[^ ]*\) .*/\1/p' /proc/modules)
echo 1..1
# shellcheck disable=SC2086 # words
if rmmod $names && [ ! -e /sys/kernel/debug/ioasid ]; then
	echo 'ok 1 - modules unload, debugfs is gone'
else
	echo 'not ok 1 - modules unload, debugfs is gone'
fi
echo 'OBSERVE DONE'
