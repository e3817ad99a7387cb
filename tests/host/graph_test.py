#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""ioasidctl graph and show on dumps made by hand: graph_test.py IOASIDCTL.

Pictures are read back (picture.py), from what is given to dot and from the SVG that it makes.
"""
import os
import random
import re
import subprocess
import sys
import tempfile
import time

import picture

CTL, = sys.argv[1:2]
failed = 0
cases = 0


def case(fn):
    """Run one case now; what it asserts has to hold."""
    global failed, cases
    cases += 1
    with tempfile.TemporaryDirectory() as folder:
        try:
            note = fn(folder)
        except Exception as err:
            failed += 1
            print("".join(f"# {line}\n" for line in f"{err!r}"[:3000].split("\n"))
                  + f"not ok {cases} - {fn.__doc__}")
        else:
            print(f"ok {cases} - {fn.__doc__}" + (f" ({note})" if note else ""))
    sys.stdout.flush()


def ctl(*args, want=0, env=None):
    run = subprocess.run([CTL, *map(str, args)], capture_output=True, timeout=60,
                         env={**os.environ, **(env or {})})
    err = run.stderr.decode()
    assert run.returncode == want, f"{args}: status {run.returncode}, {err[-800:]}"
    assert "runtime error" not in err, err[-800:]
    if want:
        assert err.startswith("ioasidctl: ") and not run.stdout, (err, run.stdout)
        return err
    assert not err, err
    return run.stdout.decode()


def put(folder, text, name="file"):
    with open(f"{folder}/{name}", "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    return f"{folder}/{name}"


def draw(folder, text, *args, svg=True):
    """The picture of a dump, the same in dot's language and as SVG."""
    name = put(folder, text)
    drawn = picture.from_dot(ctl("graph", "--from", name, "--dot", *args))
    if svg:
        drawn.same(picture.from_svg(ctl("graph", "--from", name, *args)))
    return drawn


# A whole function and a slice in one VM, hybrid; another VM with a slice of the same parent.
HYBRID = """\
context id=1 pid=42 comm="vmm" closed=0 ioasids=3 devices=2 pinned_bytes=65536 maps=1 promised_bits=10 cpu=on no_migration="exposed-number home"
  faults open=1 capacity=4096 records=0 waiting=0 dropped=0
  ioas id=1 kind="kernel" parent=- children=2 maps=1 bytes=65536 snoop=auto default_routes=2
  ioas id=2 kind="user-table" parent=1 children=0 maps=0 bytes=0 snoop=auto default_routes=0 table=0x1000
    attach device="acc" cookie=0x11 numbers=2
    attach device="par.0" cookie=0x12 numbers=1
  ioas id=7 kind="user-table" parent=1 children=0 maps=0 bytes=0 snoop=auto default_routes=0
    attach device="par.0" cookie=0x12 numbers=0
  device name="acc" cookie=0x11 class=7 function="acc" slice=0 group=- mode=global global_min=1024 portal=open default=1 below=- default_pasid=- fenced=0
    route vpasid=5 ppasid=5 ioas=2 global=32768 cpu=1
    route vpasid=6 ppasid=6 ioas=2 global=32769 cpu=0
  device name="par.0" cookie=0x12 class=8 function="par" slice=1 group=- mode=global global_min=1024 portal=open default=1 below=- default_pasid=1 fenced=0
    route vpasid=5 ppasid=- ioas=2 global=32768 cpu=1
context id=2 pid=43 comm="other" closed=0 ioasids=1 devices=1 pinned_bytes=0 maps=0 promised_bits=- cpu=- no_migration="home"
  ioas id=1 kind="kernel" parent=- children=0 maps=0 bytes=0 snoop=auto default_routes=0
  device name="par.1" cookie=0x12 class=6 function="par" slice=1 group=- mode=local portal=- default=- below=- default_pasid=2 fenced=1
    route vpasid=5 ppasid=3 ioas=1 global=- cpu=0
host split=32768
function name="acc" rid=01:00.0 pasid_bits=20 host_use=0
  whole name="acc" class=7 context=1
  numbers first=5 last=6 state=live
  numbers first=32768 last=32769 state=live
function name="par" rid=01:01.0 pasid_bits=20 host_use=0 kept_first=100 kept_last=120
  slice name="par.0" class=8 context=1
  slice name="par.1" class=6 context=2
  slice name="par.2" class=8 context=-
  numbers first=1 last=3 state=live
  numbers first=4 last=4000 state=pending
  numbers first=4001 last=4004 state=pending
  numbers first=4010 last=4010 state=host
  numbers first=32768 last=32768 state=live
function name="idle" rid=- pasid_bits=0 host_use=0
  whole name="idle" class=1 context=-
"""


