#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh [NAME-PREFIX...]: the performance table on stdout, the same in build/bench.json: the rows
# of bench_core, bench_pasid and bench_enqcmd, then those a live guest measures (names live.*). With
# prefixes only rows that begin so.
set -euo pipefail
. "$(dirname "$0")/../scripts/lib.sh"

core=$BUILD/bench-core.json
pasid=$BUILD/bench-pasid.json
enqcmd=$BUILD/bench-enqcmd.json
live=$BUILD/bench-live.json
echo '[]' >"$live"

wants_live()
{
	[ $# -gt 0 ] || return 0
	local prefix
	for prefix; do
		case live. in "$prefix"*) return 0 ;; esac
		case $prefix in live*) return 0 ;; esac
	done
	return 1
}

# The guest prints: BENCH name p50 min p99, in nanoseconds.
rows_of_guest()
{
	awk '$1 == "BENCH" {
		printf "%s\n  {\"name\": \"%s\", \"unit\": \"ns\", \"value\": %s, \"min\": %s, " \
			"\"max\": %s, \"baseline\": null, \"baseline_value\": null, \"ratio\": null}", \
			n++ ? "," : "[", $2, $3, $4, $5
	}
	END { print n ? "\n]" : "[]" }'
}

say "== measuring the library"
"$BUILD/perf/bench/bench_core" -o "$core" "$@"
"$BUILD/perf/bench/bench_pasid" -o "$pasid" "$@"
"$BUILD/perf/bench/bench_enqcmd" -o "$enqcmd" "$@"
if wants_live "$@"; then
	kernel_fetch backports
	say "== measuring in a live guest (QEMU 11, TCG)"
	"$ROOT/live/guest.sh" -k backports -n bench-live -s boot,unit,bind,copy,untouched \
		>"$LOG/bench-live.steps" || die "the live guest failed; log: $LOG/bench-live.steps"
	rows_of_guest <"$LOG/bench-live.steps" >"$live"
	awk '$1 == "BENCH" { printf "%-28s %12.1f us  (p50; min %.1f, p99 %.1f)\n", \
		$2, $3 / 1000, $4 / 1000, $5 / 1000 }' "$LOG/bench-live.steps"
fi
# One array out of all.
python3 -c 'import json, sys
rows = [row for name in sys.argv[1:] for row in json.load(open(name))]
print("[\n  " + ",\n  ".join(json.dumps(row) for row in rows) + "\n]")' \
	"$core" "$pasid" "$enqcmd" "$live" >"$BUILD/bench.json" || die "build/bench.json is not JSON"
echo "bench: OK, $(grep -c '"name"' "$BUILD/bench.json") rows in build/bench.json"
