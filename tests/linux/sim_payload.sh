#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Runs in the guest after init has loaded the modules: the program of docs/sim.md,
# the tests of /dev/ioasid-sim, numbers that somebody else uses, limits by cgroups, then the modules go.

# Where allocations can fail on demand, those that may sleep are not left out.
for knob in failslab fail_page_alloc fail_usercopy; do
	dir=/sys/kernel/debug/$knob
	[ -d "$dir" ] || continue
	[ ! -f "$dir/ignore-gfp-wait" ] || echo N >"$dir/ignore-gfp-wait"
	echo 0 >"$dir/verbose"
done
if [ -d /sys/kernel/debug/fail_page_alloc ]; then
	echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem
	echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
fi

# verdict NUMBER NAME STATUS
verdict()
{
	if [ "$3" = 0 ]; then
		echo "ok $1 - $2"
	else
		echo "not ok $1 - $2"
	fi
}

echo 1..2
/sim_first >/tmp/first
status=$?
sed 's/^/# /' /tmp/first
verdict 1 'the program of docs/sim.md' $status
names=$(sed -n 's/^\(ioasid[^ ]*\) .*/\1/p' /proc/modules)
/sim_control
/sim_queues
/sim_numbers /ioasid-hog.ko
/cgroups
# shellcheck disable=SC2086 # words
rmmod $names && ! grep -q '^ioasid' /proc/modules
verdict 2 'modules unload' $?
echo 'SIM TESTS DONE'