@case
def hybrid(folder):
    """graph: nodes and arrows of a hybrid set-up"""
    p = draw(folder, HYBRID)
    assert p.title == "host-wide numbers from 32768 on"
    assert p.clusters == {
        "cluster_c0": "context 1 of vmm (pid 42)\npromised PASID width 10",
        "cluster_c1": "context 2 of other (pid 43)"}, p.clusters
    assert p.nodes == {
        "c0i0": ("ioas", "ioas 1\nkernel\n65536 bytes in 1 map"),
        "c0i1": ("ioas", "ioas 2\nuser-table\ntable at 0x1000"),
        "c0i2": ("ioas", "ioas 7\nuser-table"),
        "c0d0": ("device", "acc\nclass 7, global, split 1024\ncookie 0x11\nportal open"),
        "c0d1": ("device", "par.0\nclass 8, global, split 1024\ncookie 0x12\nportal open"),
        "c0cpu": ("cpu", "CPU table: on\n5 \u2192 32768"),
        "c1i0": ("ioas", "ioas 1\nkernel"),
        "c1d0": ("device", "par.1\nclass 6, local\ncookie 0x12\nFENCED\nwithout PASID: blocked"),
        "f0": ("function", "function acc\nrequester 01:00.0, 20 bits\n"
                           "on the wire: 5-6, 32768-32769"),
        "f1": ("function", "function par\nrequester 01:01.0, 20 bits\n3 slices\n"
                           "its driver's: 100-120\non the wire: 1-3, 32768\npending: 4-4004\n"
                           "the kernel's: 4010")}, p.nodes
    assert sorted(p.edges) == sorted([
        ("c0i1", "c0i0", "nested", "nested on"), ("c0i2", "c0i0", "nested", "nested on"),
        ("c0d0", "c0i0", "default", "no PASID"),
        ("c0d0", "c0i1", "route", "5 \u2192 5, 32768\n6 \u2192 6, 32769"),
        ("c0d1", "c0i0", "default", "no PASID \u2192 1"),
        ("c0d1", "c0i1", "route", "5 \u2192 32768"),
        ("c0d1", "c0i2", "waiting", "no number yet"),
        ("c0cpu", "c0d0", "enqcmd", "ENQCMD"), ("c0cpu", "c0d1", "enqcmd", "ENQCMD"),
        ("c1d0", "c1i0", "route", "5 \u2192 3"),
        ("f0", "c0d0", "part", ""), ("f1", "c0d1", "part", "slice"),
        ("f1", "c1d0", "part", "slice")]), p.edges


@case
def portals(folder):
    """graph: ENQCMD goes to open portals, and only while the CPUs translate"""
    for cpu, portal, arrows in (("on", "open", 1), ("on", "closed", 0), ("on", "closed-local", 0),
                                ("on", "-", 0), ("off", "open", 0), ("off", "closed", 0)):
        p = draw(folder, f'context id=1 cpu={cpu}\n  device name="d" mode=local portal={portal}\n')
        assert len(p.between("enqcmd")) == arrows, (cpu, portal, p.edges)
        assert p.nodes["c0cpu"][1] == f"CPU table: {cpu}"
        words = p.nodes["c0d0"][1].split("\n")
        assert ("portal " in p.nodes["c0d0"][1]) == (portal != "-"), words
        assert (": its numbers are local" in p.nodes["c0d0"][1]) == (portal == "closed-local")
    p = draw(folder, 'context id=1 cpu=-\n  device name="d" mode=local portal=open\n')
    assert not p.texts("cpu") and not p.edges


@case
def picked(folder):
    """graph, show: one context of several, with the functions it uses"""
    for pick in (("--context", 1), ("--pid", 42)):
        p = draw(folder, HYBRID, *pick)
        assert list(p.clusters) == ["cluster_c0"]
        assert len(p.texts("function")) == 2 and len(p.between("part")) == 2
    p = draw(folder, HYBRID, "--context", 2)
    assert list(p.texts("function").values())[0].startswith("function par\n")
    p = draw(folder, HYBRID, "--context", 3)
    assert p.nodes == {"nothing": ("more", "no context")} and not p.edges
    name = put(folder, HYBRID)
    text = ctl("show", "--plain", "--from", name, "--context", 2)
    assert text.count("\ncontext ") + text.startswith("context 2 ") == 1
    assert "\nfunction par" in text and "function acc" not in text
    assert ctl("show", "--from", name, "--context", 3) == "no context\n"


