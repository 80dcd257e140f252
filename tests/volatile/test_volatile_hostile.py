"""A host that does not want to be looked at: names, sizes, hidden and masked processes, things that hang."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("not shown: needs linux", allow_module_level=True)

from volatile_children import Child, Children, Taken, children_in, take, wait_for

from collectors.volatile.collector import VolatileCollector
from collectors.volatile.exe_linux import Programs
from collectors.volatile.fds_linux import MAX_LISTED
from collectors.volatile.process_linux import MAX_ENVIRON, MAX_VARIABLES, read_process
from collectors.volatile.stat_linux import boot_ns
from collectors.volatile.watch import HUNG, watched
from forensics.errors import ConfigError
from forensics.model import undisplay

ODD = b'\x1b[31m red\n{"type":"end"}\xff\xe2\x80\xae'
MANY = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)
for _ in range(int(sys.argv[1]) - 10): os.open("/dev/null", os.O_RDONLY)
open("/proc/self/comm", "wb").write(b"x) S 1 (\\n\\x1b[2J")
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    yield from children_in(tmp_path)


def _only(*names: str) -> Callable[[str], bool]:
    return lambda name: name in {f"volatile/{one}.jsonl" for one in names}


def test_names_and_arguments_cannot_leave_their_row(children: Children) -> None:
    child = children.start([b"/bin/sh", b"-c", b"read x; exit", ODD, b"", ODD])
    taken = take(only=_only("processes"))
    raw = taken.raw["volatile/processes.jsonl"]
    assert raw.isascii() and b"\x1b" not in raw
    row = taken.process(child.pid)
    assert [undisplay(word) for word in row["cmdline"]] == [b"/bin/sh", b"-c", b"read x; exit", ODD, b"", ODD]


def test_bounds_are_kept_and_said(children: Children) -> None:
    few = children.start(["/bin/sleep", "600"], env={f"V{n}": "x" for n in range(MAX_VARIABLES + 7)})
    big = children.start(["/bin/sleep", "600"], env={f"V{n}": "x" * 100_000 for n in range(3)})
    count = 3000 if os.geteuid() == 0 else 1100
    many = children.start([sys.executable, "-c", MANY, str(count)])
    assert many.process.stdout is not None and many.process.stdout.readline() == b"ready\n"
    taken = take(only=_only("processes"))
    row = taken.process(few.pid)
    assert len(row["environ"]) == MAX_VARIABLES and row["environ_cut"] is True
    row = taken.process(big.pid)
    assert sum(map(len, row["environ"])) <= MAX_ENVIRON < sum(map(len, row["environ"])) + 10 and row["environ_cut"]
    row = taken.process(many.pid)
    assert row["fd_count"] >= count - 10 and len(row["fds"]) == MAX_LISTED and row["fds_cut"] is True
    assert undisplay(row["name"]) == b"x) S 1 (\n\x1b[2J" and row["ppid"] == os.getpid()


def test_a_process_that_ends_meanwhile_is_a_row_that_says_so(children: Children) -> None:
    child = children.start(["/bin/sleep", "600"])

    def kill() -> None:
        child.process.kill()
        child.process.wait()

    class Killing(Programs):
        def describe(self, *given: object) -> dict[str, object]:  # type: ignore[override]
            kill()
            return super().describe(*given)  # type: ignore[arg-type]

    row, seen = read_process(child.pid, boot_ns(), Killing(), True, lambda: None)
    assert row["vanished"] is True and seen.vanished and row["name"] == "sleep"
    with pytest.raises(FileNotFoundError):
        read_process(child.pid, boot_ns(), Programs(), True, lambda: None)


def test_a_process_that_becomes_another_program_is_said_to(children: Children) -> None:
    child = children.start(["/bin/sh", "-c", "read x; exec sleep 600"])

    class Changing(Programs):
        def describe(self, *given: object) -> dict[str, object]:  # type: ignore[override]
            assert child.process.stdin is not None
            child.process.stdin.write(b"\n")
            child.process.stdin.flush()
            wait_for(lambda: Path(f"/proc/{child.pid}/comm").read_text() == "sleep\n")
            return super().describe(*given)  # type: ignore[arg-type]

    row, _ = read_process(child.pid, boot_ns(), Changing(), True, lambda: None)
    assert row["problems"] == ["changed: it executed another program meanwhile"] and not row["vanished"]


def test_what_hangs_costs_itself_alone() -> None:
    over = threading.Event()

    def work(item: int, beat: Callable[[], None]) -> int:
        if item == 2:
            over.wait(30)
        for _ in range(5 if item == 3 else 0):
            time.sleep(0.1)  # slower than the limit in all, and alive
            beat()
        return item * item

    start = time.monotonic()
    assert list(watched(range(5), work, 0.25)) == [(0, 0), (1, 1), (2, HUNG), (3, 9), (4, 16)]
    assert time.monotonic() - start < 5
    over.set()

    def fails(item: int, beat: Callable[[], None]) -> int:
        return 1 // item

    with pytest.raises(ZeroDivisionError):
        list(watched(range(2), fails, 5))


HIDER = r"""
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#define HOOK(T, N) struct T *N(DIR *d) { \
    static struct T *(*real)(DIR *); struct T *e; const char *hide = getenv("HIDE"); \
    if (!real) real = dlsym(RTLD_NEXT, #N); \
    do e = real(d); while (e && hide && !strcmp(e->d_name, hide)); \
    return e; }
