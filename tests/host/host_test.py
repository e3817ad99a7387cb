#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""ioasidctl against hosts in other processes: host_test.py IOASIDCTL WORLD HYBRID.

WORLD makes sets, quotas, limits and numbers that each kind of holder keeps (see world.c), HYBRID devices
whose numbers are translated (hybrid.c); both say what a reader cannot know. Every line of ioasidctl is
compared with what they did, and every arrow of its pictures.
"""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import picture

CTL, WORLD, HYBRID = sys.argv[1:4]
failed = 0
cases = 0


def case(fn):
    """Run one case now; what it asserts has to hold."""
    global failed, cases
    cases += 1
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        try:
            fn(f"{folder}/socket")
        except AssertionError as err:
            failed += 1
            print("".join(f"# {line}\n" for line in str(err).split("\n"))
                  + f"not ok {cases} - {fn.__doc__}")
        else:
            print(f"ok {cases} - {fn.__doc__}")
    sys.stdout.flush()


class World:
    """A running host."""

    def __init__(self, path, *scene):
        program = HYBRID if scene else WORLD
        # What a process is called is up to who starts it.
        self.run = subprocess.Popen([scene[1] if len(scene) > 1 else program, path, *scene],
                                    executable=program, stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True)
        self.fact = {}
        for line in self.run.stdout:
            if line == "ready\n":
                return
            name, number = line.split()
            self.fact[name] = int(number)
        raise AssertionError(f"the world did not come up: {self.run.wait()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run.stdin.close()
        assert self.run.wait(timeout=30) in (0, -signal.SIGKILL), "the world came to a bad end"

    def __getitem__(self, name):
        return self.fact[name]


def ctl(*args, want=0, env=None, user=None):
    run = subprocess.run([CTL, *map(str, args)], capture_output=True, text=True, timeout=60,
                         env={**os.environ, **(env or {})}, user=user)
    assert run.returncode == want, f"{args}: status {run.returncode}, {run.stderr}"
    assert "runtime error" not in run.stderr, run.stderr[-800:]
    return run.stderr if want else run.stdout


def same(text, want):
    for got, line in zip(text.splitlines(), want.splitlines()):
        assert got == line, f"'{got}'\ninstead of '{line}'"
    assert text == want, f"{text}\ninstead of\n{want}"


def has(text, *lines):
    for line in lines:
        assert line in text.split("\n"), f"'{line}' is not in:\n{text}"


def one(w):
    return f"; charged to group {w['/vms/one']} (/vms/one)"


@case
def sets(path):
    """sets: every line is what was done"""
    with World(path) as w:
        same(ctl("sets", "-H", path), f"""\
host-wide numbers: 1048519 of 1048576 are left, 55 promised to sets, 0 reserved
  9 out, 6 of them pending, in 6 sets; from 32768 on
  works queued or running: 1
set 1 of a context (1) of world (pid {w['pid']}): 2 numbers of at most 50, 50 promised, \
1 with a private number, 1 pending
  pending {w['by_cpu']}: held by CPU x 1; charged to group {w['/']} (/)
set 2 of the host: 5 numbers of at most 5, 5 promised, 1 with a private number, 4 pending
  last refused by: its own quota
  pending {w['by_user']}: held by user x 2; private number 77{one(w)}
  pending {w['by_iommu']}: held by IOMMU x 1{one(w)}
  pending {w['by_device']}: held by CPU x 1, device x 3{one(w)}
  pending {w['by_work']}: held by handlers or works x 1{one(w)}
set 3 of the host: 0 numbers
  last refused by: the limit of group {w['/vms/full']} (/vms/full)
set 4 of the host: 1 number
  last refused by: no number was free in the range asked for
set 5 of the host, dying: 1 number, 1 pending
  pending {w['left']}: held by IOMMU x 1{one(w)}
