#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""
abi.py: make docs/abi.md from include/uapi/linux/ioasid*.h.

    python3 docs/abi.py >docs/abi.md

The headers are the only source: their comments are the reference, this puts them in order. It knows
just enough C for them and stops with a message when something is written in another way. At the end
it looks whether every word of every comment has come through.
"""
import os
import re
import sys

FOLDER = os.path.join(os.path.dirname(__file__), "..", "include", "uapi", "linux")
# File, title, and what its commands go to unless they are the device's.
HEADERS = [
    ("ioasid.h", "The ABI", "context"),
    ("ioasid_pci.h", "PCI functions", "device"),
    ("ioasid_sim.h", "Software devices: /dev/ioasid-sim", "/dev/ioasid-sim"),
    ("ioasid_wq.h", "Work queues", None),
]
SIZES = {"__u8": 1, "char": 1, "__u16": 2, "__u32": 4, "__s32": 4, "__u64": 8}

SECTION = re.compile(r"/\* (?:----|====) (.*?) (?:-|=)+ \*/$")
COMMAND = re.compile(r"#define (\w+)\s+_IO\((\w+), (?:(\w+) \+ )?(0x[0-9a-f]+|\d+)\)")
BASES = {None: 0, "IOASID_IOC_BASE": 0, "IOASID_IOC_DEV_BASE": 0x40, "IOASID_PCI_IOC_BASE": 0x60,
         "IOASID_SIM_VM_BASE": 0x40}
# What commands with a base of their own go to.
PLACES = {"IOASID_IOC_DEV_BASE": "device", "IOASID_SIM_VM_BASE": "VM"}
DEFINE = re.compile(r"#define (IOASID_\w+)\s+(\S.*?)(?:\s*/\* (.*?) \*/)?$")
ENUMERATOR = re.compile(r"(IOASID_\w+) = (\w+),(?:\s*/\* (.*?) \*/)?$")
MEMBER = re.compile(r"(struct \w+|__[us]\d+|char) ([\w, \[\]]+);(?:\s*/\* (.*?) \*/)?$")


def fail(number, line):
    sys.exit(f"abi.py: line {number} is not understood: {line}")


def normalize(text):
    """What the formatter broke over several lines becomes one again, but for comments of their own."""
    text = re.sub(r" *\\\n\s*", " ", text)
    text = re.sub(r"=\n\s+", "= ", text)
    out, rest = [], iter(text.split("\n"))
    for line in rest:
        if re.search(r"\S\s*/\*(?!.*\*/)", line) and not line.lstrip().startswith("/*"):
            while "*/" not in line:
                line += " " + re.sub(r"^\s*\* ?", "", next(rest))
        out.append(line)
    return "\n".join(out)


class Doc:
    """A /** comment: a title, members, and text."""

    def __init__(self, lines):
        text = [re.sub(r"^\s*\*? ?", "", line) for line in lines]
        text = re.sub(r"(@\w+),\n@", r"\1, @", "\n".join(text)).split("\n")
        self.title, self.members, self.text = text[0].strip(), {}, []
        member = None
        for line in text[1:]:
            found = re.match(r"((?:@\w+, )*@\w+): *(.*)", line)
            if found:
                member = re.findall(r"@(\w+)", found.group(1))
                for name in member:
                    self.members[name] = found.group(2)
            elif member and line.startswith("   "):
                for name in member:
                    self.members[name] += " " + line.strip()
            else:
                member = None
                self.text.append(line)
        self.name, _, self.brief = self.title.partition(" - ")


def markup(text):
    text = re.sub(r"@(\w+)", r"`\1`", text)
    text = re.sub(r"(<linux/\w+\.h>)", r"`\1`", text)
    return text.replace("|", "\\|")


def sentence(text):
    text = markup(text)
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")


def paragraphs(lines):
    return markup("\n".join(lines).strip())


class Parser:
    def __init__(self, text, where, numbers):
        self.lines = text.split("\n")
        self.where, self.numbers = where, numbers
        self.at = 0
        self.out = []
        self.commands = []
        self.sizes = dict(SIZES)
        self.layouts = {}
        self.pending = None  # a doc comment that waits for what it describes
        self.struct = None
        self.defines = []

    def emit(self, text=""):
        self.out.append(text)

    def number(self, text):
        return self.numbers[text] if text in self.numbers else int(text, 0)

    def flush_defines(self):
        if not self.defines:
            return
        self.emit("| constant | value | meaning |\n|---|---|---|")
        for name, value, note in self.defines:
            self.emit(f"| `{name}` | `{value}` | {markup(note or '')} |")
        self.emit()
        self.defines = []

    def comment(self, line):
        """The rest of a comment that begins in @line; without delimiters."""
        lines = [line]
        while "*/" not in lines[-1]:
            self.at += 1
            lines.append(self.lines[self.at])
        lines[0] = re.sub(r"^/\*\*? ?", "", lines[0])
        lines[-1] = re.sub(r" ?\*/.*$", "", lines[-1])
        return [line for line in lines if line.strip() not in ("", "*")] if len(lines) == 1 else [
            line for i, line in enumerate(lines) if line.strip() or 0 < i < len(lines) - 1]

    def parse_struct(self, name):
        """Members with their offsets, checked for hidden padding."""
        rows, offset = [], 0
        while True:
            self.at += 1
            line = self.lines[self.at].strip()
            if line == "};":
                break
            found = MEMBER.match(line)
            if not found:
                fail(self.at + 1, line)
            kind, names, note = found.groups()
            for member in names.split(", "):
                array = re.match(r"(\w+)\[(\w+)\]", member)
                count = self.number(array.group(2)) if array else 1
                size = self.sizes[kind]
                align = min(size, 8) if kind in SIZES else 8
                if offset % align:
                    fail(self.at + 1, f"{member} would need padding")
                rows.append((offset, kind.replace("struct ", "").strip(), member,
                             array.group(1) if array else member, note))
                offset += size * count
        self.sizes[f"struct {name}"] = offset
        doc = self.pending
        self.pending = None
        self.emit(f"### struct {name}")
        self.emit()
        if doc:
            if doc.brief:
                self.emit(sentence(doc.brief))
                self.emit()
            self.struct = name
        self.emit("| offset | type | member | meaning |\n|---|---|---|---|")
        for start, kind, member, plain, note in rows:
            meaning = (doc.members.get(plain) if doc else None) or note or ""
            if plain in ("argsz", "flags", "__reserved") and not meaning:
                meaning = {"argsz": "size of this structure", "__reserved": "0"}.get(plain, "")
            self.emit(f"| {start} | {kind.lstrip('_')} | `{member}` | {markup(meaning)} |")
        self.emit()
        self.emit(f"{offset} bytes.")
        self.emit()
        if doc and any(line.strip() for line in doc.text):
            self.emit(paragraphs(doc.text))
            self.emit()

    def parse_enum(self, name):
        doc, self.pending = self.pending, None
        self.emit(f"### enum {name}")
        self.emit()
        if doc and doc.brief:
            self.emit(sentence(doc.brief))
            self.emit()
        self.emit("| name | value | meaning |\n|---|---|---|")
        while True:
            self.at += 1
            line = self.lines[self.at].strip()
            if line == "};":
                break
            found = ENUMERATOR.match(line)
            if not found:
                fail(self.at + 1, line)
            self.numbers[found.group(1)] = int(found.group(2), 0)
            self.emit(f"| `{found.group(1)}` | {found.group(2)} | {markup(found.group(3) or '')} |")
        self.emit()

    def parse_command(self, found):
        name, _, base, number = found.groups()
        where = PLACES.get(base, self.where)
        self.commands.append((int(number, 0) + BASES[base], name, where, self.struct))
        self.emit(f"**`{name}`**, on {where}." if "/" in where else
                  f"**`{name}`**, on a {where} descriptor.")
        self.emit()

    def line(self, line):
        section = SECTION.match(line)
        if section:
            self.flush_defines()
            self.emit(f"## {section.group(1).strip()[0].upper()}{section.group(1).strip()[1:]}")
            self.emit()
            return
        command = COMMAND.match(line)
        if command:
            self.flush_defines()
            # "/* COMMAND takes struct NAME. */" where a command shares another one's structure.
            takes = self.pending and re.search(r"takes struct (\w+)", self.pending.title)
            if takes:
                self.struct, self.pending = takes.group(1), None
            return self.parse_command(command)
        define = DEFINE.match(line)
        if define:
            # Constants that a comment introduced come after it.
            if self.pending:
                self.flush_defines()
                self.emit(paragraphs([self.pending.title] + self.pending.text))
                self.emit()
                self.pending = None
            self.defines.append(define.groups())
            return
        if line.startswith("/*"):
            self.flush_defines()
            lines = self.comment(line)
            self.pending = Doc(lines)
            return
        found = re.match(r"(struct|enum) (\w+) \{$", line)
        if found:
            self.flush_defines()
            if found.group(1) == "enum":
                return self.parse_enum(found.group(2))
            return self.parse_struct(found.group(2))
        if line.strip() and not line.startswith("#"):
            fail(self.at + 1, line)

    def run(self):
        while self.at < len(self.lines):
            self.line(self.lines[self.at])
            self.at += 1
        self.flush_defines()


