#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""
check_syz.py: do the headers of the ABI and their descriptions (*.syz) say the same?

    check_syz.py              compare include/uapi/linux/ioasid*.h with the .syz beside each
    check_syz.py --must-fail  break a copy in one place after the other: each has to be noticed

Both ways: every command, structure, member, flag and enumerator. Sizes and offsets as the
description has them are put into a C file of static assertions, compiled for 64- and 32-bit
callers. Prints TAP.
"""
import fnmatch
import os
import re
import subprocess
import sys
import tempfile

import syz

CC = os.environ.get("CC", "gcc")


def complain(problems, text):
    problems.append(text)


# ---- commands ----------------------------------------------------------------------------------------


def descriptor(header, name):
    """The resource a command is for, from its number."""
    text = header.lead[name]
    if "IOASID_IOC_DEV_BASE" in text or "IOASID_PCI_IOC" in text:
        return "fd_ioasid_dev"
    if "IOASID_SIM_VM_BASE" in text:
        return "fd_ioasid_sim_vm"
    return "fd_ioasid_sim" if "IOASID_SIM_IOC_TYPE" in text else "fd_ioasid"


def check_commands(header, desc, problems):
    seen = {}
    for call in desc.ioctls():
        command, struct, direction = desc.command(call)
        if command not in header.commands:
            continue
        seen[command] = call
        if call.variant != command:
            complain(problems, f"{call.name} is about {command}")
        if header.commands[command] != struct:
            complain(problems, f"{command}: struct {struct}, the header says {header.commands[command]}")
        if call.args[0][1].name != descriptor(header, command):
            complain(problems, f"{command}: on {call.args[0][1]}, not {descriptor(header, command)}")
        members = header.docs.get(struct, ("", {}))[1]
        returns = any("[out]" in text for text in members.values())
        if (direction == "inout") != returns:
            complain(problems, f"{command}: arg is '{direction}', but [out] members: {returns}")
    for command in header.commands:
        if command not in seen:
            complain(problems, f"command {command} is not described")


# ---- structures --------------------------------------------------------------------------------------


def check_direction(struct, field, doc, problems):
    said = "[out]" in doc
    first = doc.startswith("[out]")
    # Sets and lengths cannot be "out" in the language: what comes back there is not described.
    if field.direction == "out" and not said or first and field.direction != "out":
        complain(problems, f"{struct}.{field.name}: '{field.direction}', the header says: {doc}")


def check_flags(struct, field, doc, desc, problems):
    """What the comment of @flags names is what the set holds."""
    if "must be 0" in doc:
        if str(field.kind) != "const[0, int32]":
            complain(problems, f"{struct}.flags must be 0, not {field.kind}")
        return
    if field.kind.name != "flags":
        complain(problems, f"{struct}.flags: no set")
        return
    have = desc.sets.get(field.kind.args[0].name, [])
    names = re.findall(r"\bIOASID_\w+\*?", doc)
    for name in names:
        if not fnmatch.filter(have, name):
            complain(problems, f"{struct}.flags: {name} is missing")
    # "A | B" with short names behind the first cannot be told from prose; patterns can.
    if names and all(name.endswith("*") for name in names):
        for one in have:
            if not any(fnmatch.fnmatch(one, name) for name in names):
                complain(problems, f"{struct}.flags: {one} does not belong there")


def check_structs(header, desc, problems):
    for name, members in header.structs.items():
        if name not in desc.structs:
            complain(problems, f"struct {name} is not described")
            continue
        fields = desc.structs[name]
        if [f.name for f in fields] != [m for m, _ in members]:
            complain(problems, f"struct {name}: members or their order differ")
        doc = header.docs.get(name, ("", {}))[1]
        for field in fields:
            if members[0][0] == "argsz":
                check_direction(name, field, doc.get(field.name, ""), problems)
            if field.name == "flags" and "argsz" in doc:
                check_flags(name, field, doc.get("flags", ""), desc, problems)
            if field.name == "__reserved" and members[0][0] == "argsz" and field.kind.name != "const":
                complain(problems, f"struct {name}: __reserved may be {field.kind}")


def check_strays(headers, desc, problems):
    known = {name for header in headers for name in header.structs}
    helpers = set()  # unions and what only they hold
    for fields in desc.unions.values():
        helpers.update(f.kind.name for f in fields)
    for name in desc.structs:
        if name not in known and name not in helpers:
            complain(problems, f"{name} is no structure of the headers")
    commands = {name for header in headers for name in header.commands}
    for call in desc.ioctls():
        if desc.command(call)[0] not in commands:
            complain(problems, f"{call.name} is no command of the headers")


# ---- constants ---------------------------------------------------------------------------------------


def names_in(kind):
    yield kind.name
    for arg in kind.args:
        yield from names_in(arg) if isinstance(arg, syz.Type) else [arg]


def used_names(desc):
    used = set()
    for values in list(desc.sets.values()) + list(desc.returned.values()):
        used.update(values)
    for base, values in desc.resources.values():
        used.update(values)
    for fields in list(desc.structs.values()) + list(desc.unions.values()):
        for field in fields:
            used.update(names_in(field.kind))
    for call in desc.calls.values():
        for _, kind in call.args:
            used.update(names_in(kind))
    return used


def check_constants(headers, desc, problems):
    used = used_names(desc)
    every = {}
    for header in headers:
        every.update(header.constants)
        every.update(header.commands)
        for name in header.constants:
            if name not in used and name not in header.structural():
                complain(problems, f"constant {name} is not described")
        for enum, names in header.enums.items():
            have = desc.sets.get(enum) or desc.returned.get(enum)
            if have != names:
                complain(problems, f"enum {enum}: the set of that name is not the same")
    for name in used:
        if name.startswith("IOASID_") and name not in every:
            complain(problems, f"{name} is not in a header")
    bits = set().union(*(header.bits() for header in headers))
    for name, values in list(desc.sets.items()) + list(desc.returned.items()):
        if name.endswith("_flags") and [v for v in values if v not in bits]:
            complain(problems, f"{name}: not all are bits")


# ---- the compiler's word -----------------------------------------------------------------------------


def assertions(headers, paths, desc):
    lines = [f'#include "{path}"' for path, _ in paths]
    lines += ["#define OFFSET(t, m) __builtin_offsetof(struct t, m)"]
    for header in headers:
        for name in header.structs:
            if name not in desc.structs:
                continue
            total = 0
            for field, offset, size in desc.offsets(name):
                where = f"{name}.{field.name}"
                lines.append(f'_Static_assert(OFFSET({name}, {field.name}) == {offset}, "{where} offset");')
                lines.append(f'_Static_assert(sizeof(((struct {name} *)0)->{field.name}) == {size},'
                             f' "{where} size");')
                total = offset + size
            lines.append(f'_Static_assert(sizeof(struct {name}) == {total}, "struct {name} size");')
    lines += [f"enum {{ use_{i} = (int)({name}) }};"
              for i, name in enumerate(sorted(n for n in used_names(desc) if n.startswith("IOASID_")))]
    return "\n".join(lines) + "\n"


def compile_assertions(headers, paths, desc, problems):
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "layout.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(assertions(headers, paths, desc))
        include = os.path.join(os.path.dirname(paths[0][0]), "..")
        multi = subprocess.run([CC, "-print-multiarch"], capture_output=True, text=True, check=False)
        for width in ("-m64", "-m32"):
            command = [CC, width, "-std=gnu11", "-fsyntax-only", f"-I{include}",
                       f"-I/usr/include/{multi.stdout.strip()}", source]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            for line in done.stderr.split("\n"):
                if "error" in line:
                    complain(problems, f"{width}: {line.split('error: ', 1)[-1]}")
            if done.returncode and not done.stderr:
                complain(problems, f"{width}: the compiler failed")


# ---- all of it ---------------------------------------------------------------------------------------


def check(paths, texts, compiler=True):
    """@texts: path -> text, in place of what the file holds."""
    problems = []

    def text_of(path):
        return texts[path] if path in texts else syz.slurp(path)

    try:
        headers = []
        for path, _ in paths:
            header = syz.Header(text_of(path))
            header.lead = {name: re.search(rf"#define {name}\s+(.*)", text_of(path)).group(1)
                           for name in header.commands}
            headers.append(header)
        missing = [d for _, d in paths if not os.path.exists(d)]
        if missing:
            return [f"{os.path.basename(d)} is missing" for d in missing]
        values = {}
        for header in headers:
            values.update(header.numbers())
        desc = syz.Description([text_of(d) for _, d in paths], values)
        for header in headers:
            check_commands(header, desc, problems)
            check_structs(header, desc, problems)
        check_strays(headers, desc, problems)
        check_constants(headers, desc, problems)
        if compiler:
            compile_assertions(headers, paths, desc, problems)
    except syz.Bad as why:
        problems.append(str(why))
    return problems


# What to break in the description, and how.
BREAKS = [
    ("a member is missing", r"\tnr_children\tint32\t\(out\)\n", ""),
    ("two members change places", r"(\tiova\t\t.*\n)(\tvaddr\t\t.*\n)", r"\2\1"),
    ("a member is too wide", r"\taddr_bits\tint32", "\taddr_bits\tint64"),
    ("a member is too narrow", r"\tcapacity\tint32", "\tcapacity\tint16"),
    ("an array is shorter", r"array\[int64, 2\]", "array[int64, 1]"),
    ("a flag is missing", r", IOASID_MAP_FD", ""),
    ("a flag in a foreign set", r"(ioasid_unmap_flags = )", r"\1IOASID_MAP_READ, "),
    ("an enumerator is missing", r", IOASID_KIND_SHARED", ""),
    ("enumerators change places", r"IOASID_INV_ALL, IOASID_INV_PASID", "IOASID_INV_PASID, IOASID_INV_ALL"),
    ("a returned set lacks one", r", IOASID_REFUSAL_OS", ""),
    ("a name that no header has", r"IOASID_QUERY_MAP\b", "IOASID_QUERY_MAPS"),
    ("a command is missing", r"ioctl\$IOASID_PAGE_RESPONSE.*\n", ""),
    ("a command takes another structure", r"(IOASID_FREE\], arg ptr\[in, )ioasid_free", r"\1ioasid_quota"),
    ("a command is on the wrong descriptor", r"DEV_RESET\(fd fd_ioasid_dev", "DEV_RESET(fd fd_ioasid"),
    ("an [out] member is only read", r"(\tunmapped\tint64)\t\(out\)", r"\1"),
    ("an input is said to be returned", r"(\taddr_bits\tint32\[0:64\])", r"\1\t(out)"),
    ("a command that returns nothing does", r"(IOASID_FREE\], arg ptr\[)in,", r"\1inout,"),
    ("a structure of nobody", r"(ioasid_dev_reset \{)", "ioasid_more {\n\targsz\tint32\n}\n\n\\1"),
    ("flags that must be 0 are free", r"(ioasid_free \{\n.*\n\tflags\t\t)const\[0, int32\]", r"\1int32"),
    ("a reserved member is free", r"__reserved\tconst\[0, int32\]", "__reserved\tint32"),
    ("a structure is missing", r"\nioasid_dirty \{(.*\n)+?\}\n", ""),
    ("a line nobody understands", r"\nresource fd_ioasid\[fd\]", "\nresourze fd_ioasid[fd]"),
]
# And in the header.
HEADER_BREAKS = [
    ("the header gets a member", r"(\t__u32 capacity;)", r"\1\n\t__u64 more;"),
    ("the header gets a flag", r"(#define IOASID_MAP_FD\b.*)", r"\1\n#define IOASID_MAP_NEW (1U << 3)"),
    ("the header gets a command", r"(#define IOASID_QUERY\b.*)",
     r"\1\n/* IOASID_NEW takes struct ioasid_query. */\n#define IOASID_NEW _IO(IOASID_IOC_TYPE, 0x30)"),
    ("the header gets an enumerator", r"(IOASID_SNOOP_ALLOW = 2,)", r"\1 IOASID_SNOOP_NEW = 3,"),
    ("the header's member becomes an output", r"@provider_fd: ", "@provider_fd: [out] "),
]


def must_fail(paths):
    ok = True
    number = 0
    header, desc = next(p for p in paths if p[0].endswith("/ioasid.h"))
    plan = [(desc, b) for b in BREAKS] + [(header, b) for b in HEADER_BREAKS]
    print(f"1..{len(plan)}")
    if check(paths, {}):
        print("Bail out! what is to be broken is not whole")
        return False
    for path, (name, pattern, replacement) in plan:
        number += 1
        text = syz.slurp(path)
        broken = re.sub(pattern, replacement, text, count=1)
        problems = ["the text to break was not found"] if broken == text else check(paths, {path: broken})
        good = broken != text and bool(problems)
        ok = ok and good
        print(f"{'ok' if good else 'not ok'} {number} - noticed: {name}")
        print(f"#   {problems[0] if problems else 'nothing was said'}")
    return ok


def main():
    paths = syz.pairs()
    if sys.argv[1:] == ["--must-fail"]:
        return 0 if must_fail(paths) else 1
    problems = check(paths, {})
    print("1..1")
    for text in problems:
        print(f"# {text}")
    print(f"{'not ok' if problems else 'ok'} 1 - the ABI's headers and descriptions agree")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
