"""Real event logs through the whole job: as a folder, and on an NTFS volume whose registry tells nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "parsers"))

from evtx_writer import chunk, event, log
from opened_file import parse
from triage_kit import Report, Row, artefacts, events, findings, results, sealbag, sha256, told
from triage_planted import WEB_SHELL

from collectors.parsers.evtx.parser import EvtxParser

LOGS = "Windows/System32/winevt/Logs"
#: a regf header alone: the hive opens, and has no ControlSet nor anything else
HIVE = b"regf" + bytes(508) + b"\x00garbage" * 448
SIZE = 128 << 20


def _result_of(bag: Path) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for line in results(bag):
        if line["parser"] == "windows.evtx":
            assert line["content"] not in found
            found[line["content"]] = line
    return found


def test_counts_of_every_log_are_those_of_a_direct_run(shared_data: Path, tmp_path: Path) -> None:
    files = [path for path in (shared_data / "evtx").rglob("*") if path.is_file()]
    done = sealbag("triage", "--source", shared_data / "evtx", "--profile", "full", "--out", tmp_path / "out",
                   "--no-scan", "--json")  # fmt: skip
    row = told(done, "triage")
    assert (done.returncode, row["verdict"], len(files) > 100) == (0, "VALID", True)
    by_content = _result_of(tmp_path / "out/bag")
    contents, total = set(by_content), {"live": 0, "corrupt": 0, "recovered": 0, "problems": 0}
    for path in {sha256(path.read_bytes()): path for path in files if path.suffix == ".evtx"}.values():
        found, problems, _ = parse(path, EvtxParser())
        line = by_content.pop(sha256(path.read_bytes()))
        states = {state: sum(one.state == state for one in found) for state in ("live", "corrupt", "recovered")}
        assert {state: line.get(f"n_{state}", 0) for state in states} == states, path
        assert line.get("n_problems", 0) == len(problems), path
        assert line["status"] == ("partial" if problems else "ok" if found else "empty"), path
        for state, count in (*states.items(), ("problems", len(problems))):
            total[state] += count
    # nothing else was claimed, and the statement says the sum
    assert by_content == {}
    stated = row["results"]["windows.evtx"]["events"]
    assert {name: stated.get(name, 0) for name in total} == total and total["live"] > 10_000
    everyone = results(tmp_path / "out/bag")
    made = sum(line.get(f"n_{state}", 0) for line in everyone for state in ("live", "corrupt", "recovered"))
    assert len(events(tmp_path / "out/bag")) == made
    # the companions were given every log too
    for companion in ("windows.evtx-agreement", "windows.evtx-residual"):
        assert {line["content"] for line in everyone if line["parser"] == companion} == contents
    assert row["agreement"]["records-walker"] >= total["live"] > 10_000 and row["recovered"]
    # what the recordings are about is said
    rules = {(found["by"], found["rule"]) for found in findings(tmp_path / "out/work")}
    wanted = {"persistence.service", "persistence.task", "persistence.wmi", "logons.remote", "gaps.cleared"}
    assert wanted <= {f"{by.partition('.')[2]}.{rule}" for by, rule in rules}


def _made(folder: Path) -> dict[str, bytes]:
    """Event logs written here, for a machine without the real ones."""
    fields = {"ServiceName": "PSEXESVC", "ImagePath": "%SystemRoot%\\PSEXESVC.exe"}
    node = event("7045", fields, provider="Service Control Manager", time="2024-03-01T10:00:00Z", channel="System")
    return {"System.evtx": log([chunk([(1, 0, node), (2, 0, node)])])}


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, bytes]]]:
    """An NTFS volume, and the event logs that lie on it."""
    from testkit import data_folder, program

    folder = tmp_path_factory.mktemp("ntfs")
    image, root = folder / "disk.raw", folder / "mounted"
    logs, data = _made(folder), data_folder()
    for path in sorted((data / "evtx/samples").glob("*.evtx")) if data is not None else ():
        logs[path.name] = path.read_bytes()
    image.touch()
    os.truncate(image, SIZE)
    root.mkdir()
    subprocess.run([str(program("mkntfs")), "-Q", "-F", str(image)], check=True, capture_output=True)
    subprocess.run([str(program("ntfs-3g")), str(image), str(root)], check=True, capture_output=True)
    try:
        (root / LOGS).mkdir(parents=True)
        for name, raw in logs.items():
            (root / LOGS / name).write_bytes(raw)
        (root / "Windows/System32/config").mkdir()
        (root / "Windows/System32/config/SYSTEM").write_bytes(HIVE)
        (root / "inetpub/wwwroot").mkdir(parents=True)
        (root / "inetpub/wwwroot/gone.php").write_bytes(WEB_SHELL)
        os.sync()
        (root / "inetpub/wwwroot/gone.php").unlink()
    finally:
        subprocess.run(["umount", str(root)], check=True)
    yield image, logs
    shutil.rmtree(folder)


@pytest.mark.needs("root", "fuse", "mkntfs", "ntfs-3g")
def test_a_volume_whose_registry_tells_nothing(volume: tuple[Path, dict[str, bytes]], tmp_path: Path) -> None:
    image, logs = volume
    done = sealbag("triage", "--source", image, "--out", tmp_path / "out", "--json")
    row = told(done, "triage")
    assert row["verdict"] == "VALID" and done.returncode == (10 if row["gaps"] else 0), done.stderr
    lines, by_content = artefacts(tmp_path / "out/bag"), _result_of(tmp_path / "out/bag")
    for name, raw in logs.items():
        line = lines[f"{LOGS}/{name}"]
        assert (line["outcome"], line["sha256"]) == ("complete", sha256(raw))
        assert by_content[line["sha256"]]["status"] in ("ok", "partial", "empty")
    assert set(by_content) == {sha256(raw) for raw in logs.values()}
    assert lines["Windows/System32/config/SYSTEM"]["sha256"] == sha256(HIVE)
    # the web shell that was deleted is found where it lay
    shells = [row for row in findings(tmp_path / "out/work") if row["rule"] == "sealbag_webshell_php_request_runs"]
    paths = {ref["path"] for row in shells for ref in row["refs"]}
    # (so small a file lies in its MFT entry, and in the journal of the file system)
    assert {path for path in paths if "$" not in path} == {"/inetpub/wwwroot/gone.php"}, paths
    gone = lines["inetpub/wwwroot/gone.php"]
    assert gone["path"].endswith("gone.php") and gone["state"] == "deleted" and gone["sha256"] == sha256(WEB_SHELL)
    assert "gone.php" in str(Report(tmp_path / "out/report.html").column("findings", "path"))