set 6 of a process of world (pid {w['pid']}): 0 numbers, handlers: 1
limits
  group {w['/']} (/): 9, peak 9, refused 1 (0 here)
    group {w['/vms']} (/vms): 7 of at most 40, peak 7, refused 1 (0 here)
      group {w['/vms/one']} (/vms/one): 7, peak 7
      group {w['/vms/full']} (/vms/full): 0 of at most 0, peak 0, refused 1 (1 here)
""")


@case
def sets_json(path):
    """sets --json: the same, for programs"""
    with World(path) as w:
        top = json.loads(ctl("sets", "--host", path, "--json"))
        assert top["allocator"]["live"] == 9 and top["allocator"]["backend"] == "default"
        owners = [(s["owner"], s["state"], s["pid"]) for s in top["set"]]
        assert owners == [("context", "live", w["pid"])] + [("host", "live", None)] * 3 + \
            [("host", "dying", None), ("process", "live", w["pid"])], owners
        held = {n["id"]: [n[kind] for kind in ("user", "iommu", "cpu", "device", "pins")]
                for s in top["set"] for n in s.get("number", [])}
        assert held == {w["by_user"]: [2, 0, 0, 0, 0], w["by_iommu"]: [0, 1, 0, 0, 0],
                        w["by_device"]: [0, 0, 1, 3, 0], w["by_work"]: [0, 0, 0, 0, 1],
                        w["by_cpu"]: [0, 0, 1, 0, 0], w["left"]: [0, 1, 0, 0, 0]}, held
        assert {g["name"]: (g["max"], g["current"], g["events"], g["events_local"])
                for g in top["limit"]} == {"/": (None, 9, 1, 0), "/vms": (40, 7, 1, 0),
                                           "/vms/one": (None, 7, 0, 0), "/vms/full": (0, 0, 1, 1)}


@case
def show(path):
    """show: the context of another process, with host-wide numbers"""
    with World(path) as w:
        text = ctl("show", "--plain", "--host", path)
        has(text, f"context 1 of world (pid {w['pid']}): 8192 bytes pinned in 1 maps",
            "  ioas 1: kernel, 1 map, 8192 bytes, snoop auto, default route of 1 group",
            "    ioas 2: user-table, snoop auto",
            "      attached: nic (cookie 0x11), 1 number",
            "  device nic: cookie 0x11, class 5, global numbers, host-wide from 36864 on",
            "    without PASID -> ioas 1",
            f"    PASID 5 (wire 5, host-wide {w['in_use']}) -> ioas 2",
            "  device disk: cookie 0x12, class 1, local numbers", "    without PASID: blocked")
        assert "PASID 6" not in text
        same(ctl("show", "--plain", env={"IOASID_HOST": path}), text)
        same(ctl("show", "-H", path, "--plain", "--pid", w["pid"]), text)
        same(ctl("show", "-H", path, "--pid", 1), "no context\n")
        assert json.loads(ctl("show", "-H", path, "--json"))[0]["device"][0]["name"] == "nic"


def draw(path, *args):
    """The picture, the same in dot's language and as SVG."""
    drawn = picture.from_svg(ctl("graph", "-H", path, *args))
    drawn.same(picture.from_dot(ctl("graph", "-H", path, *args, "--dot")))
    return drawn


