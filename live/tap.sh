# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash disable=SC2034 # rc is for those who source this
#
# Sourced by test parts: guests with the demo in them as test cases.

rc=0
verdict()
{
	if [ "$2" = 0 ]; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		rc=1
	fi
}

# counter NAME OBJECT FIELD: of the server's counters
counter()
{
	sed -n "s/^ *\"$2\": {.*\"$3\": \([0-9]*\).*/\1/p" "$LOG/$1.json" 2>/dev/null
}

# live TITLE NAME OPTION...: the demo's steps as cases, then how it all ended
live()
{
	local title=$1 name=$2 status
	shift 2
	live/guest.sh -n "$name" -t 300 "$@" | awk -v title="$title" '
		$1 == "STEP" {
			name = $2; result = $3
			sub(/^STEP [^ ]+ [^ ]+ /, "")
			printf "%s - %s: %s%s\n", result == "FAILED" ? "not ok" : "ok", title, name, \
				result == "SKIP" ? " # SKIP " $0 : ""
			print "#   " $0
			fflush()
		}
		$1 == "CHECK" && ($2 == "OK" || $2 == "FAILED") {
			result = $2
			sub(/^CHECK [A-Z]+ /, "")
			sub(/ \(-?[0-9]+\)$/, "")
			printf "%s - %s: PASIDs of the host: %s\n", result == "OK" ? "ok" : "not ok", \
				title, $0
			fflush()
		}
		$1 == "BENCH" { print "#   " $0 }'
	status=${PIPESTATUS[0]}
	verdict "$title: demo, kernel log and server end well" "$status"
	[ "$status" = 0 ] || sed 's/^/# /' "$LOG/$name.vm" "$LOG/$name.server"
	[ "$(counter "$name" unit queue_errors)" = 0 ] &&
		[ "$(counter "$name" unit bad_gpa)" = 0 ] &&
		[ "$(counter "$name" unit bind_errors)" = 0 ]
	verdict "$title: the unit met nothing odd" $?
}

# said NAME STEP PATTERN: the step's text
said()
{
	grep -qE "^STEP $2 OK .*$3" "$LOG/$1.out"
}