TREE = """\
context 1 of vmm (pid 42): 65536 bytes pinned in 1 maps, promised PASID width 10
├─ fault queue: 0 of 4096 records, 0 groups wait, 0 dropped
├─ CPU table: on, 1 number
├─ cannot be saved: a number on the wire was shown to the user; there are no commands for it
├─ ioas 1: kernel, 1 map, 65536 bytes, snoop auto, default route of 2 groups
│  ├─ ioas 2: user-table, table at 0x1000, snoop auto
│  │  ├─ attached: acc (cookie 0x11), 2 numbers
│  │  └─ attached: par.0 (cookie 0x12), 1 number
│  └─ ioas 7: user-table, snoop auto
│     └─ attached: par.0 (cookie 0x12), no number yet
├─ device acc: cookie 0x11, class 7, global numbers, host-wide from 1024 on
│  ├─ portal open
│  ├─ without PASID -> ioas 1
│  ├─ PASID 5 (wire 5, host-wide 32768, in the CPU table) -> ioas 2
│  └─ PASID 6 (wire 6, host-wide 32769) -> ioas 2
└─ device par.0: cookie 0x12, class 8, slice of par, global numbers, host-wide from 1024 on
   ├─ portal open
   ├─ without PASID (wire 1) -> ioas 1
   └─ PASID 5 (host-wide 32768, in the CPU table) -> ioas 2
context 2 of other (pid 43): 0 bytes pinned in 0 maps
├─ cannot be saved: there are no commands for it
├─ ioas 1: kernel, snoop auto
└─ device par.1: cookie 0x12, class 6, slice of par, local numbers, FENCED: it did not answer in time
   ├─ without PASID: blocked
   └─ PASID 5 (wire 3) -> ioas 1
function acc, requester 01:00.0: PASID width 20
└─ on the wire: 5-6, 32768-32769
function par, requester 01:01.0: PASID width 20, its driver has 100-120 for itself
├─ slice par.0: class 8, of context 1
├─ slice par.1: class 6, of context 2
├─ slice par.2: class 8, not bound
├─ on the wire: 1-3, 32768
├─ pending: 4-4004
└─ the kernel's: 4010
"""


