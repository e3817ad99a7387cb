#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Runs in a debug kernel's guest after init has loaded the modules. What to run
# comes from the kernel's command line: ioasid.deep=failnth,conformance,stress
# (ioasid.seconds=N: how long the stress goes on). At the end the modules go, and
# what they forgot to free is listed.
# busybox knows them
# shellcheck disable=SC3045
ulimit -l unlimited
# shellcheck disable=SC3045
ulimit -n 4096
# What the conformance suite waits for takes longer here.
export CMOCKA_MESSAGE_OUTPUT=TAP CONF_PATIENCE=50

# word NAME: what the kernel's command line says of it
word()
{
	sed -n "s/.*ioasid\.$1=\([^ ]*\).*/\1/p" /proc/cmdline
}

plan=0
verdict()
{
	plan=$((plan + 1))
	if [ "$1" = 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
	fi
}

has_kmemleak()
{
	[ -f /sys/kernel/debug/kmemleak ] && ! echo scan=off 2>&1 >/sys/kernel/debug/kmemleak | grep -q .
}

# Failures are asked for by number; the knobs only say which allocations may fail.
prepare_failnth()
{
	for knob in failslab fail_page_alloc; do
		echo N >/sys/kernel/debug/$knob/ignore-gfp-wait
		echo 0 >/sys/kernel/debug/$knob/verbose
	done
	echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem
	echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
	echo 0 >/sys/kernel/debug/fail_usercopy/verbose
}

# A young object counts as a leak only at the second look.
leaks()
{
	echo scan >/sys/kernel/debug/kmemleak
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	cat /sys/kernel/debug/kmemleak
}

# The data race checker is silent when it finds nothing, and also when it is off.
races_looked_for()
{
	grep -q '^enabled: 1' /sys/kernel/debug/kcsan &&
		grep -q '^setup_watchpoints: [1-9]' /sys/kernel/debug/kcsan
}

deep=$(word deep)
seconds=$(word seconds)
for what in $(echo "$deep" | tr ',' ' '); do
	case $what in
	failnth)
		prepare_failnth
		/failnth
		;;
	races)
		# The slowest of its threads wait for the others most of the time.
		/races --seconds $((2 * ${seconds:-20})) >/tmp/races
		status=$?
		grep '^#' /tmp/races
		verdict $status 'races: many threads on one context'
		;;
	stress)
		/stress "${seconds:-20}"
		;;
	*)
		"/$what"
		;;
	esac
	echo "# $what ended with status $? at $(cut -d ' ' -f 1 /proc/uptime) s"
done

names=$(sed -n 's/^\(ioasid[^ ]*\) .*/\1/p' /proc/modules)
# shellcheck disable=SC2086 # words
rmmod $names && ! grep -q '^ioasid' /proc/modules
verdict $? "modules unload"
if [ -f /sys/kernel/debug/kcsan ]; then
	sed -n 's/^\(setup_watchpoints\|data_races\)/# &/p' /sys/kernel/debug/kcsan
	races_looked_for
	verdict $? 'the data race checker was at work'
fi
if has_kmemleak; then
	leaks >/tmp/leaks
	sed 's/^/# /' /tmp/leaks
	! grep -q 'unreferenced object' /tmp/leaks
	verdict $? 'kmemleak finds nothing'
fi
echo "1..$plan"
echo 'DEEP TESTS DONE'
