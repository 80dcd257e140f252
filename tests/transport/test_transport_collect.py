"""Collecting straight into a stream: the bag that comes out is the bag, and nothing stays on the host."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from testkit import ROOT
from transport_kit import Identity, tree

from forensics import open_source, unpack
from forensics.acquisition.progress import Progress
from forensics.errors import ConfigError, Interrupted, OutputInsideSource, UsageError
from forensics.pipeline.streaming import collect_stream

Ids = tuple[Identity, Identity]


def both(ids: Ids) -> list[str]:
    return [one.recipient for one in ids]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    (tmp_path / "spool").mkdir()
    return tmp_path / "target"


def test_collected_into_a_stream(planted: Path, target: Path, ids: Ids, tmp_path: Path) -> None:
    held: list[int] = []

    def watch(progress: Progress) -> None:
        held.append(sum(len(data) for name, data in tree(tmp_path / "spool").items() if "/data/" in name))

    with open_source(planted) as source:
        sent = collect_stream(
            [source], f"file://{target}/a.age", both(ids), spool=tmp_path / "spool", profile="full", case="7",
            on_progress=watch,
        )  # fmt: skip
    assert not list((tmp_path / "spool").iterdir()) and [path.name for path in target.iterdir()] == ["a.age"]
    done = unpack(target / "a.age", tmp_path / "b", identity=ids[1].file, seal=sent.bag.seal_sha256)
    assert (done.code, done.exit) == ("VALID", 0)
    assert sent.size == (target / "a.age").stat().st_size and sent.files == done.files


def test_contents_leave_as_groups_commit(target: Path, ids: Ids, tmp_path: Path) -> None:
    """The spool holds a group or the largest file, never the whole."""
    root = tmp_path / "source"
    root.mkdir()
    for number in range(6):
        (root / str(number)).write_bytes(os.urandom(1 << 20) * 24)
    most = 0

    def watch(progress: Progress) -> None:
        nonlocal most
        folder = tmp_path / "spool"
        sizes = [path.stat().st_size for path in folder.glob("*/data/objects/*/*") if path.is_file()]
        most = max(most, sum(sizes))

    with open_source(root) as source:
        sent = collect_stream(
            [source], f"file://{target}/a.age", both(ids), spool=tmp_path / "spool", profile="full", on_progress=watch
        )
    assert sent.bag.bytes > 130 << 20 and most <= (64 + 24) << 20
    assert unpack(target / "a.age", tmp_path / "b", identity=ids[0].file, seal=sent.bag.seal_sha256).code == "VALID"


def test_interrupted_it_is_cut(planted: Path, target: Path, ids: Ids, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.phase == "seal":
            raise KeyboardInterrupt

    with open_source(planted) as source, pytest.raises(Interrupted, match="cut"):
        collect_stream(
            [source], f"file://{target}/a.age", both(ids), spool=tmp_path / "spool", profile="full", on_progress=stop
        )
    (left,) = target.iterdir()
    assert left.name == "a.age.part" and not list((tmp_path / "spool").iterdir())
    done = unpack(left, tmp_path / "b", identity=ids[0].file)
    assert (done.code, done.exit) == ("INCOMPLETE", 2) and done.lines > 5
    ledger = (tmp_path / "b/custody/ledger.jsonl").read_text().splitlines()
    assert json.loads(ledger[-1])["state"] == "interrupted"


@pytest.mark.needs("posix")
def test_the_command_through_a_pipe(planted: Path, ids: Ids, tmp_path: Path) -> None:
    to = [word for one in ids for word in ("--to", one.recipient)]
    command = [sys.executable, "-m", "forensics.cli.main", "collect", "--source", planted, "--profile", "full", *to]
    done = subprocess.run([*command, "--out", "-", "--json"], capture_output=True, check=False)
    assert done.returncode in (0, 10), done.stderr
    row = json.loads(done.stderr)
    jsonschema.validate(row, json.loads((ROOT / "docs/schema/collect-stream.json").read_text()))
    (tmp_path / "a.age").write_bytes(done.stdout)
    assert unpack(tmp_path / "a.age", tmp_path / "b", identity=ids[0].file, seal=row["seal_sha256"]).code == "VALID"


@pytest.mark.needs("posix")
def test_an_error_never_goes_into_the_stream(planted: Path, ids: Ids) -> None:
    to = [word for one in ids for word in ("--to", one.recipient)]
    command = [sys.executable, "-m", "forensics.cli.main", "collect", "--source", planted, "--profile", "full", *to]
    read, write = os.pipe()
    os.close(read)  # the reader has gone
    try:
        done = subprocess.run([*command, "--out", "-", "--json"], stdout=write, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(write)
    assert (done.returncode, json.loads(done.stderr)["schema"]) == (74, "sealbag/error/1"), done.stderr
    done = subprocess.run([*command[:-2], "--out", "-", "--json"], capture_output=True, check=False)
    assert (done.returncode, done.stdout, json.loads(done.stderr)["exit"]) == (78, b"", 78)


@pytest.mark.needs("posix")
def test_killed_what_was_sent_stays(ids: Ids, tmp_path: Path) -> None:
    root = tmp_path / "source"
    root.mkdir()
    for number in range(24):
        (root / str(number)).write_bytes(os.urandom(1 << 20) * 8)
    to = [word for one in ids for word in ("--to", one.recipient)]
    command = [sys.executable, "-m", "forensics.cli.main", "collect", "--source", root, "--profile", "full", *to]
    with subprocess.Popen(
        [*command, "--out", "-", "--spool", tmp_path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        assert child.stdout is not None
        got = child.stdout.read(12 << 20)
        os.kill(child.pid, signal.SIGKILL)
        got += child.stdout.read()
    (tmp_path / "a.age").write_bytes(got)
    done = unpack(tmp_path / "a.age", tmp_path / "b", identity=ids[0].file)
    assert (done.code, done.whole) == ("INCOMPLETE", False) and done.lines > 3


def test_what_is_refused(planted: Path, target: Path, ids: Ids, tmp_path: Path) -> None:
    with open_source(planted) as source:
        with pytest.raises(OutputInsideSource):
            collect_stream([source], f"file://{target}/a", both(ids), spool=planted, profile="full")
        with pytest.raises(ConfigError):
            collect_stream([source], f"file://{target}/a", both(ids)[:1], profile="full")
        with pytest.raises(UsageError):
            collect_stream([source], str(target / "a"), both(ids), profile="full")
        with pytest.raises(UsageError):
            collect_stream([source], f"file://{target}/a", both(ids), profile="full", resume=True)
    assert not list(target.iterdir()) and not list((tmp_path / "spool").iterdir())
    assert not any(path.name.startswith("sealbag-spool") for path in planted.iterdir())
