#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run-linux.sh [KERNEL...]: the Linux home shown at work. Boots stock Debian
# kernels (default: 6.12 and backports) in a VM, loads our modules and runs the
# conformance suite against /dev/ioasid: on software devices, and on PCI endpoints
# behind a VT-d unit that the kernel's own driver programs. One line per suite and
# failed case; the last line is "linux home: OK (...)" or "linux home: FAILED (...)".
set -eu
. "$(dirname "$0")/lib.sh"

[ $# -gt 0 ] || set -- 6.12 backports
passed=0 failed=0 skipped=0 bad=0

# show: a guest's TAP lines as progress; the totals go to $LOG/run-linux.count
show()
{
	tr -d '\r' | awk -v out="$LOG/run-linux.count" '
		function flush_suite() {
			if (suite != "")
				printf "   %-14s %4d ok, %d failed, %d skipped\n", suite, ok, bad, skip
			total_ok += ok; total_bad += bad; total_skip += skip
			ok = bad = skip = 0
			fflush()
		}
		/^init: kernel/ { print "   " $0; fflush() }
		/^(not )?ok / {
			name = $0
			sub(/^(not )?ok [0-9]*( # SKIP| -)? ?/, "", name)
			where = name ~ /: / ? substr(name, 1, index(name, ": ") - 1) : "modules"
			if (where != suite) {
				flush_suite()
				suite = where
			}
			if (/ # SKIP /)
				skip++
			else if ($1 == "not") {
				bad++
				print "   FAILED " name
			} else
				ok++
		}
		END {
			flush_suite()
			print total_ok + 0, total_bad + 0, total_skip + 0 >out
		}'
}

# run TITLE KERNEL PROGRAM OPTION...: one guest
run()
{
	local title=$1 kernel=$2 program=$3 p f s
	shift 3
	say "== kernel $(kernel_version "$kernel"), $title"
	set +e
	"$ROOT/scripts/linux-vm.sh" -k "$kernel" -n "run-linux-$program-$kernel" -t 600 \
		-p "$ROOT/tests/linux/conformance.sh" -M 'CONFORMANCE DONE' \
		-f "$BUILD/perf/tests/conformance/$program:/conformance" "$@" | show
	[ "${PIPESTATUS[0]}" = 0 ] || bad=$((bad + 1))
	set -e
	read -r p f s <"$LOG/run-linux.count"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

"$ROOT/scripts/build.sh" perf tests/conformance/conformance-sim tests/conformance/conformance-vtd \
	live/ioasid-vtd-hw
for kernel in "$@"; do
	kernel_fetch "$kernel"
	run 'software devices' "$kernel" conformance-sim -v
	run 'endpoints behind VT-d' "$kernel" conformance-vtd -w "$BUILD/perf/live/ioasid-vtd-hw" \
		-o --levels5 -a iomem=relaxed
done

text="$passed cases passed, $failed failed, $skipped skipped on kernels $*, $SECONDS s"
if [ "$failed" = 0 ] && [ "$bad" = 0 ] && [ "$passed" -gt 0 ]; then
	echo "linux home: OK ($text)"
else
	echo "linux home: FAILED ($text; $bad guests ended badly; logs: $LOG/run-linux-*)"
	exit 1
fi