HOOK(dirent, readdir)
HOOK(dirent64, readdir64)
"""
RUN = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from volatile_children import take
wanted = {f"volatile/{name}.jsonl" for name in json.loads(sys.argv[2])}
print(json.dumps(take({"tools": "crosscheck" in sys.argv[2]}, lambda name: name in wanted).rows))
"""


def _elsewhere(names: list[str], before: tuple[str, ...] = (), **environment: str) -> Taken:
    here = Path(__file__).parent
    done = subprocess.run(
        [*before, sys.executable, "-c", RUN, json.dumps([str(here), str(here.parents[1])]), json.dumps(names)],
        capture_output=True, timeout=60, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return Taken(rows=json.loads(done.stdout))


@pytest.mark.needs("gcc")
def test_a_process_that_listings_leave_out(children: Children, tmp_path: Path) -> None:
    child = children.deleted()
    (tmp_path / "hide.c").write_text(HIDER)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", tmp_path / "hide.so", tmp_path / "hide.c", "-ldl"], check=True)
    taken = _elsewhere(["processes", "hidden", "crosscheck"], LD_PRELOAD=str(tmp_path / "hide.so"), HIDE=str(child.pid))
    assert not taken.of("processes", "process", pid=child.pid)
    (row,) = taken.of("hidden", "hidden")
    assert row["pid"] == child.pid and row["shown_by"] == ["kill", "stat"] and row["exe_sha256"] == child.sha256
    (search,) = taken.of("hidden", "search")
    assert search["complete"] and search["to"] == search["pid_max"]
    # A tool with a clean environment is not deceived by our own: the difference is a row.
    if taken.of("crosscheck", "compared", tool="ps", state="ran"):
        (difference,) = taken.of("crosscheck", "difference", tool="ps")
        assert difference["key"] == child.pid and difference["only_in"] == "tool"


@pytest.mark.needs("root", "unshare")
def test_a_process_under_a_mount(children: Children, tmp_path: Path) -> None:
    child = children.start(["/bin/sleep", "600"])
    (tmp_path / "empty").mkdir()
    mask = f'mount --bind {tmp_path}/empty /proc/{child.pid} && exec "$@"'
    taken = _elsewhere(["processes", "hidden", "mounts"], ("unshare", "--mount", "sh", "-c", mask, "sh"))
    (row,) = taken.of("processes", "problem", pid=child.pid)
    assert row["code"] == "masked"
    (mount,) = taken.of("mounts", "mount", over_process=True)
    assert mount["point"] == f"/proc/{child.pid}"


def test_options_are_checked() -> None:
    for options, word in (
        ({"environs": True}, "environ?"),
        ({"environ": 1}, "true or false"),
        ({"seconds": 0}, "from 1"),
    ):
        with pytest.raises(ConfigError, match=word.replace("?", "\\?")):
            VolatileCollector(options)
    row = take({"environ": False, "tools": False}, _only("processes")).process(os.getpid())
    assert "environ" not in row


def _fuse_child(children: Children, mount: Path) -> Child:
    server = Path(__file__).parent / "fuse_server.py"
    child = children.start([sys.executable, str(server), str(mount), "/bin/sh"])
    assert child.process.stdout is not None and child.process.stdout.readline() == b"ready\n"
    return child


@pytest.mark.needs("root", "fuse")
def test_a_program_behind_a_server_that_no_longer_answers(children: Children, tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    mount.mkdir()
    server = _fuse_child(children, mount)
    try:
        child = children.start([str(mount / "program"), "-c", "echo up; read x"])
        assert child.process.stdout is not None and child.process.stdout.readline() == b"up\n"
        assert server.process.stdin is not None
        server.process.stdin.write(b"stop\n")  # from now on it takes requests and never answers
        server.process.stdin.flush()
        wait_for(lambda: server.process.stdout is not None and server.process.stdout.readline() == b"deaf\n")
        start = time.monotonic()
        row = take({"seconds": 2, "tools": False}, _only("processes")).process(child.pid)
        assert time.monotonic() - start < 5
        assert row["exe"] == f"{mount}/program" and row["exe_unhashed"] == "fuse" and row["cmdline"][1] == "-c"
        # Asked for all the same, it costs its own row alone.
        taken = take({"seconds": 1, "tools": False, "remote": True}, _only("processes"))
        (row,) = taken.of("processes", "problem", pid=child.pid)
        assert row["code"] == "timed-out" and taken.process(os.getpid())["exe_sha256"]
    finally:
        child.process.kill()
        server.process.kill()
        subprocess.run(["umount", "-l", str(mount)], check=False, capture_output=True)
