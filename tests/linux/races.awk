#!/usr/bin/awk -f
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# races.awk CONSOLE: reports of the kernel's data race checker in which one of the
# two accesses is ours, or in a function that ours called; races of the kernel with
# itself, further down, are only counted. Anything else that should not be in a
# kernel's log counts as well. Exit status 1 if there is any.

function strip(line)
{
	sub(/\r$/, "", line)
	sub(/^\[ *[0-9.]+\] (\[[^]]*\] )?/, "", line)
	return line
}

{ line = strip($0) }

line == "==================================================================" {
	if (inside && mine) {
		ours++
		printf "%s", report
	} else if (inside && report ~ /KCSAN/) {
		theirs++
	}
	inside = !inside
	report = ""
	mine = 0
	frame = 9
	next
}

inside {
	report = report "# " line "\n"
	if (line ~ / by (task|interrupt)/)
		frame = 0
	else if (frame++ < 2 && line ~ /\[ioasid(_sim|_pci|_example_sva|_alloc_test)?\]/)
		mine = 1
	next
}

line ~ /WARNING:|BUG:|Oops|Call Trace|refcount_t|INFO: (task|rcu)/ {
	print "# " line
	other++
}

END {
	printf "# %d races with our code, %d without, %d other complaints\n", ours, theirs, other
	exit ours || other
}
