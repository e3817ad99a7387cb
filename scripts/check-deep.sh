#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# check-deep.sh [PART...]: the long tests of tests/deep.d, reported as check.sh does.
set -eu
export IOASID_PART_TIMEOUT=${IOASID_PART_TIMEOUT:-7200}
exec "$(dirname "$0")/check.sh" -d tests/deep.d "$@"
