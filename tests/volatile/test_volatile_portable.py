"""The collector of Windows and macOS, shown on this system against the Linux one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from volatile_children import Child, Children, Row, children_in, sha256, take

from collectors.volatile.options import Options
from collectors.volatile.portable import plan

psutil = pytest.importorskip("psutil", reason="not shown: needs psutil")


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    children: Children
    for children in children_in(tmp_path_factory.mktemp("portable")):
        yield children.listener()


def _rows() -> dict[str, list[Row]]:
    found = {}
    for candidate in plan(Options()):
        raw = b"".join(candidate.what.produce())  # type: ignore[union-attr]
        found[candidate.what.name] = [json.loads(line) for line in raw.splitlines()]  # type: ignore[union-attr]
    return found


def test_processes_and_sockets(listener: Child) -> None:
    rows = _rows()
    processes = {row["pid"]: row for row in rows["volatile/processes.jsonl"] if row["type"] == "process"}
    row = processes[listener.pid]
    assert row["ppid"] == os.getpid() and row["cmdline"][-1] == "127.0.0.1"
    assert row["exe_sha256"] == sha256(Path(row["exe"]).read_bytes())
    assert rows["volatile/processes.jsonl"][0]["schema"] == "sealbag/volatile.processes/1"
    (socket,) = [row for row in rows["volatile/sockets.jsonl"] if row.get("local_port") == listener.port]
    assert (socket["proto"], socket["state"], socket["owners"]) == ("tcp", "listen", [listener.pid])
    if sys.platform != "linux":
        return
    taken = take({"tools": False}, lambda name: name in ("volatile/processes.jsonl", "volatile/sockets.jsonl"))
    other = taken.process(listener.pid)
    same = ("ppid", "name", "exe", "exe_sha256", "exe_size", "cmdline", "cwd", "threads", "environ")
    assert {key: row[key] for key in same} == {key: other[key] for key in same}
    assert abs(row["start_ns"] - other["start_ns"]) < 2 * 10**9
    (ours,) = taken.of("sockets", "socket", inode=listener.inode)
    assert {key: ours[key] for key in socket} == socket


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    code = (
        "import sys; from collectors.volatile.collector import VolatileCollector as V; assert V({}).rules() == ();"
        "print([m for m in sys.modules if m.startswith(('psutil', 'ctypes')) or m.endswith('_linux')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "[]"
