#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# check.sh [-d FOLDER] [PART...]: run the test parts of a folder in order
# (default tests/check.d; PART is the beginning of a name, as in 00 or 05-build)
# and count their TAP lines. A part is an executable NN-name that prints
# "ok - case" / "not ok - case" and exits non-zero on failure; it runs from the
# root of the checkout. The last line is "N passed, N failed".
set -eu
. "$(dirname "$0")/lib.sh"

folder=tests/check.d
if [ "${1:-}" = -d ]; then
	folder=$2
	shift 2
fi
limit=${IOASID_PART_TIMEOUT:-1200}
quiet=15 # seconds of silence before a sign of life
cd "$ROOT"
export IOASID_BUILD=build
# A relative path for what starts in the root, the same place for all.
export IOASID_LOG=$LOG
mkdir -p "$LOG"
: >"$LOG/check.result"

passed=0 failed=0 skipped=0 watch=''
failures=$LOG/check.failed
state=$(mktemp -d)
: >"$failures"

# timeout runs a part in a process group of its own and hands our signal on to
# all of it, so that neither Ctrl-C nor a hang leaves a test behind.
cleanup()
{
	trap '' INT TERM
	[ -z "$watch" ] || kill "$watch" 2>/dev/null || true
	[ ! -s "$state/pid" ] || kill "$(cat "$state/pid")" 2>/dev/null || true
	wait
	rm -rf "$state"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A line whenever the part's log has been silent for a while.
watch_log()
{
	local name=$1 log=$2 start=$SECONDS age

	while sleep 5 >/dev/null 2>&1; do
		kill -0 $$ 2>/dev/null || exit 0
		age=$(($(date +%s) - $(stat -c %Y "$log" 2>/dev/null || date +%s)))
		[ "$age" -lt "$quiet" ] || {
			say "   ... $name: $((SECONDS - start)) s"
			touch "$log"
		}
	done
}

fail()
{
	echo "not ok - $1"
	failed=$((failed + 1))
	echo "$1" >>"$failures"
}

run_part()
{
	local part=$1 name=${1##*/} log start=$SECONDS rc p f s

	log=$LOG/check-$name.log
	echo "== $name"
	: >"$log"
	watch_log "$name" "$log" &
	watch=$!
	{
		timeout -k 10 "$limit" "$part" </dev/null &
		echo $! >"$state/pid"
		rc=0
		wait $! || rc=$?
		: >"$state/pid"
		echo "$rc" >"$state/rc"
	} 2>&1 | tee "$log" |
		awk -v name="$name" -v out="$state/count" -v bad="$failures" \
			-f scripts/tap.awk &
	wait $! # a background pipeline, since only wait lets a signal in at once
	rc=$(cat "$state/rc")
	kill "$watch" 2>/dev/null
	wait "$watch" 2>/dev/null || true
	watch=''
	read -r p f s <"$state/count"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	if [ "$rc" = 124 ] || [ "$rc" = 137 ]; then
		fail "$name: stopped after $limit s"
	elif [ "$rc" -ne 0 ] && [ "$f" = 0 ]; then
		fail "$name: exit status $rc without a failed case"
	elif [ "$rc" = 0 ] && [ "$p" = 0 ] && [ "$f" = 0 ]; then
		fail "$name: ran no test case"
	fi
	echo "   $name: $p ok, $f not ok, $s skipped, $((SECONDS - start)) s"
}

selected()
{
	local name=${1##*/} wanted
	shift
	[ $# -gt 0 ] || return 0
	for wanted in "$@"; do
		case $name in "$wanted"*) return 0 ;; esac
	done
	return 1
}

for part in "$folder"/[0-9][0-9]-*; do
	if selected "$part" "$@"; then
		if [ -x "$part" ] && [ -f "$part" ]; then
			run_part "$part"
		else
			fail "$part: not an executable file"
		fi
	fi
done

[ $((passed + failed)) -gt 0 ] || fail "no test part was run"
if [ -s "$failures" ]; then
	echo "failed:"
	sed 's/^/   /' "$failures"
fi
echo "time: $SECONDS s, skipped: $skipped, logs: $LOG"
echo "$passed passed, $failed failed" | tee "$LOG/check.result"
[ "$failed" = 0 ]
