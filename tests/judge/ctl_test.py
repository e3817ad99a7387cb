#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""Tests of ioasidctl: ctl_test.py IOASIDCTL IMAGES MANUAL.

IMAGES is what `judge --image` made: memory of machines, and what QEMU did with DMA there. Other
memory is made here, by a second opinion on the formats: a few lines that know the bits by heart.
"""
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

CTL, IMAGES, MANUAL = sys.argv[1:4]
failed = 0
cases = 0


def case(fn):
    """Run one case now; what it asserts has to hold."""
    global failed, cases
    cases += 1
    with tempfile.TemporaryDirectory() as folder:
        try:
            note = fn(folder)
        except AssertionError as err:
            failed += 1
            print(f"# {err}\nnot ok {cases} - {fn.__doc__}")
        else:
            print(f"ok {cases} - {fn.__doc__}" + (f" ({note})" if note else ""))
    sys.stdout.flush()


def ctl(*args, want=None):
    """Run ioasidctl; a sanitizer report or a signal is never right."""
    run = subprocess.run([CTL, *map(str, args)], capture_output=True, text=True, timeout=60)
    assert run.returncode in (0, 1, 2), f"{args}: status {run.returncode}: {run.stderr[-800:]}"
    assert "runtime error" not in run.stderr, run.stderr[-800:]
    if want is not None:
        assert run.returncode == want, f"{args}: status {run.returncode}, {run.stderr}"
    if run.returncode == 2:
        assert run.stderr.startswith("ioasidctl: ") and not run.stdout, \
            f"{args}: an error is one message: {run.stderr} {run.stdout}"
    else:
        assert not run.stderr, f"{args}: {run.stderr}"
    return run


def walk(*args, want=None):
    return json.loads(ctl("walk", "--json", *args, want=want).stdout)


# ---- What QEMU did ---------------------------------------------------------------------------

def image(name):
    with open(f"{IMAGES}/{name}.unit") as f:
        unit = dict(line.split() for line in f)
    with open(f"{IMAGES}/{name}.dma") as f:
        dma = [line.split(maxsplit=3) for line in f.read().splitlines()]
    return unit, dma


def image_memory(name, unit):
    return {
        "ram": ["--ram", f"{IMAGES}/{name}.ram", f"--q35={unit['low']}"],
        "map": ["--ram", f"{IMAGES}/{name}.ram", "--map", f"0:0:{unit['low']}",
                "--map", f"0x100000000:{unit['low']}:0"],
        "core": ["--core", f"{IMAGES}/{name}.core"],
    }


def image_start(unit, rid, kind):
    return ["--rtaddr", unit["rtaddr"], "--rid", rid, "--access", kind, "--cap", unit["cap"],
            "--ecap", unit["ecap"], "--haw", unit["haw"]]


def compare_answer(answer, addr, where):
    assert answer["request"]["address"] == addr, f"{addr}: answer for another address"
    assert (answer["fault"] is None) != (answer["result"] is None), f"{addr}: fault and result"
    if not where.startswith("fault"):
        assert answer["fault"] is None, f"{addr}: {answer['fault']}, QEMU went to {where}"
        assert answer["result"]["address"] == where, \
            f"{addr}: {answer['result']['address']}, QEMU went to {where}"
        return
    assert answer["fault"], f"{addr}: {answer['result']}, refused by QEMU"
    code = where.split()[1]
    assert code in ("?", answer["fault"]["code"]), f"{addr}: {answer['fault']}, QEMU: {code}"


def compare_image(name):
    unit, dma = image(name)
    groups = {}
    for rid, kind, addr, where in dma:
        groups.setdefault((rid, kind), []).append((addr, where))
    for (rid, kind), list_ in groups.items():
        addrs = [addr for addr, _ in list_]
        answers = {}
        for memory, args in image_memory(name, unit).items():
            answers[memory] = walk(*args, *image_start(unit, rid, kind), *addrs)
            for answer, (addr, where) in zip(answers[memory], list_):
                compare_answer(answer, addr, where)
        assert answers["ram"] == answers["core"] == answers["map"], "one memory, two answers"
    faults = sum(where.startswith("fault") for *_, where in dma)
    assert faults and faults < len(dma), "the images hold no variety"
    return f"{len(dma)} DMAs, {faults} refused, each by core, --q35 and --map"


@case
def legacy(_):
    """walk agrees with QEMU's DMA: legacy mode"""
    return compare_image("legacy")


@case
def second(_):
    """walk agrees with QEMU's DMA: second stage"""
    return compare_image("second-stage")


@case
def first(_):
    """walk agrees with QEMU's DMA: first stage"""
    return compare_image("first-stage")


@case
def outputs(_):
    """--brief and text say what --json says"""
    unit, dma = image("first-stage")
    memory = image_memory("first-stage", unit)["core"]
    for rid, kind, addr, _where in dma[:40]:
        args = [*memory, *image_start(unit, rid, kind), addr]
        run = ctl("walk", *args)
        brief = ctl("walk", "--brief", *args, want=run.returncode).stdout.split()
        answer, = walk(*args, want=run.returncode)
        assert brief[0] == addr
        if answer["fault"]:
            assert run.returncode == 1 and brief[1] == "fault"
            assert int(brief[2], 0) == int(answer["fault"]["code"], 0)
            assert f"{answer['fault']['name']}: {answer['fault']['meaning']}" in run.stdout
        else:
            assert run.returncode == 0 and brief[1] == answer["result"]["address"]
            assert int(brief[2]) == answer["result"]["page_lg2"]
            assert f"result {brief[1]}, " in run.stdout
        for step in answer["steps"]:
            assert f"{step['table']} index {step['index']}, entry at {step['entry']}" in run.stdout
            assert " ".join(f"{int(w, 0):016x}" for w in step["words"]) in run.stdout


