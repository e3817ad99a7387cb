#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh backports|6.12 [OPTION of guest.sh...]: the demo, shown step by step. The last line is
# "guest SVA: OK (...)" ("guest PASID: OK" on 6.12, whose x86 kernels refuse SVA), or
# "guest SVA: FAILED at STEP" with the log's path and a non-zero status.
set -euo pipefail
. "$(dirname "$0")/../scripts/lib.sh"

kernel=${1:?usage: run.sh backports|6.12 [guest.sh option...]}
shift
name=live-$kernel
case $kernel in
6.12) what='guest PASID' ;;
*) what='guest SVA' ;;
esac
out=$LOG/$name.steps
rm -f "$LOG/$name.json"
: >"$out"

# guest.sh and what it started get the signal, too, and clean up.
trap 'say "interrupted"; exit 130' INT TERM

# One line per step as it comes: name, figures.
show()
{
	awk -v out="$out" '
		{ print > out; fflush(out) }
		$1 == "STEP" {
			name = $2; result = $3
			sub(/^STEP [^ ]+ [^ ]+ /, "")
			printf "  %-12s %-6s %s\n", name, tolower(result), $0
			fflush()
		}
		$1 == "BENCH" {
			printf "  %-12s %-6s %s %.1f us (%.1f to %.1f)\n", "", "", $2, \
				$3 / 1000, $4 / 1000, $5 / 1000
			fflush()
		}'
}

# value OBJECT NAME: a counter of the server
value()
{
	sed -n "s/^ *\"$1\": {.*\"$2\": \([0-9]*\).*/\1/p" "$LOG/$name.json" 2>/dev/null
}

say "== booting Linux $(kernel_version "$kernel") on our VT-d unit (QEMU 11, TCG)"
start=$SECONDS
rc=0
"$ROOT/live/guest.sh" -k "$kernel" -n "$name" "$@" | show || rc=$?
failed=$(sed -n 's/^STEP \([^ ]*\) FAILED.*/\1/p' "$out" | head -n 1)
if [ "$rc" != 0 ] || [ -n "$failed" ]; then
	last=$(sed -n 's/^STEP \([^ ]*\) OK.*/\1/p' "$out" | tail -n 1)
	[ -n "$failed" ] || failed="${last:+after }${last:-boot}"
	tail -n 3 "$LOG/$name.vm" >&2 || true
	echo "logs: $LOG/$name.console (kernel), $name.out (demo), $name.server, $name.vm"
	echo "$what: FAILED at $failed"
	exit 1
fi
count=$(grep -c '^STEP [^ ]* OK' "$out")
note=
[ "$kernel" != 6.12 ] || note='this kernel refuses SVA on x86; '
printf '%s: OK (%s%s steps, %s descriptors, %s MiB, %s page requests at p50 %s us, ' \
	"$what" "$note" "$count" "$(value accelerator descriptors)" \
	"$(($(value accelerator bytes) >> 20))" "$(value accelerator page_requests)" \
	"$(($(value page_request_ns p50) / 1000))"
printf '%s invalidation descriptors, %s faults reported, %s s)\n' \
	"$(($(value unit descriptors)))" "$(value unit faults)" "$((SECONDS - start))"
