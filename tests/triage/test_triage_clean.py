"""A clean Debian-like tree: nothing in it is an alert."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from triage_kit import findings, results

from forensics import open_source, triage

PROGRAMS, LARGEST = 200, 4 << 20


def _copy(path: Path, tree: Path) -> None:
    target = tree / path.relative_to("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        target.symlink_to(os.readlink(path))
    elif path.is_file() and path.stat().st_size < LARGEST and os.access(path, os.R_OK):
        shutil.copy2(path, target)


@pytest.mark.needs("linux")
def test_no_alert_on_a_clean_tree(tmp_path: Path) -> None:
    if not Path("/var/lib/dpkg/status").exists():
        pytest.skip("not shown: needs dpkg's database")
    tree = tmp_path / "tree"
    programs = sorted(path for path in Path("/usr/bin").iterdir() if path.is_file() and not path.is_symlink())
    chosen = programs[:: max(1, len(programs) // PROGRAMS)][:PROGRAMS]
    logs = [Path("/var/log/dpkg.log"), Path("/var/lib/dpkg/status"), *Path("/var/lib/dpkg/info").glob("*.list")]
    for path in (*(path for path in Path("/etc").rglob("*") if not path.is_dir()), *chosen, *logs):
        _copy(path, tree)
    with open_source(tree) as source:
        done = triage(source, tmp_path / "out")
    assert done.verdict.code == "VALID"
    alerts = [row for row in findings(done.work.path) if row["level"] == "alert"]
    assert not alerts, alerts
    # and it was looked at
    (scan,) = [line for line in results(done.bag.path) if line["parser"] == "yara"]
    assert scan["n_scanned"] == scan["n_contents"] > 50 and scan["n_rules"] >= 20
    assert not any("package database" in said for said in done.work.not_evaluated())