@case
def decode_steps(_):
    """decode shows every step of a walk as walk does, from words and from memory"""
    unit, dma = image("first-stage")
    memory = image_memory("first-stage", unit)["core"]
    rid, kind, addr, _where = dma[0]
    answer, = walk(*memory, *image_start(unit, rid, kind), addr)
    assert [s["stage"] for s in answer["steps"]][:4] == ["root", "context", "pasid-dir", "pasid"]
    for step in answer["steps"]:
        level = ["--level", step["level"]] if "level" in step else []
        args = ["decode", step["type"], "--json", *level]
        words, = json.loads(ctl(*args, *step["words"], want=0).stdout)
        there, = json.loads(ctl(*args, *memory, "--at", step["entry"], want=0).stdout)
        assert words["fields"] == there["fields"] == step["fields"]
        assert words["words"] == there["words"] == step["words"]


# ---- Nested translation, by hand ---------------------------------------------------------------

class Memory:
    """RAM with page tables written by the book; addresses are made up as needed."""

    def __init__(self, size=1 << 20):
        self.data = bytearray(size)
        self.free = 0x1000

    def page(self):
        self.free += 0x1000
        return self.free - 0x1000

    def put(self, addr, *words):
        struct.pack_into(f"<{len(words)}Q", self.data, addr, *words)

    def get(self, addr):
        return struct.unpack_from("<Q", self.data, addr)[0]

    def map(self, root, levels, addr, to, table, leaf):
        """One page; `table` and `leaf` are the flags of pointers and pages."""
        at = root
        for level in range(levels - 1, 0, -1):
            slot = at + (addr >> (12 + 9 * level) & 511) * 8
            if not self.get(slot):
                self.put(slot, self.page() | table)
            at = self.get(slot) & ~0xfff
        self.put(at + (addr >> 12 & 511) * 8, to | leaf)

    def save(self, path):
        with open(path, "wb") as f:
            f.write(self.data)


class Guest(Memory):
    """A guest whose memory, [0, 256 KiB), lies at 512 KiB of the host's."""

    BASE = 0x80000

    def __init__(self):
        super().__init__()
        self.ss = self.page()
        for gpa in range(0, 0x40000, 0x1000):
            self.map(self.ss, 3, gpa, self.BASE + gpa, 3, 3)
        self.guest = Memory(0x40000)
        self.fs = self.guest.page()

    def save(self, path):
        self.data[self.BASE:self.BASE + 0x40000] = self.guest.data
        super().save(path)


@case
def nested(folder):
    """walk, nested: every table through the second stage, faults blamed on the right one"""
    g = Guest()
    g.guest.map(g.fs, 4, 0x7f0000001000, 0x3000, 0x27, 0x67)
    g.guest.map(g.fs, 4, 0x7f0000002000, 0x40000, 0x27, 0x67)
    g.guest.map(g.fs, 4, 0x7f0000003000, 0x4000, 0x27, 0x63)
    g.guest.map(g.fs, 4, 0x7f0000004000, 0x5000, 0x27, 0x65)
    g.save(f"{folder}/ram")
    args = ["--ram", f"{folder}/ram", "--fs-root", g.fs, "--ss-root", g.ss, "--fs-levels", 4,
            "--ss-levels", 3]
    good, hole, kernel = walk(*args, 0x7f0000001abc, 0x7f0000002abc, 0x7f0000003abc, want=1)
    assert good["result"]["address"] == hex(g.BASE + 0x3abc), good["result"]
    assert good["result"]["guest"] == "0x3abc"
    # Three second-stage entries for each of four tables and the page, and the four.
    assert len(good["steps"]) == 19
    assert sum(step.get("for_table", False) for step in good["steps"]) == 12
    for step in good["steps"]:
        if step["stage"] == "first-stage":
            assert int(step["entry"], 0) == int(step["guest"], 0) + g.BASE
    assert hole["fault"]["name"] == "SSS.2" and hole["fault"]["guest"] == "0x40abc", hole["fault"]
    assert kernel["fault"]["name"] == "SGN.2", kernel["fault"]
    read_only, = walk(*args, "--access", "w", 0x7f0000004000, want=1)
    assert read_only["fault"]["name"] == "SGN.6", read_only["fault"]
    assert [s["so_far"] for s in read_only["steps"] if s["stage"] == "first-stage"] == \
        ["rwu", "rwu", "rwu", "ru"]
    privileged, = walk(*args, "--priv", 0x7f0000003abc, want=0)
    assert privileged["result"]["address"] == hex(g.BASE + 0x4abc)


