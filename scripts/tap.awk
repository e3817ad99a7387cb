# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# Counts one test part's TAP lines and passes everything through.
# -v name=PART -v mark=NN -v out=FILE -v bad=FILE; marks lines with NN, writes "passed failed skipped" to out and
# adds the failed cases to bad.
# A plan (1..N) that promises more cases than were seen is a failure too: the
# program died half way and somebody lost its exit status.
/^1\.\.[0-9]+/ { planned += substr($1, 4) }
/^(not )?ok([ \t]|$)/ {
	seen++
	if ($0 ~ /# *[Ss][Kk][Ii][Pp]/)
		skipped++
	else if ($1 == "ok")
		passed++
	else {
		failed++
		print name ": " $0 >> bad
	}
}
{
	print mark "| " $0
	fflush()
}
END {
	if (planned > seen) {
		line = sprintf("not ok - only %d of %d planned cases ran", seen, planned)
		print mark "| " line
		print name ": " line >> bad
		failed++
	}
	printf "%d %d %d\n", passed, failed, skipped > out
}
