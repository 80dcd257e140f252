"""A running host: what the tests start is in the bag with exact digests, and is what the answers and the report say."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("not shown: needs linux", allow_module_level=True)

sys.path.insert(0, str(Path(__file__).parents[1] / "volatile"))

from triage_kit import Report, Row, artefacts, as_nobody, findings, sealbag, sha256, stored, told
from volatile_children import Child, Children, children_in

from forensics import Triage, open_source, triage

PROFILE = 'name = "state"\ndescription = "the state alone"\ncollectors = ["volatile"]\nlisting = false\n'
ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("profile") / "state.toml"
    path.write_text(PROFILE)
    return path


@pytest.fixture(scope="module")
def children(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Children]:
    yield from children_in(tmp_path_factory.mktemp("programs"))


@pytest.fixture(scope="module")
def planted(children: Children) -> dict[str, Child]:
    found = {
        "deleted": children.deleted(), "memory": children.memory(), "poser": children.poser(),
        "listener": children.listener(), "open": children.listener("0.0.0.0"),
    }  # fmt: skip
    if ROOT:
        found["elsewhere"] = children.listener("0.0.0.0", ("unshare", "--net"))
    return found


@pytest.fixture(scope="module")
def done(planted: dict[str, Child], profile: Path, tmp_path_factory: pytest.TempPathFactory) -> Triage:
    with open_source("live:") as source:
        return triage(source, tmp_path_factory.mktemp("live") / "out", profile=profile)


def _of(done: Triage, by: str) -> dict[int, list[Row]]:
    """Findings by the pid that they are about; each leads to the row of the artefact that says so."""
    lines, found = artefacts(done.bag.path), dict[int, list[Row]]()
    for row in findings(done.work.path):
        if row["by"] != by:
            continue
        for ref in row["refs"]:
            assert lines[ref["path"]]["seq"] == ref["seq"]
            data = stored(done.bag.path, lines[ref["path"]])
            said = json.loads(data[int(ref["locator"][1:]) :].partition(b"\n")[0])
            for pid in [said["pid"]] if "pid" in said else said.get("owners", []):
                found.setdefault(pid, []).append(row)
    return found


def test_programs_without_a_name_are_in_the_bag_byte_for_byte(done: Triage, planted: dict[str, Child]) -> None:
    assert done.verdict.code == "VALID"
    lines = artefacts(done.bag.path)
    for which in ("deleted", "memory"):
        child = planted[which]
        (line,) = [line for path, line in lines.items() if path.startswith(f"volatile/exe/{child.pid}-")]
        assert line["outcome"] == "complete" and line["sha256"] == child.sha256
        assert sha256(stored(done.bag.path, line)) == child.sha256


def test_processes_stand_out(done: Triage, planted: dict[str, Child]) -> None:
    found = _of(done, "answers.processes")
    (deleted,) = found[planted["deleted"].pid]
    assert deleted["level"] == "alert" and deleted["attrs"]["sha256"] == planted["deleted"].sha256
    assert "deleted" in deleted["attrs"]["exe"] and "\n" not in deleted["title"]
    (memory,) = found[planted["memory"].pid]
    assert memory["rule"] == "memory" and memory["attrs"]["sha256"] == planted["memory"].sha256
    assert memory["attrs"]["recovered"] in artefacts(done.bag.path)
    (poser,) = found[planted["poser"].pid]
    assert (poser["rule"], poser["level"]) == ("poses", "alert")


def test_listeners_stand_out_in_every_network_namespace(done: Triage, planted: dict[str, Child]) -> None:
    found = _of(done, "answers.sockets")
    for which in ("open", *(["elsewhere"] if ROOT else [])):
        (row,) = found[planted[which].pid]
        assert row["rule"] == "listener" and row["attrs"]["local"] == f"0.0.0.0:{planted[which].port}"
    # an interpreter that listens for its own host alone is no finding, but it is in the table
    assert planted["listener"].pid not in found
    sockets = Report(done.report.path).column("sockets", "local")
    assert any(str(text).endswith(f":{planted['listener'].port}") for text in sockets)


def test_the_report_has_the_tree(done: Triage, planted: dict[str, Child]) -> None:
    report = Report(done.report.path)
    pids, parents = report.column("processes", "pid"), report.column("processes", "ppid")
    assert {child.pid for child in planted.values()} <= pids and os.getpid() in parents
    assert "evil sleep" in "".join(map(str, report.column("processes", "cmdline")))


@pytest.mark.needs("root", "setpriv")
def test_without_root_what_could_not_be_seen_is_said(profile: Path, tmp_path: Path) -> None:
    command = as_nobody(tmp_path)
    tmp_path.chmod(0o777)
    (tmp_path / "state.toml").write_bytes(profile.read_bytes())
    arguments = ("triage", "--profile", tmp_path / "state.toml", "--out", tmp_path / "out", "--json")
    done = sealbag(*arguments, command=command, cwd=tmp_path)
    assert done.returncode == 10, done.stderr
    row = told(done, "triage")
    assert row["verdict"] == "VALID"
    assert [gap["outcome"] for gap in row["gaps"] if gap["path"].startswith("volatile/")].count("denied") >= 1
    assert any("needs root" in said for said in row["not_covered"])
    report = Report(tmp_path / "out/report.html")
    assert "needs root" in report.text and "denied" in report.words