@case
def faults(folder):
    """walk names the fault: absent, reserved, too wide, not canonical, no memory"""
    m = Memory()
    fs, ss = m.page(), m.page()
    m.map(fs, 4, 0x5000, 0x9000, 7, 0x67)
    m.map(fs, 4, 0x6000, 0x9000 | 1 << 51, 7, 0x67)
    m.map(ss, 3, 0x5000, 0x9000, 3, 1)
    m.put(fs + 8, 0xfffff000 | 7)
    m.save(f"{folder}/ram")
    ram = ["--ram", f"{folder}/ram"]

    def name(*args):
        answer, = walk(*ram, *args, want=1)
        return answer["fault"]["name"]

    assert name("--fs-root", fs, 0x7000) == "SFS.2"
    assert name("--fs-root", fs, "--haw", 46, 0x6000) == "SFS.3"
    assert name("--fs-root", fs, 1 << 47) == "SGN.1"
    assert name("--fs-root", fs, 1 << 39) == "SFS.1"
    assert name("--fs-root", 0x200000, 0x5000) == "SFS.4"
    assert name("--ss-root", ss, "--levels", 3, 0x6000) == "SSS.2"
    assert name("--ss-root", ss, "--levels", 3, 1 << 39) == "SGN.5"
    assert name("--ss-root", ss, "--levels", 3, "--access", "w", 0x5000) == "SGN.6"
    assert name("--rtaddr", 0x400, "--rid", "01:00.0", 0x5000) == "SRT.2"
    assert name("--rtaddr", 0x800, "--rid", 1, 0x5000) == "RTA.1"
    walk(*ram, "--ss-root", ss, "--levels", 3, 0x5000, want=0)


@case
def accessed(folder):
    """walk changes no file, and knows where accessed and dirty bits are due"""
    m = Memory()
    fs = m.page()
    m.map(fs, 4, 0x5000, 0x9000, 7, 7)
    m.save(f"{folder}/ram")
    answer, = walk("--ram", f"{folder}/ram", "--fs-root", fs, "--access", "w", 0x5000, want=0)
    assert answer["result"]["clean"] is True
    with open(f"{folder}/ram", "rb") as f:
        assert f.read() == m.data


@case
def cpu_pasid(folder):
    """decode shows the tables by which CPUs translate PASIDs; their entries have 4 bytes"""
    with open(f"{folder}/ram", "wb") as f:
        f.write(struct.pack("<QQIII", 0x12345001, 0, 0x80054321, 5, 0x80000007))
    ram = ["--ram", f"{folder}/ram"]

    def fields(*args):
        found = json.loads(ctl("decode", *args, "--json", want=0).stdout)
        return [{f["name"]: int(f["value"], 0) for f in entry["fields"]} for entry in found]

    assert fields("cpu-pasid-dir", *ram, "--at", 0) == [{"P": 1, "TABLE": 0x12345000}]
    want = [{"PASID": 0x54321, "V": 1}, {"PASID": 5, "V": 0}, {"PASID": 7, "V": 1}]
    assert fields("cpu-pasid", *ram, "--at", 0x10, "--count", 3) == want
    assert fields("cpu-pasid", "0x80054321", 5, "0x80000007") == want
    for i in range(3):
        assert fields("cpu-pasid", *ram, "--at", 0x10 + 4 * i) == want[i:i + 1]
    text = ctl("decode", "cpu-pasid", *ram, "--at", 0x10, "--count", 2, want=0).stdout
    assert "at 0x10\n" in text and "at 0x14\n" in text and " 80054321\n" in text, text
    ctl("decode", "cpu-pasid", *ram, "--at", 0x1c, want=2)


# ---- Pieces of memory --------------------------------------------------------------------------

@case
def pieces(folder):
    """raw files in pieces: across pieces, outside, twice, beyond the end"""
    with open(f"{folder}/a", "wb") as f:
        f.write(bytes(range(256)) * 32)
    ram = ["--ram", f"{folder}/a"]

    def at(addr, *args):
        run = ctl("decode", "rtaddr", "--json", "--at", addr, *args)
        return run.returncode or json.loads(run.stdout)[0]["words"][0]

    word = "0x706050403020100"
    assert at(0, *ram) == word
    assert at(0x1ff8, *ram) == "0xfffefdfcfbfaf9f8"
    assert at(0x1ff9, *ram) == 2
    assert at(0x2000, *ram) == 2
    assert at(0xfffffffffffffff9, *ram) == 2
    # An entry that lies in two pieces.
    split = ["--map", "0x1000:0:4", "--map", "0x1004:4:4"]
    assert at(0x1000, *ram, *split) == word
    assert at(0x1000, *ram, *split[:2]) == 2
    # The same bytes twice are fine, others are not.
    assert at(0x1000, *ram, "--map", "0x1000:0:16", "--map", "0x1008:8:16") == word
    assert at(0x1000, *ram, "--map", "0x1000:0:16", "--map", "0x1008:9:16") == 2
    assert at(0x1000, *ram, "--map", "0x1000:0:16", *ram, "--map", "0x1000:0:16") == 2
    assert at(0x1000, *ram, "--map", "0x1000:0x1ff8:8", *ram, "--map", "0x2000:0:0") != 2
    for bad in ("0x1000:0x2000:1", "0x1000:0:0x2001", "0xfffffffffffffff8:0:16",
                "0x1000:0xffffffffffffffff:2", "0:0", "0:0:0:0", "-1:0:0", "", ":::"):
        assert at(0x1000, *ram, "--map", bad) == 2, bad
    assert at(0x100000000, *ram, "--q35=0x1000") == word
    assert at(0x1000, *ram, "--q35=0x1000") == 2
    assert at(0x1000, *ram, "--q35") == word
    assert at(0, *ram, "--q35=0x100000001") == 2
    with open(f"{folder}/big", "wb") as f:
        f.truncate(3 << 30)
        f.seek(2 << 30)
        f.write(bytes(range(8)))
    assert at(1 << 32, "--ram", f"{folder}/big", "--q35") == word
    assert at(2 << 30, "--ram", f"{folder}/big", "--q35") == 2