def introduction(text):
    """The comment at the head of a header: rules, and in the first what errors mean."""
    body = re.search(r"/\*\n \* (.*?)\*/", text, re.S).group(0)
    lines = [re.sub(r"^ ?\*/?( |$)|^/\*$", "", line) for line in body.split("\n")]
    return "\n".join(lines).strip()


def print_introduction(intro):
    """Prose as it is; the block of errnos as preformatted text."""
    mark = "Errors mean the same in all commands:\n"
    head, _, errors = intro.partition(mark)
    print(markup(head.strip()) + "\n")
    if errors:
        print(mark)
        print("\n".join("    " + line.strip() for line in errors.strip().split("\n")) + "\n")


def words(text):
    """For comparing: letters and digits alone."""
    return re.findall(r"\w+", text)


def check_complete(name, text, made):
    """Each line of each comment is in the text, if with other punctuation."""
    have = " ".join(words(made)).lower()
    for comment in re.findall(r"/\*.*?\*/", text, re.S):
        if "SPDX" in comment or re.match(r"/\* (---|===)", comment):
            continue
        for line in re.sub(r"^/\*\*?|\*/$", "", comment).split("\n"):
            line = re.sub(r"^\s*\*", "", line)
            line = re.sub(r"^\s*(struct|enum) (\w+) - ", "", line)
            line = re.sub(r"^\s*((@\w+, *)*@\w+[:,])", "", line)
            line = re.sub(r"@__reserved: 0|\w+ takes (a )?struct \w+\.", "", line)
            if " ".join(words(line)).lower() not in have:
                sys.exit(f"abi.py: {name}: left out: {line.strip()}")


