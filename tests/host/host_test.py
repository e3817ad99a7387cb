#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""ioasidctl against hosts in other processes: host_test.py IOASIDCTL WORLD.

WORLD makes sets, quotas, limits and numbers that each kind of holder keeps (see world.c), and says
what a reader cannot know. Every line of ioasidctl is compared with what it did.
"""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading

CTL, WORLD = sys.argv[1:3]
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

    def __init__(self, path):
        self.run = subprocess.Popen([WORLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                    text=True)
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
        text = ctl("show", "--host", path)
        has(text, f"context 1 of world (pid {w['pid']}): 8192 bytes pinned in 1 maps",
            "  ioas 1: kernel, 1 map, 8192 bytes, snoop auto, default route of 1 group",
            "    ioas 2: user-table, snoop auto",
            "      attached: nic (cookie 0x11), 1 number",
            "  device nic: cookie 0x11, class 5, global numbers, host-wide from 36864 on",
            "    without PASID -> ioas 1",
            f"    PASID 5 (wire 5, host-wide {w['in_use']}) -> ioas 2",
            "  device disk: cookie 0x12, class 1, local numbers", "    without PASID: blocked")
        assert "PASID 6" not in text
        same(ctl("show", env={"IOASID_HOST": path}), text)
        same(ctl("show", "-H", path, "--pid", w["pid"]), text)
        same(ctl("show", "-H", path, "--pid", 1), "no context\n")
        assert json.loads(ctl("show", "-H", path, "--json"))[0]["device"][0]["name"] == "nic"


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


def liar(path, answer):
    """A server that is none, for one client."""
    listen = socket.socket(socket.AF_UNIX)
    listen.bind(path)
    listen.listen()

    def serve():
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
        for command in ("show", "devices", "sets", "limit"):
            thread = liar(path, answer)
            text = ctl(command, "-H", path, want=2)
            thread.join()
            assert message in text and all(" " <= c <= "~" or c == "\n" for c in text), text
    thread = liar(path, b"context id=1 comm=\"\x1b[2J\"\n. ok\n")
    text = ctl("show", "-H", path)
    thread.join()
    assert text.startswith("context 1 of ?[2J "), text


print(f"1..{cases}")
sys.exit(1 if failed else 0)
