#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Runs in a guest after init has loaded the modules: who may open what, what a
# 32-bit program sees, what /proc tells, examples/vmm_skeleton, then the fuzzer. Words of the kernel's
# command line: ioasid.seconds=N for the fuzzer (20), ioasid.seed=N one seed.

n=0
verdict()
{
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - security: $2"
	else
		echo "not ok $n - security: $2"
	fi
}

# word NAME: what the kernel's command line says of it
word()
{
	sed -n "s/.*ioasid\.$1=\([^ ]*\).*/\1/p" /proc/cmdline
}

# owner_only FILE...: none may be used by anybody but root
owner_only()
{
	for file; do
		[ -e "$file" ] || continue
		[ "$(stat -c '%U %a' "$file" | sed 's/^root [0-7]*00$/ok/')" = ok ] || {
			echo "# $file: $(stat -c '%U:%G %a' "$file")"
			return 1
		}
	done
}

# as_nobody COMMAND: in a shell without root
as_nobody()
{
	su -s /bin/sh nobody -c "$1" 2>/dev/null
}

printf '%s\n' root:x:0:0::/root:/bin/sh nobody:x:65534:65534::/:/bin/sh >/etc/passwd
printf '%s\n' root:x:0: nobody:x:65534: >/etc/group

owner_only /dev/ioasid /dev/ioasid-sim /dev/ioasid-devices/*
verdict $? 'without a udev rule the nodes are for root'
as_nobody true
verdict $? 'there are others than root to try with'
! as_nobody ': </dev/ioasid'
verdict $? 'others cannot open /dev/ioasid'
! as_nobody ': </dev/ioasid-sim'
verdict $? 'others cannot open /dev/ioasid-sim'
owner_only /sys/kernel/debug /sys/kernel/debug/ioasid/*
verdict $? 'debugfs is for root'
! as_nobody 'cat /sys/kernel/tracing/events/ioasid/enable'
verdict $? 'trace points are for root'
/layout64 >/tmp/layout64 && /layout32 >/tmp/layout32 && cmp /tmp/layout64 /tmp/layout32
verdict $? "a 32-bit caller sees what a 64-bit one sees ($(wc -l </tmp/layout32) lines)"
/procfs
verdict $? '/proc/PID/fdinfo and fd name the descriptors and no addresses'
if [ -e /dev/ioasid-sim ] && [ -x /vmm_skeleton ]; then
	/simdev vmm0 /vmm_skeleton /dev/ioasid vmm0 | sed 's/^/# /' >/tmp/vmm
	tail -n 1 /tmp/vmm | grep -q 'does not migrate: yes'
	verdict $? 'the VMM of docs/porting.md gets through on /dev/ioasid'
	cat /tmp/vmm
	/hostage
	verdict $? 'a device can be taken from a user whose MAP waits for a page'
fi
echo "1..$n"

# A PCI function for the fuzzer, if there is one that does not mind what is written to it.
node=''
for path in /sys/bus/pci/devices/*; do
	if [ -d /sys/bus/pci/drivers/ioasid-pci ] && [ "$(cat "$path/class")" = 0x010802 ]; then
		node=${path##*/}
		echo ioasid-pci >"$path/driver_override"
		echo "$node" >/sys/bus/pci/drivers_probe
	fi
done
if [ -n "$node" ]; then
	n=0
	/hostage "$node"
	verdict $? 'a function can be taken from a user whose read waits for a page'
	echo "1..$n"
	echo "$node" >/sys/bus/pci/drivers_probe
fi

# A machine whose rule lets a group in, for the fuzzer's users.
chgrp 900 /dev/ioasid && chmod 660 /dev/ioasid
# And a group whose limit on host-wide PASIDs it changes, where the kernel has groups.
mkdir -p /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup && mkdir /sys/fs/cgroup/ioasid-fuzz
seed=$(word seed)
seconds=$(word seconds)
# shellcheck disable=SC2086 # words
/fuzz_abi -t "${seconds:-20}" ${seed:+-s $seed} ${node:+-d $node}
echo "# fuzz_abi ended with status $?"

names=$(sed -n 's/^\(ioasid[^ ]*\) .*/\1/p' /proc/modules)
echo 1..1
# shellcheck disable=SC2086 # words
if rmmod $names && ! grep -q '^ioasid' /proc/modules; then
	echo 'ok 1 - security: modules unload'
else
	echo 'not ok 1 - security: modules unload'
fi
echo 'SECURITY TESTS DONE'
