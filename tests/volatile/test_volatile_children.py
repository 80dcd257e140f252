"""The planted children of issue 4: each is found, with the exact digest of its program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("not shown: needs linux", allow_module_level=True)

from volatile_children import Child, Children, Taken, children_in, sha256, take

ARTEFACTS = {
    "processes", "sockets", "listeners", "hidden", "crosscheck", "neighbours", "routes", "interfaces", "modules",
    "kernel", "mounts", "sessions", "containers", "users", "units", "cron", "autoruns", "firewall", "tools",
}  # fmt: skip


@pytest.fixture(scope="module")
def children(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Children]:
    yield from children_in(tmp_path_factory.mktemp("programs"))


@pytest.fixture(scope="module")
def planted(children: Children) -> dict[str, Child]:
    found = {
        "deleted": children.deleted(),
        "memory": children.memory(),
        "poser": children.poser(),
        "listener": children.listener(),
    }
    if os.geteuid() == 0:
        found["elsewhere"] = children.listener("0.0.0.0", ("unshare", "--net"))
    return found


@pytest.fixture(scope="module")
def taken(planted: dict[str, Child]) -> Taken:
    mine = {str(child.pid) for child in planted.values()}
    return take(only=lambda name: not name.startswith("volatile/exe/") or name.split("/")[2].split("-")[0] in mine)


@pytest.mark.parametrize(("which", "state"), [("deleted", "deleted"), ("memory", "memfd")])
def test_a_program_without_a_name_is_recovered(planted: dict[str, Child], taken: Taken, which: str, state: str) -> None:
    child = planted[which]
    row = taken.process(child.pid)
    assert (row["exe_state"], row["exe_sha256"]) == (state, child.sha256)
    assert row["exe"].endswith(" (deleted)")
    assert row["recovered"].startswith(f"volatile/exe/{child.pid}-")
    assert sha256(taken.raw[row["recovered"]]) == child.sha256
    assert all(char.isalnum() or char in "/-._" for char in row["recovered"])
    assert any(set(odd["why"]) & {"deleted", "memory-file"} for odd in row["odd_maps"])


def test_what_executes_the_programs_stands_in_order_of_volatility(taken: Taken) -> None:
    order = [name.removeprefix("volatile/") for name in taken.order]
    assert order[0] == "processes.jsonl" and order[1].startswith("exe/")
    assert order.index("sockets.jsonl") < order.index("routes.jsonl") < order.index("users.jsonl")
    assert set(taken.rows) == ARTEFACTS
    assert len(order) == len(set(order))


def test_a_process_that_poses_as_a_kernel_thread(planted: dict[str, Child], taken: Taken) -> None:
    row = taken.process(planted["poser"].pid)
    assert row["cmdline"] == ["[kworker/0:1]", "600"]
    assert row["kernel_thread"] is False and row["poses_as_kernel_thread"]
    assert row["exe_sha256"] == sha256(Path("/bin/sleep").read_bytes())
    real = [row for row in taken.of("processes", "process") if row["kernel_thread"]]
    if not taken.of("processes", "process", pid=2, name="kthreadd"):
        return  # a container shows no kernel threads
    assert len(real) > 5 and all(row["exe"] is None and not row["poses_as_kernel_thread"] for row in real)


def test_a_listener_and_its_owner(planted: dict[str, Child], taken: Taken) -> None:
    child = planted["listener"]
    (socket,) = taken.of("sockets", "socket", inode=child.inode)
    assert (socket["proto"], socket["local"], socket["local_port"], socket["state"]) == (
        "tcp", "127.0.0.1", child.port, "listen",
    )  # fmt: skip
    assert socket["owners"] == [child.pid]
    assert socket["netns"] == taken.process(child.pid)["namespaces"]["net"]
    (listener,) = taken.of("listeners", "listener", inode=child.inode)
    assert listener["processes"][0]["pid"] == child.pid and "socket" in listener["processes"][0]["cmdline"]
    fds = {fd["fd"]: fd for fd in taken.process(child.pid)["fds"]}
    assert fds[socket["owner_fds"][0]]["target"] == f"socket:[{child.inode}]"


@pytest.mark.needs("root")
def test_another_network_namespace(planted: dict[str, Child], taken: Taken) -> None:
    child = planted["elsewhere"]
    (socket,) = taken.of("sockets", "socket", inode=child.inode)
    own = os.stat("/proc/self/ns/net").st_ino
    there = os.stat(f"/proc/{child.pid}/ns/net").st_ino
    assert there != own and socket["netns"] == there and socket["owners"] == [child.pid]
    assert {row["netns"] for row in taken.of("sockets", "namespace")} >= {own, there}
    assert "lo" in {row["name"] for row in taken.of("interfaces", "interface", netns=there)}


def test_every_process_stands_once_with_its_own_times(planted: dict[str, Child], taken: Taken) -> None:
    rows = taken.of("processes", "process")
    assert len({row["pid"] for row in rows}) == len(rows)
    assert {os.getpid(), os.getppid(), *(child.pid for child in planted.values())} <= {row["pid"] for row in rows}
    own = taken.process(os.getpid())
    assert own["start_ticks"] == int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    (clock,) = taken.of("processes", "clock")
    assert own["start_ns"] == clock["boot_ns"] + own["start_ticks"] * 10**9 // clock["ticks_per_second"]
    for child in planted.values():
        row = taken.process(child.pid)
        assert row["ppid"] == os.getpid() and own["start_ns"] <= row["start_ns"]
        assert not row["vanished"] and not row["problems"]
    assert own["cwd"] == str(Path.cwd()) and own["uid"][1] == os.geteuid()
    assert f"PATH={os.environ['PATH']}" in own["environ"]


def test_each_artefact_has_head_and_end(taken: Taken) -> None:
    for name, rows in taken.rows.items():
        assert rows[0]["type"] == "header" and rows[0]["schema"] == f"sealbag/volatile.{name}/1"
        assert rows[-1]["type"] == "end" and rows[-1]["rows"] == len(rows) - 2
        assert sum(rows[-1]["counts"].values()) == rows[-1]["rows"]
        assert taken.raw[f"volatile/{name}.jsonl"].isascii()


def test_the_tools_of_the_host_agree(taken: Taken, planted: dict[str, Child]) -> None:
    compared = {row["tool"]: row for row in taken.of("crosscheck", "compared")}
    assert set(compared) == {"ps", "ss", "lsof", "lsmod"}
    for row in taken.of("tools", "tool", state="ran"):
        assert row["sha256"] == sha256(Path(row["path"]).read_bytes()) and row["version"]
        assert len(taken.raw[row["artefact"]]) == row["bytes"]
    if compared["ps"]["state"] == "ran":
        assert compared["ps"]["ours"] >= len(planted) and compared["ps"]["differences"] == 0
        lines = taken.raw["volatile/tool/ps.txt"].splitlines()
        assert str(planted["poser"].pid).encode() in {line.split()[0] for line in lines if line.strip()}
    if compared["ss"]["state"] == "ran":
        assert compared["ss"]["ours"] and not taken.of("crosscheck", "difference", tool="ss")


def test_a_plan_asked_for_at_once_recovers_too(planted: dict[str, Child]) -> None:
    mine = {str(planted["deleted"].pid)}
    taken = take({"tools": False}, lambda name: name.split("/")[-1].split("-")[0] in mine, early=True)
    (raw,) = taken.raw.values()
    assert sha256(raw) == planted["deleted"].sha256


NOBODY = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from volatile_children import take
taken = take({}, lambda name: not name.startswith("volatile/exe/"))
json.dump({"rows": taken.rows, "errors": {k: [type(e).__name__, str(e)] for k, e in taken.errors.items()}}, sys.stdout)
"""


@pytest.mark.needs("root", "setpriv")
def test_without_root_what_is_not_seen_is_said(planted: dict[str, Child]) -> None:
    here = Path(__file__).parent
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", sys.executable, "-c", NOBODY,
         json.dumps([str(here), str(here.parents[1])])],
        capture_output=True, cwd="/", timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout)
    taken = Taken(rows=answer["rows"])
    row = taken.process(planted["deleted"].pid)
    assert {"exe", "environ", "fd", "maps", "ns"} <= set(row["denied"])
    assert row["exe_state"] == "denied" and "exe_sha256" not in row and row["cmdline"][1] == "600"
    assert answer["errors"]["volatile/not-seen"][0] == "Denied" and "exe of" in answer["errors"]["volatile/not-seen"][1]
    assert {row["what"] for row in taken.of("sockets", "denied")} == {"network namespaces", "owners of sockets"}
    assert taken.of("users", "denied", what="/etc/shadow")
    # Its own processes it does see, and the listener of root without its owner.
    (socket,) = taken.of("sockets", "socket", inode=planted["listener"].inode)
    assert socket["owners"] == []
