"""Processes and listeners: rows as the collector makes them, and children that the test starts."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from memory_case import MemoryCase

from forensics.answers.case import NotEvaluated
from forensics.answers.listeners import Listeners
from forensics.answers.processes import Processes
from forensics.answers.tables import process_rows, socket_rows
from forensics.model.event import Finding


def run(answer, case):
    found = list(answer.run(case))
    return [one for one in found if isinstance(one, Finding)], [one for one in found if isinstance(one, NotEvaluated)]


def process(pid, name, exe, state="present", **more):
    return {"type": "process", "pid": pid, "ppid": 1, "name": name, "exe": exe, "exe_state": state,
            "exe_sha256": "e" * 64, "cmdline": [exe], "uid": [0, 0, 0, 0], "kernel_thread": False,
            "start_ns": 5, **more}  # fmt: skip


def listener(local, port, *processes, proto="tcp", **more):
    return {"type": "listener", "proto": proto, "local": local, "local_port": port, "state": "listen", "netns": 1,
            "owners": [one["pid"] for one in processes], "processes": list(processes), **more}  # fmt: skip


def owner(pid, name, exe):
    return {"pid": pid, "name": name, "exe": exe, "cmdline": exe}


@pytest.fixture
def host():
    case = MemoryCase()
    case.file("/var/lib/dpkg/info/a.list", b"/usr/sbin/sshd\n/usr/bin/bash\n/usr/bin/python3.11\n")
    case.rows["processes"] = [
        {"type": "header"}, {"type": "clock", "proc_options": "rw"},
        process(1, "bash", "/bin/bash"), process(2, "sshd", "/usr/sbin/sshd"),
        process(3, "kworker/0:1", None, "none", kernel_thread=True, cmdline=[]),
        process(4, "dbus", "/usr/bin/dbus (deleted)", "deleted"),
    ]  # fmt: skip
    case.rows["listeners"] = [listener("0.0.0.0", 22, owner(2, "sshd", "/usr/sbin/sshd"))]
    return case


def test_an_ordinary_host(host):
    findings, lacking = run(Processes(), host)
    # an update leaves such a process: no more than a notice
    assert [(one.rule, one.level) for one in findings] == [("deleted", "notice")]
    assert [one.what for one in lacking] == ["hidden processes"]
    assert run(Listeners(), host) == ([], [])


@pytest.mark.parametrize(
    ("row", "rule", "level"),
    [
        (process(9, "a", "/tmp/a (deleted)", "deleted"), "place", "alert"),
        (process(9, "a", "/opt/a (deleted)", "deleted"), "deleted", "warning"),
        (process(9, "a", "/memfd:x (deleted)", "memfd"), "memory", "warning"),
        (process(9, "a", "/dev/shm/a"), "place", "warning"),
        (
            process(9, "kworker/1:1", "/usr/bin/bash", poses_as_kernel_thread=["its name is a kernel thread's"]),
            "poses",
            "alert",
        ),
        (
            process(9, "a", "/usr/bin/bash", poses_as_kernel_thread=["no command line: ps shows the name in brackets"]),
            "poses",
            "notice",
        ),
        (process(9, "a", "/usr/bin/strange"), "unpackaged", "warning"),
        (process(9, "a", "/usr/bin/bash", environ=["A=1", "LD_PRELOAD=/tmp/x.so"]), "preload", "warning"),
        (process(9, "a", "/opt/vendor/a"), "", ""),
    ],
)
def test_processes_that_stand_out(host, row, rule, level):
    host.rows["processes"].append(row)
    mine = [one for one in run(Processes(), host)[0] if one.attrs["pid"] == 9]
    assert [(one.rule, one.level) for one in mine] == ([(rule, level)] if rule else [])


def test_equal_processes_are_one_finding_and_hidden_ones_an_alert(host):
    host.rows["processes"] += [process(n, "a", "/dev/shm/a") for n in (9, 10, 11)]
    host.rows["hidden"] = [
        {"type": "hidden", "pid": 77, "shown_by": ["kill"]},
        {"type": "search", "to": 99, "complete": False},
    ]
    findings, lacking = run(Processes(), host)
    (one,) = [found for found in findings if found.rule == "place"]
    assert one.attrs["pids"] == [9, 10, 11] and len(one.refs) == 3
    assert [found.level for found in findings if found.rule == "hidden"] == ["alert"]
    assert "numbers above 99 were not asked for" in lacking[0].reason
    host.rows["processes"][1]["proc_options"] = "rw,hidepid=invisible"
    assert not [found for found in run(Processes(), host)[0] if found.rule == "hidden"]


@pytest.mark.parametrize(
    ("row", "rule", "level"),
    [
        (listener("0.0.0.0", 4444, owner(9, "a", "/tmp/a")), "listener", "alert"),
        (listener("127.0.0.1", 4444, owner(9, "a", "/tmp/a")), "listener", "warning"),
        (listener("0.0.0.0", 80, owner(9, "python3", "/usr/bin/python3.11")), "listener", "warning"),
        (listener("127.0.0.1", 80, owner(9, "python3", "/usr/bin/python3.11")), "", ""),
        (listener("0.0.0.0", 80, owner(9, "odd", "/usr/sbin/odd")), "listener", "warning"),
        (listener("0.0.0.0", 31337), "unowned", "warning"),
        (listener("0.0.0.0", 2049), "", ""),
        (listener("0.0.0.0", 5353, proto="udp"), "unowned", "notice"),
        (listener("", None, owner(9, "x", "/usr/bin/x"), proto="packet"), "sniffer", "notice"),
        (listener("", None, owner(9, "dhclient", "/sbin/dhclient"), proto="packet"), "", ""),
        ({"type": "listener", "proto": "tcp", "local": 7, "processes": [3, None], "owners": "x"}, "unowned", "warning"),
    ],
)
def test_listeners_that_stand_out(host, row, rule, level):
    host.rows["listeners"].append(row)
    findings, _ = run(Listeners(), host)
    assert [(one.rule, one.level) for one in findings] == ([(rule, level)] if rule else [])


def test_unowned_says_nothing_without_the_right_to_look(host):
    host.rows["listeners"] += [{"type": "denied", "what": "owners of sockets"}, listener("0.0.0.0", 31337)]
    findings, lacking = run(Listeners(), host)
    assert not findings and "root" in lacking[0].reason


def test_no_state_is_not_evaluated():
    for answer in (Processes(), Listeners()):
        findings, lacking = run(answer, MemoryCase())
        assert not findings and lacking[0].reason == "the state of a running system was not recorded"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_children_that_the_test_starts():
    """A deleted program from a writable place that listens: found in real rows, with its digest."""
    from collectors.volatile.collector import VolatileCollector
    from forensics.model import Facts, Producer

    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    shutil.copy(os.path.realpath(shutil.which("sleep") or "/bin/sleep"), folder / "updater")
    server = socket.create_server(("127.0.0.1", 0))
    child = subprocess.Popen([str(folder / "updater"), "60"], pass_fds=[server.fileno()])
    try:
        port = server.getsockname()[1]
        server.close()
        shutil.rmtree(folder)
        case = MemoryCase()
        wanted = {"volatile/processes.jsonl", "volatile/listeners.jsonl", "volatile/sockets.jsonl"}
        for candidate in VolatileCollector({}).plan(iter(()), Facts()):
            assert isinstance(candidate.what, Producer)
            if candidate.what.name in wanted:
                case.take(candidate.what.name[9:-6], b"".join(candidate.what.produce()))
                wanted.discard(candidate.what.name)
            if not wanted:
                break
    finally:
        child.kill()
        child.wait()
    (found,) = [one for one in run(Processes(), case)[0] if one.attrs["pid"] == child.pid]
    assert found.level == "alert" and found.attrs["exe"] == f"{folder}/updater (deleted)"
    assert set(found.attrs["reasons"]) == {"deleted-program", "deleted-elsewhere", "writable-place"}
    (socket_found,) = [one for one in run(Listeners(), case)[0] if one.attrs["local"] == f"127.0.0.1:{port}"]
    assert socket_found.level == "alert" and socket_found.attrs["pids"] == [child.pid]
    assert next(row for row in process_rows(case) if row["pid"] == child.pid)["flags"]
    assert any(row["pid"] == child.pid and row["local"].endswith(f":{port}") for row in socket_rows(case))
    json.dumps([found.attrs, socket_found.attrs])
