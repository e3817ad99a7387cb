#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Runs in a guest whose kernel checks contexts (CONFIG_DEBUG_ATOMIC_SLEEP), with
# ioasid-alloc-test.ko loaded: a driver that calls the allocator in a hard interrupt,
# or sleeps with a spin lock held, is told so in the log.

# mistake NUMBER PATTERN NAME
mistake()
{
	dmesg -c >/dev/null
	insmod /lib/ioasid/ioasid-alloc-test.ko mistake="$1" 2>/dev/null
	if dmesg | grep -q "$2.*pasid_api.h"; then
		echo "ok $1 - $3"
	else
		echo "not ok $1 - $3"
	fi
}

rmmod ioasid_alloc_test
mistake 1 'WARNING: CPU' 'a call in a hard interrupt is noticed'
mistake 2 'BUG: sleeping function called' 'sleeping with a spin lock held is noticed'
echo 1..2
echo 'MISTAKES DONE'
