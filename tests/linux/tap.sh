# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash disable=SC2034 # rc is read by those who source this
#
# Sourced by test parts that boot guests: verdict NAME STATUS prints a case, cases
# shows a guest's. Both set rc to 1 when something failed.

rc=0

# verdict NAME STATUS
verdict()
{
	if [ "$2" = 0 ]; then
		echo "ok - $1"
	else
		echo "not ok - $1"
		rc=1
	fi
}

# cases OUTPUT PREFIX: a guest's TAP lines, each case with PREFIX in front of its name. Fails
# unless all that was planned ran and passed; what is skipped stays visible as such.
cases()
{
	tr -d '\r' <"$1" | awk -v prefix="$2" '
		/^1\.\.[0-9]+$/ { planned += substr($0, 4); next }
		/^(not )?ok / {
			seen++
			skipped = / # SKIP /
			bad += $1 == "not" && !skipped
			name = $0
			sub(/^(not )?ok [0-9]*( # SKIP| -)? ?/, "", name)
			print ($1 == "not" && !skipped ? "not ok" : "ok") " - " prefix ": " name \
				(skipped ? " # SKIP" : "")
		}
		/^#/ { print }
		END { exit bad || !planned || seen != planned }' || return 1
}
