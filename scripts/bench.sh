#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# bench.sh: build without sanitizers and hand over to bench/run.sh, which prints
# the table and writes build/bench.json.
set -eu
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2086
"$ROOT/scripts/build.sh" perf $PERF_TARGETS bench/bench_pasid bench/bench_enqcmd
cd "$ROOT"
exec bench/run.sh "$@"