@case
def graph(path):
    """graph: two functions, three slices, two contexts: every number is where it is"""
    with World(path, "hybrid") as w:
        p = draw(path)
        acc, par0, par1 = (p.named("device", name) for name in ("acc", "par.0", "par.1"))
        f_acc, f_par = (p.named("function", f"function {name}") for name in ("acc", "par"))
        g5, g6 = w["global5"], w["global5"] + 1
        own = sorted([w["default0"], w["default1"], w["own5"]])
        assert own + [w["pending"]] == [1, 2, 3, 4] and w["local5"] == 5 and g5 == 32768
        assert p.nodes[f_acc][1] == "function acc\nrequester 01:00.0, 20 bits\n" \
            f"its driver's: 100-120\non the wire: 5-6, {g5}-{g6}", p.nodes[f_acc]
        assert p.nodes[f_par][1] == "function par\nrequester 01:01.0, 20 bits\n3 slices\n" \
            f"its driver's: 100-120\non the wire: 1-3, {g5}\npending: 4", p.nodes[f_par]
        assert p.nodes[acc][1] == "acc\nclass 7, global, split 1024\ncookie 0x11\nportal open"
        assert p.nodes[par1][1] == "par.1\nclass 6, local\ncookie 0x12\nwithout PASID: blocked"
        spaces = {name: text.split("\n") for name, text in p.texts("ioas").items()}
        gpa, process, later = (p.named("ioas", f"ioas {n}")
                               for n in (1, 2, 3)) if len(spaces) == 3 else \
            (next(n for n, t in spaces.items() if t[0] == f"ioas {i}" and n[:2] == acc[:2])
             for i in (1, 2, 3))
        other = next(n for n in spaces if n[:2] == par1[:2])
        assert p.between("route") == {(acc, process): f"5 \u2192 5, {g5}\n6 \u2192 6, {g6}",
                                      (par0, process): f"5 \u2192 {g5}",
                                      (par1, other): f"5 \u2192 {w['own5']}"}
        assert p.between("default") == {(acc, gpa): "no PASID",
                                        (par0, gpa): f"no PASID \u2192 {w['default0']}"}
        assert p.between("nested").keys() == {(process, gpa), (later, gpa)}
        assert p.between("waiting").keys() == {(par0, later)}
        assert p.between("part") == {(f_acc, acc): "", (f_par, par0): "slice",
                                     (f_par, par1): "slice"}
        cpu, = p.texts("cpu")
        assert p.nodes[cpu][1] == f"CPU table: on\n5 \u2192 {g5}"
        assert p.between("enqcmd").keys() == {(cpu, acc), (cpu, par0)}
        assert sorted(p.clusters.values()) == [
            f"context 1 of hybrid (pid {w['pid']})\npromised PASID width 10",
            f"context 2 of hybrid (pid {w['pid']})"], p.clusters
        assert p.title == "host-wide numbers from 32768 on"
        assert len(p.nodes) == 4 + 3 + 2 + 1 and len(p.edges) == 3 + 2 + 2 + 1 + 3 + 2
        only = draw(path, "--context", 2)
        assert len(only.texts("function")) == 1 and len(only.nodes) == 3


@case
def tree(path):
    """show: the same as a tree"""
    with World(path, "hybrid") as w:
        g5 = w["global5"]
        has(ctl("show", "-H", path, "--plain"), "  CPU table: on, 1 number",
            "  device acc: cookie 0x11, class 7, global numbers, host-wide from 1024 on",
            "    portal open", "    without PASID -> ioas 1",
            f"    PASID 5 (wire 5, host-wide {g5}, in the CPU table) -> ioas 2",
            f"    PASID 6 (wire 6, host-wide {g5 + 1}) -> ioas 2",
            "  device par.0: cookie 0x12, class 8, slice of par, global numbers,"
            " host-wide from 1024 on", f"    without PASID (wire {w['default0']}) -> ioas 1",
            f"    PASID 5 (host-wide {g5}, in the CPU table) -> ioas 2",
            "      attached: par.0 (cookie 0x12), no number yet",
            "  device par.1: cookie 0x12, class 6, slice of par, local numbers",
            f"    PASID 5 (wire {w['own5']}) -> ioas 1", "    numbers it may still send: 1",
            "function acc, requester 01:00.0: PASID width 20, its driver has 100-120 for itself",
            f"  on the wire: 5-6, {g5}-{g5 + 1}", "  slice par.0: class 8, of context 1",
            "  slice par.1: class 6, of context 2", "  slice par.2: class 8, not bound",
            f"  on the wire: 1-3, {g5}", "  pending: 4")
        text = ctl("show", "-H", path, env={"LC_ALL": "C.UTF-8"})
        assert "\u2502  \u251c\u2500 PASID 5 (wire 5," in text, text
        has(ctl("devices", "-H", path, "par.1"), "  slice of: par",
            f"  bound by: context 2 of hybrid (pid {w['pid']})")
        assert "slice of" not in ctl("devices", "-H", path, "par")
        objects = json.loads(ctl("show", "-H", path, "--json"))
        assert [o["type"] for o in objects] == ["context"] * 2 + ["function"] * 2
        pending = {d["name"]: d["numbers_pending"] for c in objects[:2] for d in c["device"]}
        assert pending == {"acc": 0, "par.0": 0, "par.1": 1}, pending