@case
def tree(folder):
    """show: a tree in UTF-8, indented elsewhere and when asked for"""
    name = put(folder, HYBRID)
    text = ctl("show", "--from", name, env={"LC_ALL": "C.UTF-8"})
    assert text == TREE, text
    indented = "\n".join("  " * ((len(line) - len(line.lstrip("│├└─ "))) // 3)
                         + line.lstrip("│├└─ ") for line in TREE.split("\n"))
    assert ctl("show", "--plain", "--from", name, env={"LC_ALL": "C.UTF-8"}) == indented
    assert ctl("show", "--from", name, env={"LC_ALL": "C"}) == indented
    assert ctl("show", "--from", name, env={"LC_ALL": "xx_YY.UTF-9"}) == indented


HOSTILE = [r'\N\G\E\T\H\L\n\l\r', '\\', '\\\\', "<b>&amp;</b>", "&#34;];x->y[", "]; } subgraph {",
           "<!--", "-->", "]]>", "<![CDATA[", "%s%n%1000000d", "#include", "// x", "'\"'", "->",
           "&rarr;&nosuch;&#0;&#x1b;", "\x1b[2J\x07", "\u2028\u00e9", "a" * 4000, " ", "--", "=",
           "${HOME}", "`id`", "a;b", "{|}", "\\\"", "&", "&amp"]


@case
def hostile(folder):
    """graph: names are names, whatever they look like"""
    rnd = random.Random(5)
    wanted = draw(folder, HYBRID)
    for name in HOSTILE + ["".join(chr(rnd.randrange(1, 127)) for _ in range(31))
                           for _ in range(20)]:
        if '"' in name or "\n" in name or name == "-":
            name = name.replace('"', "_").replace("\n", "_")
        text = HYBRID.replace('"acc"', f'"{name}"').replace('"vmm"', f'"{name}"')
        p = draw(folder, text)
        assert p.nodes.keys() == wanted.nodes.keys(), f"{name!r}: {p.nodes}"
        assert [e[:3] for e in p.edges] == [e[:3] for e in wanted.edges], f"{name!r}: {p.edges}"
        shown = "".join(c if " " <= c <= "~" else "?" * len(c.encode()) for c in name)
        assert p.nodes["c0d0"][1].split("\n")[0] == shown, (name, p.nodes["c0d0"])
        assert p.clusters["cluster_c0"].startswith(f"context 1 of {shown} (pid 42)\n"), name


@case
def every_field(folder):
    """graph: no field of a dump gets out of its label"""
    evil = r'"];\N<&\"->{}' .replace('"', "'")
    fields = sorted(set(re.findall(r" (\w+)=", HYBRID)))
    for field in fields:
        text = re.sub(rf' {field}=("[^"]*"|\S+)', lambda m: f' {field}="{evil}"', HYBRID)
        draw(folder, text)
    return f"{len(fields)} fields"


@case
def empty(folder):
    """graph: nothing, and nearly nothing"""
    for text, nodes in (("", 1), ("\n\n", 1), ("host split=32768\n", 1), ("context\n", 1),
                        ("context id=1\n  device name=\"x\"\n", 1),
                        ("context id=1\n  ioas id=1 parent=-\n", 1), ("function name=\"x\"\n", 1),
                        ("function name=\"x\"\n  slice name=\"y\"\n", 2)):
        p = draw(folder, text)
        assert len(p.nodes) == nodes and not p.edges, (text, p.nodes)
    assert draw(folder, "").nodes == {"nothing": ("more", "no context")}
    assert ctl("show", "--from", put(folder, "")) == "no context\n"


def quick(folder, text, limit=4):
    """Drawn, within seconds, though everything is checked as it runs."""
    start = time.monotonic()
    p = picture.from_svg(ctl("graph", "--from", put(folder, text)))
    took = time.monotonic() - start
    assert took < limit, f"took {took:.1f} s"
    return p, took


@case
def many_numbers(folder):
    """graph: 4096 routes to one address space, and to as many, are drawn at once and folded"""
    head = "context id=1 pid=1 comm=\"x\" cpu=on\n"
    dev = '  device name="d" cookie=0x1 class=7 function="d" mode=global portal=open default=-\n'
    spaces = "".join(f'  ioas id={n} kind="user-table" parent={n > 1 or "-"}\n'
                     for n in range(1, 4098))
    routes = "".join(f"    route vpasid={n} ppasid={n} ioas=1 global={n + 40000} cpu=1\n"
                     for n in range(1, 4097))
    tail = 'function name="d" rid=- pasid_bits=20\n' + "".join(
        f"  numbers first={2 * n} last={2 * n} state=live\n" for n in range(1, 4097))
    p, first = quick(folder, head + spaces.split("\n")[0] + "\n" + dev + routes + tail)
    lines = p.between("route")[("c0d0", "c0i0")].split("\n")
    assert len(lines) == 9 and lines[0] == "1 \u2192 1, 40001" and lines[8] == "... 4088 more", \
        lines
    assert p.nodes["c0cpu"][1].endswith("\n8 \u2192 40008\n... 4088 more")
    assert p.nodes["f0"][1].endswith("on the wire: 2, 4, 6, 8, 10, 12, 14, 16, ... 4088 more")
    apart = re.sub(r"vpasid=(\d+)(.*) ioas=1", lambda m: f"vpasid={m[1]}{m[2]} ioas="
                   f"{int(m[1]) + 1}", routes)
    text = head + spaces + dev + apart + tail
    p, second = quick(folder, text)
    assert len(p.texts("ioas")) == 16 and p.nodes["c0more_spaces"][1] == \
        "... 4081 more address spaces", p.texts("ioas")
    assert p.nodes["c0d0more"][1] == "... 4088 more numbers"
    assert len(p.between("route")) == 9 and ("c0d0", "c0d0more") in p.between("route")
    everything = draw(folder, text, "--all", svg=False)
    assert len(everything.between("route")) == 4096 and not everything.texts("more")
    assert everything.between("route")[("c0d0", "c0i4096")] == "4096 \u2192 4096, 44096"
    return f"{first:.1f} s, {second:.1f} s"


@case
def nearly_many(folder):
    """graph: nothing is folded to save one line"""
    for n in (7, 8, 9, 10):
        text = 'context id=1\n  ioas id=1 parent=-\n  device name="d" mode=local\n' + "".join(
            f"    route vpasid={i} ppasid={i} ioas=1 global=-\n" for i in range(1, n + 1))
        lines = draw(folder, text).between("route")[("c0d0", "c0i0")].split("\n")
        assert lines[-1] == (f"{n} \u2192 {n}" if n < 10 else "... 2 more"), lines


@case
def many_objects(folder):
    """graph: crowds of contexts, devices and functions are counted"""
    text = "".join(f'context id={n} pid={n} comm="x"\n' for n in range(1, 301))
    text += "".join(f'  device name="d{n}" cookie={n} class=6 mode=local default=-'
                    f' function="f{n % 3}" slice=1\n' for n in range(100))
    p, took = quick(folder, text.replace("context id=300", "context id=0", 1))
    assert len(p.clusters) == 24 and p.nodes["more_contexts"][1] == "... 276 more contexts"
    text = 'context id=1 comm="x"\n' + text[text.index("  device"):]
    text += "".join(f'function name="f{n}"\n  slice name="s"\n' for n in range(100))
    p, more = quick(folder, text)
    assert len(p.texts("device")) == 24 and p.nodes["c0more_devices"][1] == "... 76 more devices"
    assert len(p.between("part")) == 24
    assert len(p.texts("function")) == 43 and p.nodes["more_functions"][1] == \
        "... 57 more functions"
    return f"{took:.1f} s, {more:.1f} s"


@case
def lies(folder):
    """graph: dumps that contradict themselves, and mutilated ones"""
    shapes = [b"context id=1\n" + b"  ioas id=1 parent=1 children=1\n" * 50,
              b"context id=1\n  ioas id=1 parent=2\n  ioas id=2 parent=1\n  device default=2\n",
              b"context ioas=7 device=8 cpu=on\n  ioas id=1\n  device route=1\n",
              b"context id=1 cpu=on\n  device name=\"a\" ioas=3\n    route ioas=9 cpu=1\n",
              b"function numbers=1 slice=2 name=-\n", b"function name=\"f\" numbers=1\n" * 3,
              b"context\n  device function=\"f\"\n  device function=\"f\"\nfunction name=\"f\"\n",
              b"function\n  numbers first=9 last=1 state=live\n  numbers state=pending\n",
              b"function\n  numbers first=1 last=99999999999999999 state=live\n"
              b"  numbers first=100000000000000000 last=3 state=live\n",
              b"function\n  numbers first=-5 last=9223372036854775807 state=host\n"]
    rnd = random.Random(2)
    for _ in range(150):
        text = bytearray(HYBRID.encode())
        for _ in range(rnd.randrange(1, 20)):
            text[rnd.randrange(len(text))] = rnd.choice(b' ="-\n\x00\xff\x1b0aZ\\<&')
        shapes.append(bytes(text))
    for i, shape in enumerate(shapes):
        draw(folder, shape, svg=i < 20)
        draw(folder, shape, "--all", svg=False)
        ctl("show", "--from", put(folder, shape))


@case
def without_dot(folder):
    """graph: without dot there is a message that says so, and --dot works"""
    name = put(folder, HYBRID)
    env = {"PATH": folder}
    for args in ((), ("-o", f"{folder}/out")):
        text = ctl("graph", "--from", name, *args, want=2, env=env)
        assert "dot is not installed" in text and "graphviz" in text and "--dot" in text, text
    assert not os.path.exists(f"{folder}/out")
    assert ctl("graph", "--from", name, "--dot", env=env) == \
        ctl("graph", "--from", name, "--dot")


@case
def bad_dot(folder):
    """graph: a dot that fails leaves the old picture alone"""
    name, out = put(folder, HYBRID), put(folder, "old", "out")
    for body in ("echo half; exit 1", "echo half; kill -9 $$"):
        dot = put(folder, f"#!/bin/sh\n{body}\n", "dot")
        os.chmod(dot, 0o755)
        text = ctl("graph", "--from", name, "--output", out, want=2,
                   env={"PATH": f"{folder}:/bin"})
        assert "dot made no picture" in text, text
        assert open(out).read() == "old"
    os.chmod(dot, 0o644)
    ctl("graph", "--from", name, want=2, env={"PATH": folder})


@case
def output(folder):
    """graph: -o FILE is the same as standard output; what cannot be written is said"""
    name, out = put(folder, HYBRID), put(folder, "x" * 100000, "out")
    for args in ((), ("--dot",)):
        ctl("graph", "--from", name, *args, "-o", out)
        assert open(out).read() == ctl("graph", "--from", name, *args)
    ctl("graph", "--from", name, "-o", f"{folder}/no/where", want=2)
    ctl("graph", "--from", name, "--dot", "-o", "/dev/full", want=2)
    ctl("graph", "--from", f"{folder}/nothing", want=2)
    ctl("graph", "extra", want=2)
    ctl("graph", "--context", "x", "--from", name, want=2)
    ctl("graph", "--from", name, "--host", name, want=2)


print(f"1..{cases}")
sys.exit(1 if failed else 0)
