#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""
check_docs.py: is every piece of code in docs/porting.md taken from examples/vmm_skeleton.c or
enqcmd_hybrid.c, which are compiled and run, and that of docs/driver.md from examples/kernel/ioasid_example.c? White space does
not count. Does the table of extensions say of each one in the header what core/ctx.c answers? Is
every function and callback of the driver API in docs/driver.md, and every tracepoint in
docs/observability.md? Do the header of the allocator, docs/allocator.md and the code agree on what
each function may be called from? Prints TAP.
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


def check_code(doc, *programs):
    program = " ".join(squeeze(slurp("examples", *path.split("/"))) for path in programs)
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


def allocator_header():
    """What each function may be called from, by its comment: (context, legal in handlers)."""
    labels, last = {}, None
    for comment, declared in re.findall(r"/\*\*(.*?)\*/\n((?:[a-z][^;{}]*;\n)*)",
                                        slurp("include", "linux", "ioasid_alloc.h"), re.S):
        said = re.search(r"Context: (\w+)(.*)", comment)
        for name in re.findall(r"\b(ioasid_\w+)\(", declared)[:1]:
            if said:
                last = (said[1], said[1] in ("any", "reader") or "handler" in said[2])
            elif "the same" not in comment:
                last = None
            labels[name] = last
    return labels


def allocator_code():
    """The same by the check that each function makes, or the one it hands its work to."""
    checks = {"SLEEPS": ("sleeps", False), "ATOMIC": ("atomic", False), "ANYWHERE": ("", True)}
    bodies = dict(re.findall(r"^[a-z][^\n]*?\b(ioasid_\w+)\([^{]*\n\{\n(.*?)^\}",
                             slurp("core", "pasid_api.h"), re.S | re.M))
    code = {}
    for name, body in bodies.items():
        check = re.search(r"API_(SLEEPS|ATOMIC|ANYWHERE)", body)
        check = check or re.search(r"API_(SLEEPS|ATOMIC|ANYWHERE)",
                                   bodies[re.search(r"\b(ioasid_\w+)\(", body)[1]])
        code[name] = checks[check[1]]
    return code


def check_allocator(doc):
    header, code, table = allocator_header(), allocator_code(), {}
    for row in re.findall(r"^\| (`ioasid_.*?) \| (\w+)[^|]*\| (refused|legal) \|$", doc, re.M):
        for name in re.findall(r"`(ioasid_\w+)\(\)`", row[0]):
            table[name] = (row[1], row[2] == "legal")
    bad = [] if len(header) > 30 else [f"only {len(header)} functions in the header"]
    bad += [f"{name} is not in the header" for name in sorted((set(table) | set(code)) - set(header))]
    for name, said in sorted(header.items()):
        if said is None or table.get(name) != said:
            bad.append(f"{name}: {said} in the header, {table.get(name)} in docs/allocator.md")
        elif name not in code or code[name][1] != said[1] or code[name][0] not in ("", said[0]):
            bad.append(f"{name}: {said} in the header, {code.get(name)} in core/pasid_api.h")
    return bad


def main():
    doc, driver = slurp("docs", "porting.md"), slurp("docs", "driver.md")
    failed = False
    print("1..6")
    for number, (name, bad) in enumerate([
            ("the code in docs/porting.md is that of examples/vmm_skeleton.c, enqcmd_hybrid.c",
             check_code(doc, "vmm_skeleton.c", "enqcmd_hybrid.c")),
            ("docs/porting.md says which extensions there are", check_extensions(doc)),
            ("the code in docs/driver.md is that of examples/kernel/ioasid_example.c",
             check_code(driver, "kernel/ioasid_example.c")),
            ("docs/driver.md has all of the driver API", check_driver(driver)),
            ("docs/observability.md has every tracepoint",
             check_trace(slurp("docs", "observability.md"))),
            ("header, docs/allocator.md and code say the same of contexts",
             check_allocator(slurp("docs", "allocator.md")))], 1):
        for text in bad:
            print(f"# {text}")
        print(f"{'not ok' if bad else 'ok'} {number} - {name}")
        failed = failed or bool(bad)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