@case
def hostile(path):
    """graph, show: devices and processes with names made to harm"""
    for name in ('"];evil->x[', "\\N<b>&amp;\\l\\", "\x1b[2J\n}\r//", "<!--]]>", "\u00e9\u2028",
                 "->", " "):
        with World(path, "hybrid", name) as w:
            p = draw(path)
            safe = "".join(c if " " <= c <= "~" and c not in '"\\' else "_" * len(c.encode())
                           for c in name)
            acc, f_acc = p.named("device", safe), p.named("function", f"function {safe}")
            assert (f_acc, acc) in p.between("part"), p.edges
            assert len(p.nodes) == 10 and len(p.edges) == 13, (p.nodes, p.edges)
            comm = "".join(c if " " <= c <= "~" and c not in '"\\' else "_"
                           for c in name.split("/")[-1].encode()[:15].decode("latin-1"))
            assert f"context 2 of {comm} (pid {w['pid']})" in p.clusters.values(), p.clusters
            text = ctl("show", "-H", path, "--plain")
            assert f"\n  device {safe}: cookie 0x11," in text and text.isascii(), text


@case
def many(path):
    """graph, show: 4100 routes within seconds, folded"""
    took = []
    for scene, spaces in (("many", 2), ("spread", 16)):
        with World(path, scene):
            start = time.monotonic()
            p = picture.from_svg(ctl("graph", "-H", path))
            took.append(time.monotonic() - start)
            cpu, = p.texts("cpu")
            assert p.nodes[cpu][1].endswith("\n... 4092 more") and took[-1] < 5, took
            fn, = p.texts("function").values()
            assert fn.endswith("on the wire: 1000-5099, 32768-36867"), fn
            # What a dump has in pieces is one again.
            pieces = [(n["first"], n["last"]) for n in json.loads(
                ctl("show", "-H", path, "--json"))[-1]["numbers"]]
            assert len(pieces) == 10 and pieces[0] == (1000, 2023), pieces
            assert len(p.texts("ioas")) == spaces, p.texts("ioas")
            arrows = p.between("route")
            if scene == "many":
                text, = arrows.values()
                lines = text.split("\n")
                assert len(lines) == 9 and lines[-1] == "... 4092 more", lines
            else:
                assert len(arrows) == 9 and "... 4092 more numbers" in \
                    p.texts("more").values(), (arrows, p.texts("more"))
            everything = picture.from_dot(ctl("graph", "-H", path, "--dot", "--all"))
            assert sum(text.count("\n") + 1 for text in everything.between("route").values()) \
                == 4100 and not everything.texts("more")
            text = ctl("show", "-H", path, "--plain")
            assert text.count("\n    PASID ") == 4100 and "  CPU table: on, 4100 numbers" in text


@case
def nothing(path):
    """graph, show: a host without anything"""
    with World(path, "empty"):
        assert draw(path).nodes == {"nothing": ("more", "no context")}
        same(ctl("show", "-H", path), "no context\n")
        assert json.loads(ctl("show", "-H", path, "--json")) == []


@case
def devices(path):
    """devices: those of a host in another process"""
    with World(path) as w:
        has(ctl("devices", "--host", path), "nic", "  class: 5, pdev, PASID table in host memory",
            "  PASID width: 20 bits", "  IOMMU: inproc", "disk", "  class: 1, pdev without PASID",
            f"  bound by: context 1 of world (pid {w['pid']})")
        only = json.loads(ctl("devices", "--host", path, "--json", "disk"))
        assert [dev["name"] for dev in only] == ["disk"]
        assert "no device 'x'" in ctl("devices", "--host", path, "x", want=2)


