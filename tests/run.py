#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""
run.py KIND SUITE...: run the programs of test suites of build/KIND and print TAP.

Programs that speak TAP themselves (cmocka, our own runners) are passed through; of others the exit
status is the case. A program that dies without saying which case failed is a failed case.
"""
import fcntl
import json
import os
import re
import signal
import subprocess
import sys

CASE = re.compile(r"^(not )?ok\b")


def tests_of(build, suites):
    listed = subprocess.run(
        ["meson", "introspect", "--tests", build], check=True, capture_output=True, text=True
    )
    for test in json.loads(listed.stdout):
        if suites & {name.split(":")[-1] for name in test["suite"]}:
            yield test


def build_programs(build, tests):
    """Make what the tests run; a build made for one part may lack another part's programs."""
    root = os.path.realpath(build)
    targets = {os.path.relpath(os.path.realpath(t["cmd"][0]), root) for t in tests}
    jobs = os.environ.get("IOASID_JOBS", str(os.cpu_count()))
    # Another part may be building there; scripts/build.sh takes the same lock.
    lock = os.path.join(os.path.dirname(build), ".lock-" + os.path.basename(build))
    with open(lock, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        made = subprocess.run(
            ["ninja", "-C", build, "-j", jobs]
            + sorted(target for target in targets if not target.startswith("..")),
            capture_output=True,
            text=True,
        )
    if made.returncode:
        print("# " + made.stdout[-3000:].replace("\n", "\n# "))
        print("not ok - building the programs of these tests")
        sys.exit(1)


def environment(test):
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    env.setdefault("TSAN_OPTIONS", "suppressions=tests/tsan/tsan.supp halt_on_error=0")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    env.update(test.get("env") or {})
    return env


def run(test):
    """Run one program; true if all its cases are good."""
    name, cases, bad = test["name"], 0, 0
    process = subprocess.Popen(
        test["cmd"],
        env=environment(test),
        cwd=test.get("workdir") or None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )

    def stop(*_):
        os.killpg(process.pid, signal.SIGKILL)

    # The limit is for the whole program, whether it prints or not.
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(int(os.environ.get("IOASID_TEST_TIMEOUT", test.get("timeout") or 60)))
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        found = CASE.match(line)
        cases += bool(found)
        bad += bool(found and found.group(1))
    status = process.wait()
    signal.alarm(0)
    if status == 77:
        print(f"ok - {name} # SKIP see above")
    elif status and not bad:
        print(f"not ok - {name}: exit status {status}")
        bad += 1
    elif not cases:
        print(f"ok - {name}")
    sys.stdout.flush()
    return not bad


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: run.py KIND SUITE...")
    build = os.path.join(os.environ.get("IOASID_BUILD", "build"), sys.argv[1])
    tests = list(tests_of(build, set(sys.argv[2:])))
    if not tests:
        print(f"not ok - no test program in {' '.join(sys.argv[2:])}")
        sys.exit(1)
    build_programs(build, tests)
    results = [run(test) for test in tests]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
