# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""
syz.py: read the ABI twice: its headers (C) and their descriptions (syzlang, *.syz).

Only what those files use of either language is known; anything else is an error with its line, so
that nothing is passed over. syzkaller itself is not needed.
"""
import os
import re

UAPI = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include", "uapi", "linux")
INT_SIZES = {"int8": 1, "int16": 2, "int32": 4, "int64": 8}


class Bad(Exception):
    """The text is not what it has to be."""


# ---- headers -------------------------------------------------------------------------------------


class Header:
    """
    structs: name -> [(member, C type)]; docs: struct -> (title, {member: text})
    enums: name -> [enumerator]; constants: name -> its text; commands: name -> its struct
    """

    def __init__(self, text):
        self.structs, self.docs, self.enums = {}, {}, {}
        self.constants, self.commands, self.lead = {}, {}, {}
        self.guard = re.search(r"#ifndef (\w+)\n#define \1\n", text).group(1)
        self.read_docs(text)
        plain = re.sub(r"/\*.*?\*/", " ", text, flags=re.S).replace("\\\n", " ")
        rest = re.sub(r"(struct|enum) (\w+) \{(.*?)\};", self.read_type, plain, flags=re.S)
        for line in rest.split("\n"):
            self.read_line(line.strip())
        self.assign(text)

    def read_docs(self, text):
        for comment in re.findall(r"/\*\*(.*?)\*/", text, re.S):
            lines = [re.sub(r"^\s*\* ?", "", line) for line in comment.split("\n")]
            body = "\n".join(lines).strip("\n")
            found = re.match(r"struct (\w+) - ", body)
            if not found:
                continue
            head, *parts = re.split(r"\n((?:@\w+, *\n?)*@\w+): *", body)
            members = {}
            for names, words in zip(parts[::2], parts[1::2]):
                words = re.split(r"\n\n", words)[0]
                for name in re.findall(r"@(\w+)", names):
                    members[name] = " ".join(words.split())
            self.docs[found.group(1)] = (" ".join(head.split("\n\n")[0].split()), members)

    def read_type(self, found):
        what, name, body = found.groups()
        if what == "enum":
            names = []
            for entry in filter(None, (e.strip() for e in body.split(","))):
                one = re.match(r"(\w+)(?:\s*=\s*(\S+))?$", entry)
                if not one:
                    raise Bad(f"enum {name}: '{entry}' is not understood")
                names.append(one.group(1))
                self.constants[one.group(1)] = one.group(2) or ""
            self.enums[name] = names
            return ""
        members = []
        for entry in filter(None, (e.strip() for e in body.split(";"))):
            one = re.match(r"(struct \w+|\w+)\s+(\w+(?:\[\w+\])?(?:\s*,\s*\w+)*)$", entry)
            if not one:
                raise Bad(f"struct {name}: '{entry}' is not understood")
            for member in re.split(r"\s*,\s*", one.group(2)):
                members.append((re.sub(r"\[.*", "", member), one.group(1)))
        self.structs[name] = members
        return ""

    def read_line(self, line):
        if not line or re.match(r"#(include|ifndef|endif)\b", line) or line == f"#define {self.guard}":
            return
        if re.match(r"#define \w+\(\w+\)\s", line):
            return  # made of the others
        found = re.match(r"#define (\w+)\s+(\S.*)$", line)
        if not found:
            raise Bad(f"header: '{line}' is not understood")
        name, value = found.groups()
        if re.match(r"_IO\(", value):
            self.commands[name] = None
        else:
            self.constants[name] = value

    def assign(self, text):
        """Which structure a command takes: the one whose comment names it, or "X takes struct Y"."""
        for name in self.commands:
            short = re.sub(r"^IOASID_(SIM_|PCI_)?", "", name)
            takes = re.search(rf"{name} takes (?:a )?struct (\w+)", text)
            if takes:
                self.commands[name] = takes.group(1)
                continue
            for struct, (title, _) in self.docs.items():
                if re.search(rf"\b(IOASID_)?(SIM_|PCI_)?{short}\b", title.split(" - ", 1)[1]):
                    self.commands[name] = struct
        for name, struct in self.commands.items():
            if not struct:
                raise Bad(f"header: no comment says which structure {name} takes")

    def structural(self):
        """Constants that only make command numbers."""
        return {name for name in self.constants if re.search(r"(_IOC_(TYPE|BASE|DEV_BASE)|_VM_BASE)$", name)}

    def numbers(self):
        """Those constants that are written as a number."""
        return {name: int(value.rstrip("U"), 0) for name, value in self.constants.items()
                if re.match(r"(0x[0-9a-f]+|\d+)U?$", value)}

    def bits(self):
        return {name for name, value in self.constants.items() if "<<" in value}


# ---- descriptions -----------------------------------------------------------------------------------


class Type:
    """name[arg, arg]; a number is a Type with a name of digits."""

    def __init__(self, name, args=()):
        self.name, self.args = name, list(args)

    def __str__(self):
        return self.name + (f"[{', '.join(map(str, self.args))}]" if self.args else "")


def parse_type(text):
    tokens = re.findall(r'"[^"]*"|[\w$./-]+|[\[\],:]', text)

    def one(at):
        name, args = tokens[at], []
        at += 1
        if at < len(tokens) and tokens[at] == ":":  # a range
            return Type(":", [name, tokens[at + 1]]), at + 2
        if at < len(tokens) and tokens[at] == "[":
            while tokens[at] != "]":
                arg, at = one(at + 1)
                args.append(arg)
                if tokens[at] not in ",]":
                    raise Bad(f"'{text}' is not understood")
            at += 1
        return Type(name, args), at

    try:
        got, end = one(0)
    except IndexError:
        raise Bad(f"'{text}' is not understood") from None
    if end != len(tokens):
        raise Bad(f"'{text}' is not understood")
    return got


class Field:
    def __init__(self, name, kind, direction):
        # "parent" is a word of the language.
        self.name = "parent" if name == "parent_" else name
        self.kind, self.direction = kind, direction


class Call:
    def __init__(self, name, args, result):
        self.name, self.args, self.result = name, args, result
        self.base, _, self.variant = name.partition("$")


class Description:
    """One or more .syz files. sets: name -> [value]; returned: sets after #:; values: constants"""

    def __init__(self, texts, values=None):
        self.values = values or {}
        self.structs, self.unions, self.sets, self.returned = {}, {}, {}, {}
        self.resources, self.calls, self.types, self.strings = {}, {}, {}, {}
        for text in texts:
            self.read(text)

    def define(self, where, name, value):
        if name in where:
            raise Bad(f"{name} is there twice")
        where[name] = value

    def read(self, text):
        lines = iter(text.split("\n"))
        for line in lines:
            returned = re.match(r"#: (\w+) = (.*)$", line)
            if returned:
                self.define(self.returned, returned.group(1), returned.group(2).split(", "))
                continue
            line = line.strip()
            if not line or line.startswith(("#", "include ")):
                continue
            self.read_statement(line, lines)

    def read_statement(self, line, lines):
        found = re.match(r"resource (\w+)\[(\w+)\](?:: (.*))?$", line)
        if found:
            values = (found.group(3) or "").split(", ")
            return self.define(self.resources, found.group(1), (found.group(2), [v for v in values if v]))
        found = re.match(r"type (\w+) (\S.*)$", line)
        if found:
            return self.define(self.types, found.group(1), parse_type(found.group(2)))
        found = re.match(r"([\w$]+)\((.*)\)(?: (\w+))?$", line)
        if found:
            return self.define(self.calls, found.group(1), self.call(*found.groups()))
        found = re.match(r"(\w+) = (.*)$", line)
        if found:
            values = found.group(2).split(", ")
            where = self.strings if values[0].startswith('"') else self.sets
            return self.define(where, found.group(1), values)
        found = re.match(r"(\w+) ([{\[])$", line)
        if not found:
            raise Bad(f"'{line}' is not understood")
        end = "}" if found.group(2) == "{" else "]"
        fields = []
        for line in lines:
            line = line.strip()
            if line.startswith(end):
                break
            one = re.match(r"(\w+)\s+(\S.*?)(?:\s+\((in|out|inout)\))?$", line)
            if not one:
                raise Bad(f"{found.group(1)}: '{line}' is not understood")
            fields.append(Field(one.group(1), parse_type(one.group(2)), one.group(3) or "in"))
        return self.define(self.structs if end == "}" else self.unions, found.group(1), fields)

    def call(self, name, args, result):
        out, depth, start = [], 0, 0
        for i, char in enumerate(args + ","):
            depth += (char == "[") - (char == "]")
            if char == "," and not depth:
                words = args[start:i].strip().split(None, 1)
                if words:
                    out.append((words[0], parse_type(words[1])))
                start = i + 1
        return Call(name, out, result)

    def number(self, text):
        """A literal, or a constant that numbers() gave."""
        return self.values[text] if text in self.values else int(text, 0)

    # ---- layout --------------------------------------------------------------------------------------

    def int_of(self, name):
        """The integer behind an integer type or resource."""
        while name in self.resources:
            name = self.resources[name][0]
        return "int32" if name == "fd" else name

    def size(self, kind):
        name = kind.name
        if name in self.types:
            return self.size(self.types[name])
        if name in ("ptr64", "vma64"):
            return 8
        if name in ("flags", "const", "len", "bytesize"):
            return INT_SIZES[kind.args[1].name]
        if name in ("array", "string"):
            if len(kind.args) < 2:
                raise Bad(f"{kind} has no size")
            count = self.number(kind.args[1].name)
            return count * (1 if name == "string" else self.size(kind.args[0]))
        if name in self.structs:
            return sum(self.size(field.kind) for field in self.structs[name])
        if name in self.unions:
            return max(self.size(field.kind) for field in self.unions[name])
        if self.int_of(name) in INT_SIZES:
            return INT_SIZES[self.int_of(name)]
        raise Bad(f"type {kind} is not known")

    def offsets(self, struct):
        """[(field, offset, size)]. All members are naturally aligned, or C would pad."""
        at, out = 0, []
        for field in self.structs[struct]:
            size = self.size(field.kind)
            out.append((field, at, size))
            at += size
        return out

    def command(self, call):
        """(command, struct, direction of the pointer) of an ioctl."""
        if call.base != "ioctl" or len(call.args) != 3:
            raise Bad(f"{call.name}: not fd, cmd, arg")
        cmd, arg = call.args[1][1], call.args[2][1]
        if cmd.name != "const" or arg.name != "ptr" or arg.args[1].name not in self.structs:
            raise Bad(f"{call.name}: cmd or arg is not understood")
        return cmd.args[0].name, arg.args[1].name, arg.args[0].name

    def ioctls(self):
        return [call for call in self.calls.values() if call.base == "ioctl"]


def pairs(folder=UAPI):
    """[(header, description)] of all headers of the ABI."""
    out = []
    for name in sorted(os.listdir(folder)):
        if re.match(r"ioasid\w*\.h$", name):
            out.append((os.path.join(folder, name), os.path.join(folder, name[:-2] + ".syz")))
    return out


def slurp(path):
    with open(path, encoding="utf-8") as file:
        return file.read()