@case
def limit(path):
    """limit: seen and set from outside, also below what is held"""
    with World(path) as w:
        group = f"group {w['/vms/one']}\n"
        assert ctl("limit", "-H", path, "/vms") == \
            f"/vms: 7 of at most 40, peak 7, refused 1 (0 here), group {w['/vms']}\n"
        for new, text in (("9", "7 of at most 9"), ("3", "7 of at most 3"), ("max", "7, no limit")):
            want = f"/vms/one: {text}, peak 7, refused 0 (0 here), {group}"
            assert ctl("limit", "-H", path, "/vms/one", new) == want
            assert ctl("limit", "-H", path, "/vms/one") == want
        assert "no such group" in ctl("limit", "-H", path, "/nowhere", want=2)
        assert "no limit" in ctl("limit", "-H", path, "/", 5, want=2)
        for wrong in ("-1", "4294967295", "5x", ""):
            ctl("limit", "-H", path, "/vms/one", wrong, want=2)
        assert json.loads(ctl("limit", "-H", path, "--json", "/vms"))["current"] == 7


@case
def others(path):
    """nobody else may ask"""
    if os.geteuid():
        return
    with World(path):
        assert "Permission denied" in ctl("sets", "-H", path, want=2, user=65534)
        os.chmod(path, 0o666)
        assert "not permitted" in ctl("sets", "-H", path, want=2, user=65534)
        ctl("sets", "-H", path)


@case
def killed(path):
    """a host that was killed leaves its socket; the next one takes its place"""
    with World(path) as w:
        os.kill(w["pid"], signal.SIGKILL)
        w.run.wait()
        assert os.path.exists(path)
        assert "does the host still run?" in ctl("sets", "-H", path, want=2)
    with World(path) as w:
        assert f"pid {w['pid']}" in ctl("show", "-H", path)
        again = subprocess.run([WORLD, path], stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, timeout=60)
        assert again.returncode == 1 and "File exists" in again.stderr, again
        assert f"pid {w['pid']}" in ctl("show", "-H", path)


def liar(path, *answers):
    """A server that is none, for as many clients."""
    listen = socket.socket(socket.AF_UNIX)
    listen.bind(path)
    listen.listen()

    def serve():
        for answer in answers:
            client, _ = listen.accept()
            client.recv(4096)
            client.sendall(answer)
            client.close()
        listen.close()
        os.unlink(path)
    thread = threading.Thread(target=serve)
    thread.start()
    return thread


@case
def liars(path):
    """servers that are none: a message, no half answer, no control characters"""
    for answer, message in ((b"", "cut off"), (b"set id=1\n", "cut off"), (b". ok", "no host"),
                            (b"set id=1\n. okay\n", "no host"), (b"HTTP/1.0 400\r\n", "cut off"),
                            (b". error \x1b[2Jx\n", ": \n"), (b". error a b\n", ": a b\n"),
                            (b"\0" * 10000, "no host"), (b"set id=1\0\n. ok\n", "no host"), (b"x" * 100000 + b"\n. ok", "no host")):
        for command in ("show", "graph", "devices", "sets", "limit"):
            thread = liar(path, answer)
            text = ctl(command, "-H", path, want=2)
            thread.join()
            assert message in text and all(" " <= c <= "~" or c == "\n" for c in text), text
    good = b"context id=1 comm=\"\x1b[2J\"\n. ok\n"
    thread = liar(path, good, b". ok\n")
    text = ctl("show", "-H", path)
    thread.join()
    assert text.startswith("context 1 of ?[2J "), text
    for command in ("show", "graph"):
        thread = liar(path, good, b"function name=\"x\"\n")
        assert "cut off" in ctl(command, "-H", path, want=2)
        thread.join()


print(f"1..{cases}")
sys.exit(1 if failed else 0)
