#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""
fuzz_table.py: make the tables of tests/linux/fuzz_abi from the descriptions of the ABI.

    fuzz_table.py >fuzz_table.h

What comes out is described in tests/linux/fuzz.h: sets of values, resources, commands with their
members.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "abi"))
import syz  # noqa: E402  pylint: disable=wrong-import-position

# Members whose wild values only make the run slow.
TAME = {"ats_timeout_ms", "test_delay_us"}


class Table:
    def __init__(self):
        pairs = syz.pairs()
        self.headers = [syz.Header(syz.slurp(header)) for header, _ in pairs]
        values = {}
        for header in self.headers:
            values.update(header.numbers())
        self.desc = syz.Description([syz.slurp(desc) for _, desc in pairs], values)
        self.resources = list(self.desc.resources)
        self.sets, self.set_lines = {}, []

    def set_index(self, values):
        key = tuple(values)
        if key not in self.sets:
            self.sets[key] = len(self.sets)
            self.set_lines.append(f"\t{{ {len(key)}, {{ {', '.join(key)} }} }},")
        return self.sets[key]

    def output(self, struct, name):
        """F_IN, F_OUT or F_IN | F_OUT, from the header's comment."""
        for header in self.headers:
            doc = header.docs.get(struct, ("", {}))[1].get(name, "")
            if "[out]" in doc:
                return "F_OUT" if doc.startswith("[out]") else "F_IN | F_OUT"
        return "F_IN"

    def member(self, struct, name, kind, offset, out):
        """C initializers of one member; more than one: alternatives or a structure's own."""
        desc, size = self.desc, self.desc.size(kind)
        row = {"name": f'"{name}"', "offset": offset, "size": size, "dir": out}
        base = kind.name
        if base in desc.structs:
            rows = []
            for field, at, _ in desc.offsets(base):
                rows += self.member(base, field.name, field.kind, offset + at, out)
            return rows
        if base in desc.unions:
            rows = []
            for field in desc.unions[base]:
                rows += self.member(struct, name, field.kind, offset, out)
            rows[0]["alternatives"] = len(rows)
            return rows
        if name == "argsz":
            row["kind"] = "F_ARGSZ"
        elif base == "const":
            row["kind"] = "F_ZERO"
        elif base == "flags":
            values = desc.sets[kind.args[0].name]
            row["kind"] = "F_BITS" if kind.args[0].name.endswith("_flags") else "F_ONE"
            row["set"] = self.set_index(values)
        elif base in ("len", "bytesize"):
            row["kind"] = "F_LEN"
        elif base == "ptr64":
            row["kind"] = "F_POINTER"
        elif base == "vma64":
            row["kind"] = "F_VMA"
        elif base == "string":
            row["kind"] = "F_NAME"
        elif base == "array":
            row["kind"] = "F_BYTES"
        elif base in desc.resources or base == "fd":
            row["kind"] = "F_FD" if base == "fd" else "F_RESOURCE"
            row["set"] = 0 if base == "fd" else self.resources.index(base)
        elif kind.args:
            low, high = kind.args[0].args
            row.update(kind="F_RANGE", low=low, high=high)
        else:
            row["kind"] = "F_INT"
        if name in TAME:
            row["tame"] = 1
        return [row]

    def command(self, call):
        command, struct, _ = self.desc.command(call)
        rows = []
        for field, offset, _ in self.desc.offsets(struct):
            rows += self.member(struct, field.name, field.kind, offset,
                                self.output(struct, field.name))
        text = [f"static const struct fuzz_member members_{command}[] = {{"]
        for row in rows:
            text.append("\t{ " + ", ".join(f".{k} = {v}" for k, v in row.items()) + " },")
        text.append("};")
        line = (f'\t{{ "{command}", {command}, {self.resources.index(call.args[0][1].name)}, '
                f"sizeof(struct {struct}), {len(rows)}, members_{command} }},")
        return text, line



def main():
    table = Table()
    members, commands = [], []
    for call in table.desc.ioctls():
        text, line = table.command(call)
        members += text
        commands.append(line)
    print("/* Made by tests/linux/fuzz_table.py. */")
    for name, _ in syz.pairs():
        print(f"#include <linux/{os.path.basename(name)}>")
    print("enum {")
    for name in table.resources:
        print(f"\tR_{name.upper()},")
    print("\tNR_RESOURCES\n};")
    print("#ifdef FUZZ_TABLES")
    print("static const struct fuzz_set fuzz_sets[] = {")
    print("\n".join(table.set_lines))
    print("};")
    print("\n".join(members))
    print("static const struct fuzz_command fuzz_commands[] = {")
    print("\n".join(commands))
    print("};")
    print("static const char *const fuzz_resources[] = {")
    for name in table.resources:
        print(f'\t"{name}",')
    print("};\n#endif")
    print(f"#define NR_COMMANDS {len(commands)}")


if __name__ == "__main__":
    main()
