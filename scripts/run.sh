#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh backports|6.12|two: fetch what the demo needs, build it, and hand over to
# live/run.sh KERNEL or live/run-two.sh, which print the demo's own steps and last line.
set -eu
. "$(dirname "$0")/lib.sh"

kernel=${1:?usage: run.sh backports|6.12|two}
kernel_fetch backports # QEMU 11, whichever kernel boots
[ "$kernel" = two ] || kernel_fetch "$kernel"
# shellcheck disable=SC2086
"$ROOT/scripts/build.sh" perf $PERF_TARGETS
cd "$ROOT"
[ "$kernel" != two ] || exec live/run-two.sh
exec live/run.sh "$kernel"
