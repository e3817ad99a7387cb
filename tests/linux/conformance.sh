#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Runs in the guest after init has loaded the modules: the conformance suite, the
# model, then the modules go. Words of the kernel's command line: ioasid.word=WORD runs only
# the cases that contain it, ioasid.patience=N multiplies what the suite waits for,
# ioasid.times=1 shows how long each case takes, ioasid.model=N and ioasid.isolation=N
# are the times of the model and of the isolation test in seconds.

# word NAME DEFAULT: what the kernel's command line says of it
word()
{
	value=$(sed -n "s/.*ioasid\.$1=\([^ ]*\).*/\1/p" /proc/cmdline)
	echo "${value:-$2}"
}

# busybox knows them
# shellcheck disable=SC3045
ulimit -l unlimited
# shellcheck disable=SC3045
ulimit -n 4096
CMOCKA_MESSAGE_OUTPUT=TAP
CONF_PATIENCE=$(word patience 10)
export CMOCKA_MESSAGE_OUTPUT CONF_PATIENCE
[ -z "$(word times '')" ] || export CONF_TIMES=1
only=$(word word '')
/conformance ${only:+"$only"}
echo "# conformance ended with status $? at $(cut -d ' ' -f 1 /proc/uptime) s"

# verdict STATUS NAME: a case of this script's own
plan=0
verdict()
{
	plan=$((plan + 1))
	[ "$1" = 0 ] && echo "ok $plan - $2" || echo "not ok $plan - $2"
}

# Random operations against the model, if it came along
if [ -x /model ]; then
	/model --seconds "$(word model 8)" >/tmp/model
	status=$?
	cat /tmp/model
	echo "1..$(grep -cE '^(not )?ok ' /tmp/model)"
	verdict $status 'the model ended well'
fi
# Who reaches whose memory, likewise; then with numbers of 20 bits
if [ -x /isolation ]; then
	seconds=$(word isolation 18)
	/isolation --sparse --seconds "$seconds" --steps 120 >/tmp/isolation
	status=$?
	/isolation --sparse --wide --seconds $((seconds / 4)) --steps 60 >>/tmp/isolation || status=1
	cat /tmp/isolation
	echo "1..$(grep -cE '^(not )?ok ' /tmp/isolation)"
	verdict $status 'the isolation test ended well'
fi
names=$(sed -n 's/^\(ioasid[^ ]*\) .*/\1/p' /proc/modules)
# shellcheck disable=SC2086 # words
rmmod $names && ! grep -q '^ioasid' /proc/modules
verdict $? 'modules unload'
echo "1..$plan"
echo 'CONFORMANCE DONE'