@case
def not_files(folder):
    """what is no file with memory in it is refused"""
    os.mkfifo(f"{folder}/fifo")
    open(f"{folder}/empty", "w").close()
    fifo = os.open(f"{folder}/fifo", os.O_RDWR)
    for name in ("fifo", "empty", "missing", "."):
        for opt in ("--ram", "--core"):
            ctl("decode", "rtaddr", opt, f"{folder}/{name}", "--at", 0, want=2)
    ctl("decode", "rtaddr", "--core", f"{IMAGES}/legacy.ram", "--at", 0, want=2)
    os.close(fifo)


# ---- Hostile cores -------------------------------------------------------------------------------

def core64(segs, body=b"", **over):
    """An ELF core; `over` replaces header fields."""
    h = dict(ident=b"\x7fELF\x02\x01\x01" + bytes(9), type=4, machine=62, version=1, entry=0,
             phoff=64, shoff=0, flags=0, ehsize=64, phentsize=56, phnum=len(segs), shentsize=64,
             shnum=0, shstrndx=0)
    h.update(over)
    out = struct.pack("<16sHHIQQQIHHHHHH", *h.values())
    for kind, offset, paddr, filesz, memsz in segs:
        out += struct.pack("<IIQQQQQQ", kind, 7, offset, 0, paddr, filesz, memsz, 0)
    return out + body


def core32(segs, body=b""):
    out = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\x01\x01\x01" + bytes(9), 4, 3, 1, 0, 52, 0, 0,
                      52, 32, len(segs), 40, 0, 0)
    for kind, offset, paddr, filesz, memsz in segs:
        out += struct.pack("<IIIIIIII", kind, offset, 0, paddr, filesz, memsz, 7, 0)
    return out + body


BODY = bytes(range(256)) * 16
LOAD, NOTE = 1, 4


def read_core(folder, core, addr, want=None):
    with open(f"{folder}/core", "wb") as f:
        f.write(core)
    run = ctl("decode", "rtaddr", "--json", "--core", f"{folder}/core", "--at", addr, want=want)
    return json.loads(run.stdout)[0]["words"][0] if run.returncode == 0 else None


@case
def good_cores(folder):
    """cores: 32 and 64 bit, many segments, notes, holes, aliases, parts not in the file"""
    word = "0x706050403020100"
    at = 64 + 3 * 56
    core = core64([(NOTE, 0, 0, 0, 0), (LOAD, at, 0x1000, 0x800, 0x800),
                   (LOAD, at + 0x800, 0x100000000, 0x800, 0x1000)], BODY)
    assert read_core(folder, core, 0x1000) == word
    assert read_core(folder, core, 0x100000700) == word
    assert read_core(folder, core, 0x17f8) == "0xfffefdfcfbfaf9f8"
    read_core(folder, core, 0x17f9, want=2)
    read_core(folder, core, 0x100000800, want=2)
    read_core(folder, core, 0, want=2)
    core = core32([(LOAD, 52 + 64, 0x1000, 0x100, 0x100), (LOAD, 52 + 64, 0x5000, 0x100, 0x100)],
                  BODY)
    assert read_core(folder, core, 0x1000) == read_core(folder, core, 0x5000) == word
    # The same memory twice, as in a core with paging.
    core = core64([(LOAD, 64 + 112, 0x1000, 0x100, 0x100),
                   (LOAD, 64 + 112 + 0x80, 0x1080, 0x100, 0x100)], BODY)
    assert read_core(folder, core, 0x1100) == word
    # A number of segments that has no room in the header.
    section = struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, 1, 0, 0)
    core = core64([(LOAD, 64 + 56 + 64, 0x1000, 0x100, 0x100)], section + BODY, phnum=0xffff,
                  shoff=64 + 56)
    assert read_core(folder, core, 0x1000) == word


@case
def bad_cores(folder):
    """cores that lie or are cut off are refused"""
    good = [(LOAD, 64 + 56, 0x1000, 0x100, 0x100)]
    ident = core64(good)[:16]
    bad = {
        "magic": core64(good, BODY, ident=b"\x7fELG" + ident[4:]),
        "class": core64(good, BODY, ident=ident[:4] + b"\x03" + ident[5:]),
        "byte order": core64(good, BODY, ident=ident[:5] + b"\x02" + ident[6:]),
        "version": core64(good, BODY, ident=ident[:6] + b"\x02" + ident[7:]),
        "type": core64(good, BODY, type=2),
        "machine": core64(good, BODY, machine=183),
        "size of headers": core64(good, BODY, phentsize=55),
        "no size of headers": core64(good, BODY, phentsize=0),
        "place of headers": core64(good, BODY, phoff=1 << 20),
        "place of headers, wrapping": core64(good, BODY, phoff=(1 << 64) - 56),
        "number of headers": core64(good, BODY, phnum=0xfffe),
        "no headers": core64([], BODY),
        "section header": core64(good, BODY, phnum=0xffff, shoff=1 << 40),
        "number in section header": core64(good, struct.pack("<44xI16x", 0xffffffff) + BODY,
                                           phnum=0xffff, shoff=64 + 56),
        "nothing loaded": core64([(NOTE, 0, 0, 0x40, 0x40)], BODY),
        "nothing in the file": core64([(LOAD, 64 + 56, 0x1000, 0, 0x1000)], BODY),
        "file size": core64([(LOAD, 64 + 56, 0x1000, 0x10000, 0x10000)], BODY),
        "offset": core64([(LOAD, 1 << 63, 0x1000, 0x100, 0x100)], BODY),
        "offset and size, wrapping": core64([(LOAD, (1 << 64) - 8, 0x1000, 0x100, 0x100)], BODY),
        "address, wrapping": core64([(LOAD, 64 + 56, (1 << 64) - 8, 0x100, 0x100)], BODY),
        "bigger than its memory": core64([(LOAD, 64 + 56, 0x1000, 0x100, 0xff)], BODY),
        "contradiction": core64([(LOAD, 64 + 112, 0x1000, 0x100, 0x100),
                                 (LOAD, 64 + 112, 0x1080, 0x100, 0x100)], BODY),
    }
    for what, core in bad.items():
        with open(f"{folder}/core", "wb") as f:
            f.write(core)
        run = ctl("walk", "--core", f"{folder}/core", "--fs-root", 0x1000, 0)
        assert run.returncode == 2, f"{what}: status {run.returncode}"
    core = core64(good, BODY[:0x100])
    for size in range(0, len(core), 7):
        with open(f"{folder}/core", "wb") as f:
            f.write(core[:size])
        ctl("walk", "--core", f"{folder}/core", "--fs-root", 0x1000, 0, want=2)
    return f"{len(bad)} lies, {len(range(0, len(core), 7))} lengths"