def print_commands(name, commands):
    print("## Commands\n" if name == "ioasid.h" else f"## Commands of {name}\n")
    print("| number | command | descriptor | structure |\n|---|---|---|---|")
    for number, command, where, struct in sorted(commands):
        print(f"| 0x{number:02x} | `{command}` | {where} | {struct} |")
    print()


def print_header(name, title, where, numbers):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as header:
        text = header.read()
    start = re.search(r"(#include <.*>\n)+", text).end()
    end = text.rindex("#endif")
    parser = Parser(normalize(text[start:end].strip("\n")), where, numbers)
    parser.run()
    made = "\n".join(parser.out).strip()
    intro = introduction(text)
    check_complete(name, text, made + intro)
    print(f"# {title}\n")
    print(f"From `include/uapi/linux/{name}`.\n")
    print_introduction(intro)
    if parser.commands:
        print_commands(name, parser.commands)
    print(made)
    print()


def main():
    print("<!-- SPDX-License-Identifier: GPL-2.0-only OR MIT -->")
    print("<!-- Made by docs/abi.py from include/uapi/linux/ioasid*.h; change those. -->")
    numbers = {}
    for name, title, where in HEADERS:
        if os.path.exists(os.path.join(FOLDER, name)):
            print_header(name, title, where, numbers)


if __name__ == "__main__":
    main()
