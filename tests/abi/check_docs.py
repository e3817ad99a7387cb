#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""
check_docs.py: is every piece of code in docs/porting.md taken from examples/vmm_skeleton.c, which is
compiled and run, and that of docs/driver.md from examples/kernel/ioasid_example.c? White space does
not count. Does the table of extensions say of each one in the header what core/ctx.c answers? Is
every function and callback of the driver API in docs/driver.md, and every tracepoint in
docs/observability.md? Prints TAP.
"""
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def slurp(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def squeeze(text):
    return " ".join(text.split())


def check_code(doc, *path):
    program = squeeze(slurp("examples", *path))
    blocks = re.findall(r"```c\n(.*?)```", doc, re.S)
    bad = [block.split("\n")[0] for block in blocks if squeeze(block) not in program]
    return bad if blocks else ["no code found"]


def check_extensions(doc):
    header = slurp("include", "uapi", "linux", "ioasid.h")
    every = set(re.findall(r"^\tIOASID_EXT_(\w+) = ", header, re.M))
    table = slurp("core", "ctx.c").split("extensions[] = {")[1].split("};")[0]
    there = set(re.findall(r"\[IOASID_EXT_(\w+)\] = 1", table))
    said = {}
    for names, value in re.findall(r"^\| ([A-Z_, ]+) \| ([01])", doc, re.M):
        for name in names.split(", "):
            said[name] = value == "1"
    bad = [f"{name} is not in the table" for name in sorted(every - set(said))]
    bad += [f"{name} is not an extension" for name in sorted(set(said) - every)]
    return bad + [f"{name}: the table says {said[name]}" for name in sorted(every & set(said))
                  if said[name] != (name in there)]


def check_driver(doc):
    header = slurp("include", "linux", "ioasid_driver.h")
    names = re.findall(r"^[a-z].*?\b\*?(ioasid_\w+)\(", header, re.M)
    names += re.findall(r"\(\*(\w+)\)\(", header)
    bad = [] if len(names) > 30 else [f"only {len(names)} names in the header"]
    # "`ioasid_x_begin()` / `_end()`" names both.
    return bad + [f"{name} is not in docs/driver.md" for name in names
                  if f"`{name}" not in doc and
                  not re.search(rf"`{name.rsplit('_', 1)[0]}_\w+\(\)`[^|]*`_{name.rsplit('_', 1)[1]}\(\)`", doc)]


def check_trace(doc):
    names = re.findall(r"^(?:TRACE_EVENT\(|DEFINE_EVENT\(\w+, )ioasid_(\w+),",
                       slurp("linux", "ioasid_trace.h"), re.M)
    bad = [] if len(names) > 20 else [f"only {len(names)} tracepoints in the header"]
    return bad + [f"{name} is not in docs/observability.md" for name in names
                  if not re.search(rf"^\|.*`{name}`.*\|", doc, re.M)]


def main():
    doc, driver = slurp("docs", "porting.md"), slurp("docs", "driver.md")
    failed = False
    print("1..5")
    for number, (name, bad) in enumerate([
            ("the code in docs/porting.md is that of examples/vmm_skeleton.c",
             check_code(doc, "vmm_skeleton.c")),
            ("docs/porting.md says which extensions there are", check_extensions(doc)),
            ("the code in docs/driver.md is that of examples/kernel/ioasid_example.c",
             check_code(driver, "kernel", "ioasid_example.c")),
            ("docs/driver.md has all of the driver API", check_driver(driver)),
            ("docs/observability.md has every tracepoint",
             check_trace(slurp("docs", "observability.md")))], 1):
        for text in bad:
            print(f"# {text}")
        print(f"{'not ok' if bad else 'ok'} {number} - {name}")
        failed = failed or bool(bad)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