@case
def random_cores(folder):
    """cores with random bytes in their headers do no harm"""
    rng = random.Random(1)
    start = core64([(LOAD, 64 + 112, 0x1000, 0x800, 0x800),
                    (LOAD, 64 + 112 + 0x800, 0x2000, 0x800, 0x800)], BODY)
    seen = set()
    for _ in range(150):
        core = bytearray(start)
        for _ in range(rng.randint(1, 3)):
            core[rng.randrange(16, 64 + 112)] = rng.choice([0, 1, 0x7f, 0x80, 0xff,
                                                            rng.randrange(256)])
        with open(f"{folder}/core", "wb") as f:
            f.write(core)
        seen.add(ctl("walk", "--core", f"{folder}/core", "--fs-root", 0x1000, 0).returncode)
    assert 2 in seen and 1 in seen, f"statuses {seen}"


# ---- Command line ----------------------------------------------------------------------------------

@case
def usage(folder):
    """wrong usage: a message, status 2, nothing on standard output"""
    Memory().save(f"{folder}/ram")
    ram = ["--ram", f"{folder}/ram"]
    for args in ([], ["frob"], ["walk"], ["walk", *ram], ["walk", *ram, 0], ["walk", 0],
                 ["walk", *ram, "--fs-root", 0x1000, "nonsense"],
                 ["walk", *ram, "--fs-root", 0x1000, "-1"],
                 ["walk", *ram, "--fs-root", 0x1000, "0x10000000000000000"],
                 ["walk", *ram, "--fs-root", 0x1000, "0x10", "12x"],
                 ["walk", *ram, "--fs-root", 0x1001, 0],
                 ["walk", *ram, "--fs-root", 0x1000, "--levels", 3, 0],
                 ["walk", *ram, "--ss-root", 0x1000, "--levels", 6, 0],
                 ["walk", *ram, "--fs-root", 0x1000, "--rtaddr", 0, "--rid", 0, 0],
                 ["walk", *ram, "--rtaddr", 0, 0],
                 ["walk", *ram, "--rtaddr", 0, "--rid", "00:20.0", 0],
                 ["walk", *ram, "--rtaddr", 0, "--rid", "0x10000", 0],
                 ["walk", *ram, "--rtaddr", 0, "--rid", 0, "--pasid", 1 << 20, 0],
                 ["walk", *ram, "--rtaddr", 0, "--rid", 0, "--priv", 0],
                 ["walk", *ram, "--fs-root", 0x1000, "--access", "x", 0],
                 ["walk", *ram, "--fs-root", 0x1000, "--cap", 0, 0],
                 ["walk", *ram, "--fs-root", 0x1000, "--haw", 53, 0],
                 ["walk", *ram, "--fs-root", 0x1000, "--haw", 31, 0],
                 ["walk", *ram, "--frob", "--fs-root", 0x1000, 0],
                 ["walk", *ram, "--fs-root"], ["walk", "--map", "0:0:0", *ram, 0],
                 ["walk", "--q35", *ram, 0], ["decode"], ["decode", "frob", 0],
                 ["decode", "root", 0], ["decode", "root", 0, 0, 0], ["decode", "fs"],
                 ["decode", "fs", "--level", 5, 0], ["decode", "fs", "--at", 0, 0],
                 ["decode", "fs", *ram], ["decode", "fs", *ram, "--at", 0, "--count", 513],
                 ["decode", "fs", *ram, "--at", 0, 1]):
        run = subprocess.run([CTL, *map(str, args)], capture_output=True, text=True, timeout=60)
        assert run.returncode == 2, f"{args}: status {run.returncode}"
        assert run.stderr and not run.stdout, f"{args}: {run.stderr} {run.stdout}"
    many = [arg for _ in range(17) for arg in ram]
    ctl("walk", *many, "--fs-root", 0x1000, 0, want=2)


@case
def full_disk(_):
    """a result that cannot be written is an error"""
    with open("/dev/full", "w") as full:
        run = subprocess.run([CTL, "decode", "--list"], stdout=full, stderr=subprocess.PIPE)
    assert run.returncode == 2 and b"cannot write" in run.stderr


