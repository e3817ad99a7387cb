#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# check.sh [-d FOLDER] [PART...]: run the test parts of a folder in order
# (default tests/check.d; PART is the beginning of a name, as in 00 or 05-build)
# and count their TAP lines. A part is an executable NN-name that prints
# "ok - case" / "not ok - case" and exits non-zero on failure; it runs from the
# root of the checkout. The last line is "N passed, N failed".
# Parts run two at a time (IOASID_LANES), lines marked with their number; parts 0x
# and those with a line "# alone" run by themselves.
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

lanes=${IOASID_LANES:-2}
passed=0 failed=0 skipped=0
failures=$LOG/check.failed
state=$(mktemp -d)
declare -A running=() # pid of a lane -> part
: >"$failures"

# timeout runs a part in a process group of its own and hands our signal on to
# all of it, so that neither Ctrl-C nor a hang leaves a test behind.
cleanup()
{
	local file

	trap '' INT TERM
	for file in "$state"/*/pid "$state"/*/watch; do
		[ ! -s "$file" ] || kill "$(cat "$file")" 2>/dev/null || true
	done
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

# lane PART: run it; what it counted is left in its state folder
lane()
{
	local part=$1 name=${1##*/} log dir rc

	trap - EXIT INT TERM
	dir=$state/$name log=$LOG/check-$name.log
	: >"$log"
	watch_log "$name" "$log" &
	echo $! >"$dir/watch"
	{
		timeout -k 10 "$limit" "$part" </dev/null &
		echo $! >"$dir/pid"
		rc=0
		wait $! || rc=$?
		: >"$dir/pid"
		echo "$rc" >"$dir/rc"
	} 2>&1 | tee "$log" |
		awk -v name="$name" -v mark="${name%%-*}" -v out="$dir/count" -v bad="$failures" \
			-f scripts/tap.awk
	kill "$(cat "$dir/watch")" 2>/dev/null
	: >"$dir/watch"
}

start_part()
{
	local part=$1 name=${1##*/}

	echo "== $name"
	mkdir -p "$state/$name"
	echo $SECONDS >"$state/$name/start"
	lane "$part" &
	running[$!]=$part
}

# Wait for one lane and count what it did.
finish_part()
{
	local pid part name dir rc p f s

	wait -n -p pid "${!running[@]}" || true # only wait lets a signal in at once
	part=${running[$pid]}
	unset "running[$pid]"
	name=${part##*/}
	dir=$state/$name
	rc=$(cat "$dir/rc")
	read -r p f s <"$dir/count"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	if [ "$rc" = 124 ] || [ "$rc" = 137 ]; then
		fail "$name: stopped after $limit s"
	elif [ "$rc" -ne 0 ] && [ "$f" = 0 ]; then
		fail "$name: exit status $rc without a failed case"
	elif [ "$rc" = 0 ] && [ "$p" = 0 ] && [ "$f" = 0 ]; then
		fail "$name: ran no test case"
	fi
	echo "   $name: $p ok, $f not ok, $s skipped, $((SECONDS - $(cat "$dir/start"))) s"
}

# finish_to N: until at most N parts run
finish_to()
{
	while [ ${#running[@]} -gt "$1" ]; do
		finish_part
	done
}

run_part()
{
	local part=$1

	case ${part##*/} in
	0*) alone=1 ;;
	*) alone=$(grep -qx '# alone' "$part" && echo 1 || echo 0) ;;
	esac
	if [ "$alone" = 1 ]; then
		finish_to 0
		start_part "$part"
		finish_to 0
	else
		finish_to $((lanes - 1))
		start_part "$part"
	fi
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
finish_to 0

[ $((passed + failed)) -gt 0 ] || fail "no test part was run"
if [ -s "$failures" ]; then
	echo "failed:"
	sed 's/^/   /' "$failures"
fi
echo "time: $SECONDS s, skipped: $skipped, logs: $LOG"
echo "$passed passed, $failed failed" | tee "$LOG/check.result"
[ "$failed" = 0 ]
