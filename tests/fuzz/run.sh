#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh SECONDS: build the libFuzzer targets and run each for its share of the time. New inputs stay
# in build/corpus/NAME; tests/fuzz/seeds/NAME, if there, is read as well. A crash leaves its input in
# the log folder and its name in the output.
set -u
seconds=${1:?usage: run.sh SECONDS}
log=${IOASID_LOG:-build/log}

scripts/build.sh clang-fuzz || {
	echo "not ok - building the fuzz targets"
	exit 1
}
mapfile -t targets < <(find build/clang-fuzz -type f -executable -name 'fuzz[-_]*' | sort)
if [ "${#targets[@]}" = 0 ]; then
	echo "not ok - no fuzz target was built"
	exit 1
fi
share=$((seconds / ${#targets[@]}))
[ "$share" -ge 3 ] || share=3
rc=0
for target in "${targets[@]}"; do
	name=${target##*/}
	corpus=build/corpus/$name
	seeds=tests/fuzz/seeds/$name
	mkdir -p "$corpus"
	[ -d "$seeds" ] || seeds=
	# shellcheck disable=SC2086 # no seeds: no argument
	if timeout $((share + 60)) "$target" -max_total_time="$share" -max_len=4096 -timeout=20 \
		-rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="$log/$name-" \
		"$corpus" $seeds >"$log/$name.log" 2>&1; then
		echo "ok - $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log/$name.log")" \
			"programs in $share s"
	else
		tail -n 40 "$log/$name.log" | sed 's/^/# /'
		echo "not ok - $name: input in $log/$name-*, log $log/$name.log"
		rc=1
	fi
done
exit $rc