@case
def types(_):
    """decode knows its types; each shows fields, as text and as JSON"""
    listed = [line.split() for line in ctl("decode", "--list", want=0).stdout.splitlines()]
    assert len(listed) >= 12
    for name, words in listed:
        ones = ["0xffffffffffffffff"] * int(words)
        entry, = json.loads(ctl("decode", name, "--json", *ones, want=0).stdout)
        text = ctl("decode", name, *ones, want=0).stdout
        assert entry["type"] == name and entry["fields"]
        for field in entry["fields"]:
            assert field["high"] >= field["low"] and f"{field['name']}=" in text
            width = field["high"] - field["low"] + 1
            assert int(field["value"], 0).bit_count() == width, field
    fault, = json.loads(ctl("decode", "fault", "--json", "0x12345000", "0x8000007100000028",
                            want=0).stdout)
    fields = {field["name"]: field for field in fault["fields"]}
    assert fields["FI"]["value"] == "0x12345000" and fields["SID"]["value"] == "0x28"
    assert fields["FR"]["value"] == "0x71" and "not present" in fields["FR"]["meaning"]
    two = json.loads(ctl("decode", "fs", "--json", 0x67, 0, want=0).stdout)
    assert len(two) == 2


# ---- Files of the kernel --------------------------------------------------------------------------

CONTEXTS = """\
context id=3 pid=123 comm="a vm" closed=0 ioasids=3 devices=1 routes=2 maps=2 pinned_bytes=8192 promised_bits=- max_ioasids=9 max_routes=9 max_maps=9 later=7
  faults open=1 capacity=4096 records=1 waiting=1 dropped=0
  ioas id=1 kind="kernel" parent=- children=1 maps=2 bytes=8192 snoop=auto addr_bits=0 default_routes=1 iommus=1
  ioas id=2 kind="user-table" parent=1 children=0 maps=0 bytes=0 snoop=auto addr_bits=0 default_routes=0 iommus=1 table=0x1000
    attach device="nic" cookie=0x11 numbers=2
    later id=1
  device name="nic" cookie=0x11 class=5 group=12 mode=local default=1 below=- pasid_routes=2 numbers_pending=0 faults_waiting=1 fenced=1 refusal=10 why="the number"
    route vpasid=5 ppasid=5 ioas=2
    route vpasid=70000 ppasid=70001 ioas=2
context id=4 pid=124 comm="-" closed=1 ioasids=0 devices=0 routes=0 maps=0 pinned_bytes=0 promised_bits=8 max_ioasids=9 max_routes=9 max_maps=9
  faults open=0 capacity=0 records=0 waiting=0 dropped=0
"""
DEVICES = """\
device name="nic" class=5 class_name="pdev" group=12 group_members=1 pasid_bits=9 can="pasid ats" iommu="dmar0" iommu_pasid_bits=20 iommu_can="" format=1 page_sizes=0x1000 last=0xffff fenced=0 context=3 pid=123 comm="a vm" refusal=10 why="the number"
device name="soft" class=2 class_name="sw" group=- group_members=1 pasid_bits=0 can="" iommu=- iommu_pasid_bits=0 iommu_can="snoop" format=0 page_sizes=0x1000 last=0xffff fenced=1 context=- refusal=0 why=-
"""
SETS = """\
allocator capacity=1048576 avail=1048000 reserved=6 promised=50 split=32768 default_ceiling=9000 sets=4 live=570 pending=4 works=1 handlers=2 backends=2 backend=custom returning=3
set id=2 owner=context state=live context=7 pid=812 comm="a vm" ceiling=100 promised=50 numbers=12 pending=2 private=11 handlers=1 refused=limit refused_group=4294967301
set id=3 owner=process state=dying context=- pid=- comm=- ceiling=- promised=0 numbers=1 pending=1 private=0 handlers=0 refused=quota refused_group=-
set id=4 owner=host state=live context=- pid=- comm=- ceiling=- promised=0 numbers=0 pending=0 private=0 handlers=0 refused=- refused_group=-
number id=32790 set=2 spid=5 user=2 iommu=1 cpu=0 device=3 pins=0 backend=default charged=4294967301
number id=32791 set=2 spid=- user=0 iommu=0 cpu=1 device=0 pins=2 backend=custom charged=-
number id=40000 set=3 spid=- user=0 iommu=1 cpu=0 device=0 pins=0 backend=default charged=9
number id=50000 set=99 spid=- user=1 iommu=0 cpu=0 device=0 pins=0 backend=default charged=-
limit id=1 parent=- name="/" max=- current=20 peak=25 events=4 events_local=0 gone=0
limit id=4294967301 parent=1 name="/a" max=16 current=12 peak=16 events=3 events_local=2 gone=0
limit id=7 parent=1 name="/b" max=0 current=0 peak=0 events=1 events_local=1 gone=0
limit id=8 parent=4294967301 name="/a/c" max=- current=2 peak=2 events=0 events_local=0 gone=1
"""
SETS_TEXT = """\
host-wide numbers: 1048000 of 1048576 are left, 50 promised to sets, 6 reserved
  570 out, 4 of them pending, in 4 sets; from 32768 on
  a context may have 9000 without privilege
  they come from a custom allocator (2 registered)
  3 wait to be given back to it
  handlers that hear of all sets: 2
  works queued or running: 1
set 2 of a context (7) of a vm (pid 812): 12 numbers of at most 100, 50 promised, 11 with a private number, 2 pending, handlers: 1
  last refused by: the limit of group 4294967301 (/a)
  pending 32790: held by user x 2, IOMMU x 1, device x 3; private number 5; charged to group 4294967301 (/a)
  pending 32791: held by CPU x 1, handlers or works x 2; from a custom allocator
set 3 of a process, dying: 1 number, 1 pending
  last refused by: its own quota
  pending 40000: held by IOMMU x 1; charged to group 9 (no longer listed)
set 4 of the host: 0 numbers
pending 50000: held by user x 1
limits
  group 1 (/): 20, peak 25, refused 4 (0 here)
    group 4294967301 (/a): 12 of at most 16, peak 16, refused 3 (2 here)
      group 8 (/a/c), removed: 2, peak 2
    group 7 (/b): 0 of at most 0, peak 0, refused 1 (1 here)
"""
# A task may try to look like an event; and one that is not ours is not shown.
TRACE = """\
# tracer: nop
   qemu -x-123     [001] .....    12.345678: ioasid_map: context=3 pid=123 ioasid=1 iova=0x1000 length=0x1000 prot=rw rc=-17
 -1 [0] . 1: i-77     [000] d..1.    13.000001: ioasid_attach: context=3 pid=123 device="a b" ioasid=1 flags="pasid|vpasid" rc=0
          <...>-78    [000] d..1.    14.000002: ioasid_command: context=0 pid=0 device="-" cmd=DEV_RESET rc=0
          other-79    [000] d..1.    15.000002: sched_switch: context=0 pid=0
"""


