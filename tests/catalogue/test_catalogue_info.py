"""info: what is installed, what loads and why not; nothing loaded unless asked."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from forensics import registry


def test_verify_sha256_is_that_of_the_copy_in_a_bag(bag, run):
    (row,) = run("info")[1]
    assert row["verify_sha256"] == hashlib.sha256((bag / "verify.py").read_bytes()).hexdigest()
    assert row["rules"] is not None
    assert (Path(row["rules"]) / "__init__.py").is_file()
    assert {"full", "triage"} <= set(row["profiles"])


def test_every_plugin_is_listed_and_loads(run):
    rows = run("info", "--load")[1][0]["plugins"]
    assert {(row["group"], row["id"]) for row in rows} == {
        (group, plugin.id) for group in registry.GROUPS for plugin in registry.names(group)
    }
    assert {row["id"]: row["why"] for row in rows if not row["loads"]} == {}


def test_features(run):
    features = {one["name"]: one for one in run("info")[1][0]["features"]}
    assert "never run on Windows" in features["live-windows"]["why"]
    assert features["live-linux"]["available"] == sys.platform.startswith("linux")
    assert features["root"]["available"] == (os.geteuid() == 0)


def stranger(folder: Path, *entries: str) -> None:
    """Another distribution, with entry points of its own."""
    info = folder / "stranger-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[forensics.parsers]\n" + "\n".join(entries) + "\n[forensics.sources]\nlive = s:x\n"
    )
    (folder / "broken_parser.py").write_text("import sys\nprint('loaded', file=sys.stderr)\nimport no_such_module\n")


def test_a_broken_and_a_double_plugin_are_named(tmp_path):
    stranger(tmp_path, "broken = broken_parser:Parser")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for more, loads in (([], None), (["--load"], False)):
        command = [sys.executable, "-m", "forensics.cli.main", "info", "--json", *more]
        result = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        rows = {row["group"]: row for row in json.loads(result.stdout)["plugins"] if row["id"] in ("broken", "")}
        broken, double = rows["forensics.parsers"], rows["forensics.sources"]
        assert (broken["distribution"], broken["version"], broken["loads"]) == ("stranger", "1.0", loads)
        assert ("no_such_module" in broken["why"]) == bool(more)
        assert ("loaded" in result.stderr) == bool(more), "info imports nothing of a plug-in unless asked"
        assert "registered twice" in double["why"]


def test_text(text):
    code, out, _ = text("info")
    assert code == 0
    assert "verify.py     SHA-256 " in out
    assert "not loaded: see --load" in out
