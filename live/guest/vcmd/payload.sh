#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Inside the guest: PASIDs from the host, then the demo.
. /steps.sh
virtual_commands
exec /accel-demo
