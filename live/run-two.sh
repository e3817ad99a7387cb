#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run-two.sh [OPTION of two.sh...]: two guests on one accelerator, shown step by step. The last line
# is "two guests: OK (...)", or "two guests: FAILED at STEP of guest N" with the log's path and a
# non-zero status.
set -euo pipefail
. "$(dirname "$0")/../scripts/lib.sh"

name=two
out=$LOG/$name.steps
: >"$out"

# two.sh and what it started get the signal, too, and clean up.
trap 'say "interrupted"; exit 130' INT TERM

# One line per step as it comes: guest, name, text.
show()
{
	awk -v out="$out" '
		{ print > out; fflush(out) }
		$2 == "STEP" {
			guest = $1; name = $3; result = $4
			sub(/^[0-9] STEP [^ ]+ [^ ]+ /, "")
			printf "  guest %s  %-7s %-6s %s\n", guest, name, tolower(result), $0
			fflush()
		}
		$2 == "READY" { print "  guest " $1 "  killed, with work in both queues"; fflush() }'
}

# value GUEST OBJECT NAME: a counter of the server
value()
{
	sed -n "s/^ *\"$2\": {.*\"$3\": \([0-9]*\).*/\1/p" "$LOG/$name.json.$1" 2>/dev/null
}

# wire GUEST: what its PASID was on the wire
wire()
{
	sed -n "s/^guest $1: PASID [0-9]* is \([0-9]*\) on the wire$/\1/p" "$LOG/$name.server" |
		head -n 1
}

failed()
{
	tail -n 3 "$LOG/$name-1.vm" "$LOG/$name-2.vm" >&2 || true
	echo "logs: $LOG/$name-1.*, $name-2.* (console: kernel, out: demo), $name.server"
	echo "two guests: FAILED at $1"
	exit 1
}

say "== booting two guests, Linux $(kernel_version backports), on one accelerator (QEMU 11, TCG)"
start=$SECONDS
rc=0
"$ROOT/live/two.sh" -n "$name" "$@" | show || rc=$?
sed -n 's/^guest/  server   guest/p' "$LOG/$name.server"
step=$(sed -n 's/^\([12]\) STEP \([^ ]*\) FAILED.*/\2 of guest \1/p' "$out" | head -n 1)
[ -z "$step" ] || failed "$step"
last=$(sed -n 's/^\([12]\) STEP \([^ ]*\) OK.*/after \2 of guest \1/p' "$out" | tail -n 1)
[ "$rc" = 0 ] || failed "${last:-boot}"
pasid=$(sed -n 's/^[12] STEP bind OK PASID \([0-9]*\).*/\1/p' "$out" | sort -u)
# Equal in both guests, and not the same thing.
case $pasid in
*[!0-9]* | '') failed "bind: the guests have different numbers: $pasid" ;;
esac
if [ -z "$(wire 1)" ] || [ "$(wire 1)" = "$(wire 2)" ]; then
	failed "bind: one number on the wire"
fi
[ "$(grep -c ': stood still .* the same$' "$LOG/$name.server")" = 2 ] || failed held
printf 'two guests: OK (PASID %s in both, %s and %s on the wire; %s and %s descriptors by portals; ' \
	"$pasid" "$(wire 1)" "$(wire 2)" "$(value 1 slice accepted)" "$(value 2 slice accepted)"
printf '%s attempts on foreign numbers refused; one guest killed, its numbers back; %s s)\n' \
	"$(($(value 1 slice refused) + $(value 2 slice refused) + $(value 1 slice exits) + \
	$(value 2 slice exits) - $(value 1 slice entered) - $(value 2 slice entered)))" \
	"$((SECONDS - start))"
