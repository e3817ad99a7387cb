# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
#
# Sourced by test parts whose guests took PASIDs from the host: what both sides noted has to agree.
# Needs verdict and counter.

# numbers SIDE NAME WHAT: those lines of a side's notes
numbers()
{
	local prefix file
	case $1 in
	guest) prefix='VCMD ' file=$LOG/$2.out ;;
	host) prefix='vcmd: ' file=$LOG/$2.server ;;
	esac
	tr -d '\r' <"$file" | sed -n "s/^$prefix\\($3\\) \\{0,1\\}\\([0-9]*\\).*/\\2/p"
}

# same TITLE FILE FILE
same()
{
	cmp -s "$2" "$3"
	verdict "$1" $?
	cmp -s "$2" "$3" || diff "$2" "$3" | head -n 20 | sed 's/^/# /'
}

# steps_agree NAME: what the host counted and charged after each step, against what the guest had by then
steps_agree()
{
	tr -d '\r' <"$LOG/$1.server" | awk '
		# after(WORD): the number behind it
		function after(word, rest) {
			rest = $0
			sub(".*" word " ", "", rest)
			return rest + 0
		}
		$1 != "vcmd:" { next }
		$2 == "alloc" { out++ }
		$2 == "free" { out-- }
		{ steps++ }
		after("numbers") - after("pending") != out || after("pending") > 1 || after("own") != 3 ||
		after("charged") != after("numbers") {
			if (bad++ < 5) print "# " $0 ", the guest has " out
		}
		after("pending") { pending++ }
		END { exit bad || steps < 80 || !pending || out }'
}

# vcmd_agrees NAME TITLE: numbers in the order they were had, those that came back, refusals; figures
# of the host's set, the unit and the guest's own notes
vcmd_agrees()
{
	local at=$LOG/$1.vcmd side
	for side in guest host; do
		numbers $side "$1" alloc >"$at.$side.alloc"
	done
	same "$2: numbers the guest had are those the host gave" "$at.guest.alloc" "$at.host.alloc"
	numbers guest "$1" 'free\|left' | sort -n >"$at.guest.free"
	numbers host "$1" free | sort -n >"$at.host.free"
	same "$2: each came back to the host, those left by the guest too" "$at.guest.free" \
		"$at.host.free"
	[ "$(numbers guest "$1" refused | wc -l)" = 2 ] &&
		[ "$(numbers host "$1" refused | wc -l)" = 2 ]
	verdict "$2: both saw two refusals for want of quota" $?
	steps_agree "$1"
	verdict "$2: after each step the host has what the guest has, and what it holds on to" $?
	[ "$(counter "$1" unit vcmd_allocs)" = "$(wc -l <"$at.guest.alloc")" ] &&
		[ "$(counter "$1" unit vcmd_frees)" = "$(numbers guest "$1" free | wc -l)" ] &&
		[ "$(counter "$1" unit vcmd_reclaimed)" = "$(numbers guest "$1" left | wc -l)" ] &&
		[ "$(counter "$1" unit vcmd_refused)" = \
			"$(numbers guest "$1" 'refused\|denied' | wc -l)" ] &&
		[ "$(counter "$1" unit vcmd_undefined)" = 2 ]
	verdict "$2: the unit's counters say the same" $?
	[ "$(counter "$1" unit pasids_now)" = 0 ] && [ "$(counter "$1" vcmd numbers)" = 0 ] &&
		[ "$(counter "$1" vcmd pending)" = 0 ] && [ "$(counter "$1" vcmd own)" = 3 ] &&
		[ "$(counter "$1" vcmd charged)" = 0 ] && [ "$(counter "$1" vcmd peak)" = 40 ]
	verdict "$2: nothing of the guest is left on the host" $?
}