def put(folder, text):
    with open(f"{folder}/file", "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    return f"{folder}/file"


@case
def kernel_contexts(folder):
    """show: a tree of contexts; JSON has all of it"""
    name = put(folder, CONTEXTS)
    text = ctl("show", "--plain", "--from", name, want=0).stdout
    for line in ("context 3 of a vm (pid 123): 8192 bytes pinned in 2 maps",
                 "  fault queue: 1 of 4096 records, 1 groups wait, 0 dropped",
                 "  ioas 1: kernel, 2 maps, 8192 bytes, snoop auto, default route of 1 group",
                 "    ioas 2: user-table, table at 0x1000, snoop auto",
                 "      attached: nic (cookie 0x11), 2 numbers",
                 "  device nic: cookie 0x11, class 5, group 12, local numbers,"
                 " FENCED: it did not answer in time",
                 "    without PASID -> ioas 1",
                 "    PASID 70000 (wire 70001) -> ioas 2",
                 "    last ATTACH was refused: the number",
                 "context 4 of - (pid 124), closing: 0 bytes pinned in 0 maps,"
                 " promised PASID width 8",
                 "  no fault descriptor"):
        assert line in text.split("\n"), f"'{line}' is not in:\n{text}"
    first, second = json.loads(ctl("show", "--from", name, "--json", want=0).stdout)
    assert first["ioas"][1]["attach"][0]["numbers"] == 2 and first["later"] == 7
    assert first["device"][0]["route"][1]["ppasid"] == 70001 and second["comm"] is None
    assert ctl("show", "--from", name, "--pid", 124, want=0).stdout.startswith("context 4 ")
    assert ctl("show", "--from", name, "--context", 9, want=0).stdout == "no context\n"
    ctl("show", "--from", f"{folder}/nothing", want=2)
    ctl("show", "extra", want=2)
    ctl("show", "--pid", "x", want=2)


@case
def kernel_devices(folder):
    """devices: what they can do, and why one is not attached"""
    name = put(folder, DEVICES)
    text = ctl("devices", "--from", name, want=0).stdout
    for line in ("  class: 5, pdev", "  group: 12", "  PASID width: 9 bits", "  can: pasid ats",
                 "  IOMMU: dmar0", "  IOMMU can: nothing of that",
                 "  bound by: context 3 of a vm (pid 123)", "  last ATTACH was refused: the number",
                 "  group: none", "  PASID width: none", "  IOMMU: none, software",
                 "  fenced: it did not answer in time; a reset ends it"):
        assert line in text.split("\n"), f"'{line}' is not in:\n{text}"
    only = json.loads(ctl("devices", "--from", name, "--json", "soft", want=0).stdout)
    assert [dev["name"] for dev in only] == ["soft"]
    ctl("devices", "--from", name, "nothing", want=2)


@case
def kernel_sets(folder):
    """sets: owners, quotas, refusals, who holds pending numbers, limits as a tree"""
    name = put(folder, SETS)
    text = ctl("sets", "--from", name, want=0).stdout
    for got, want in zip(text.split("\n"), SETS_TEXT.split("\n")):
        assert got == want, f"'{got}' instead of '{want}'"
    assert text == SETS_TEXT
    all_ = json.loads(ctl("sets", "--from", name, "--json", want=0).stdout)
    assert all_["allocator"]["split"] == 32768 and [s["id"] for s in all_["set"]] == [2, 3, 4]
    assert [n["id"] for n in all_["set"][0]["number"]] == [32790, 32791]
    assert all_["set"][0]["number"][0]["device"] == 3 and "number" not in all_["set"][2]
    assert [n["id"] for n in all_["number"]] == [50000] and all_["set"][0]["numbers"] == 12
    assert all_["limit"][3]["parent"] == 4294967301 and all_["limit"][0]["max"] is None
    empty = put(folder, "")
    assert ctl("sets", "--from", empty, want=0).stdout == \
        "nothing is known of the allocator\nno set\n"
    ctl("sets", "--from", f"{folder}/nothing", want=2)
    ctl("sets", "--from", name, "--host", name, want=2)
    ctl("sets", "extra", want=2)


@case
def limit_arguments(folder):
    """limit: what is neither a group nor a limit"""
    ctl("limit", f"{folder}/nothing", want=2)
    ctl("limit", put(folder, ""), want=2)
    for text in ("4294967295", "1x", "", "MAX", "1 "):
        ctl("limit", folder, text, want=2)
    ctl("limit", folder, "1", "2", want=2)


@case
def no_host(folder):
    """--host: sockets nobody serves, and files that are none"""
    plain = put(folder, "")
    for command in ("show", "graph", "devices", "sets", "limit"):
        for path in (f"{folder}/nothing", plain, folder, "x" * 200, ""):
            ctl(command, "--host", path, want=2)
            ctl(command, "-H", path, want=2)


@case
def kernel_trace(folder):
    """trace: lines of the kernel's trace, whatever the tasks call themselves"""
    name = put(folder, TRACE)
    text = ctl("trace", "--from", name, want=0).stdout.splitlines()
    assert len(text) == 3, text
    assert text[0].split() == ["12.345678", "task", "123", "context", "3", "(pid", "123)", "map:",
                               "ioasid=1", "iova=0x1000", "length=0x1000", "prot=rw", "->",
                               "EEXIST"], text[0]
    assert "task 77 " in text[1] and 'device="a b"' in text[1], text[1]
    assert text[2].split() == ["14.000002", "task", "78", "command:", "cmd=DEV_RESET", "->", "0"]
    events = [json.loads(line)
              for line in ctl("trace", "--from", name, "--json", want=0).stdout.splitlines()]
    assert [e["event"] for e in events] == ["map", "attach", "command"] and events[0]["rc"] == -17
    ctl("trace", "--from", name, "--pid", 1, want=2)
    ctl("trace", "--event", "../x", want=2)


@case
def kernel_files_that_lie(folder):
    """show, devices, trace: files that are not what they should be, and no control characters"""
    rnd = random.Random(1)
    shapes = [b"", b"\n", b" \n", b"context", b"context \n", b"context id\n", b"context id=\n",
              b'context comm="\n', b'context comm="a\x1b[2Jb\x00c" id=1\n', b"context =1\n",
              b"  ioas id=1\n", b"context id=1\n      deep x=1\n", b"x" * 100000,
              b"context " + b"a" * 70 + b"=1 id=2\n", b"context id=99999999999999999999\n",
              b"context type=5 ioas=7 device=8\n  ioas id=1\n  device x=1\n",
              b"context id=1\n" + b"  ioas id=1 parent=1 children=1\n" * 50,
              b"context id=1\n" + b"".join(b"%s%s x=1\n" % (b"  " * n, b"ioas") for n in range(20))]
    shapes += [b"limit id=1 parent=1\n" * 50, b"limit id=1\n" + b"limit id=1 parent=1\n" * 50,
               b"".join(b"limit id=%d parent=%d\n" % (n, n - 1) for n in range(3000)),
               b"number id=1 set=1\nset numbers=3 id=1\n", b"set id=1 numbers=3\nnumber set=1\n",
               b"allocator numbers=3\nnumber set=7\n", b"limit\nset\nallocator\nnumber\n"]
    texts = [CONTEXTS.encode(), DEVICES.encode(), SETS.encode(), TRACE.encode()]
    for _ in range(60):
        text = bytearray(rnd.choice(texts))
        for _ in range(rnd.randrange(1, 12)):
            text[rnd.randrange(len(text))] = rnd.choice(b' ="-\n\x00\xff\x1b0aZ')
        shapes.append(bytes(text))
    for shape in shapes:
        name = put(folder, shape)
        for command in ("show", "devices", "sets", "trace"):
            plain = ["--plain"] if command == "show" else []
            out = ctl(command, *plain, "--from", name, want=0).stdout
            assert all(" " <= c <= "~" or c == "\n" for c in out), f"{command}: {shape[:80]}"
            out = ctl(command, "--from", name, "--json", want=0).stdout
            for line in out.splitlines() if command == "trace" else [out]:
                json.loads(line)


@case
def manual(_):
    """--help lists the commands, and the manual every option of each"""
    text = ctl("--help", want=0).stdout
    with open(MANUAL) as f:
        man = f.read().replace("\\-", "-")
    for command in re.findall(r"^  (\w+) ", text, re.M):
        helped = ctl(command, "--help", want=0).stdout
        assert helped.startswith(f"Usage: ioasidctl {command} ")
        for option in set(re.findall(r"--[a-z0-9-]+", helped)):
            assert re.search(rf"{option}\b", man), f"{option} is not in the manual"
        for option in set(re.findall(r"--[a-z0-9-]+", man)):
            everything = "".join(ctl(name, "--help").stdout
                                 for name in re.findall(r"^  (\w+) ", text, re.M))
            assert option in everything + " --help", f"{option} is in the manual only"
    if shutil.which("man"):
        run = subprocess.run(["man", "--warnings", "-l", "-Tutf8", "-P", "cat", MANUAL],
                             capture_output=True, text=True)
        assert run.returncode == 0 and not run.stderr, run.stderr


print(f"1..{cases}")
sys.exit(1 if failed else 0)
