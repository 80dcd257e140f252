"""Rules of our own: each fires on its samples, and on nothing that it should not."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from scan_kit import SAMPLES, sample_bytes, samples

from collectors.scanners.yara_names import externals_of
from collectors.scanners.yara_rules import Compiled, compile_packs
from collectors.scanners.yara_source import split
from forensics.scan.folder import own_pack, rules_folder

ROOT = Path(__file__).resolve().parents[2]


@cache
def own() -> Compiled:
    return compile_packs([str(own_pack("yara"))])


def hits(data: bytes | None = None, *, path: Path | None = None, name: str = "a") -> dict[str, dict[str, Any]]:
    what = {"data": data} if path is None else {"filepath": str(path)}
    found = own().rules.match(externals=externals_of(name, b""), timeout=60, fast=False, **what)
    return {match.rule: match.meta for match in found}


@pytest.mark.parametrize(
    ("rule", "fires", "sample"), [pytest.param(*one, id=f"{one[0]}-{n}") for n, one in enumerate(samples())]
)
def test_sample(rule: str, fires: bool, sample: dict[str, Any]) -> None:
    assert (rule in hits(sample_bytes(sample), name=sample.get("name", "a"))) is fires


def test_every_rule_has_both_kinds_of_sample_and_no_sample_is_an_orphan() -> None:
    rules = {rule.identifier for rule in own().rules}
    assert own().packs[0].rules == len(rules) >= 20
    assert not own().packs[0].problems
    both = {(rule, fires) for rule, fires, _ in samples()}
    assert both == {(rule, fires) for rule in rules for fires in (True, False)}


def test_every_rule_says_what_it_means() -> None:
    for rule in own().rules:
        assert {"description", "author", "level", "score", "why", "not_proof", "reference"} <= rule.meta.keys()
        assert rule.identifier.startswith("sealbag_")
        assert rule.meta["author"] == "sealbag"
        assert rule.meta["level"] in ("alert", "warning", "notice")
        assert rule.meta["reference"].startswith("https://")
        assert len(rule.meta["description"]) <= 120


def test_silent_on_itself_and_on_its_samples_as_they_are_stored() -> None:
    """A host that has sealbag is no finding; what other tests plant is meant to be found."""
    files = [*rules_folder().rglob("*"), SAMPLES, *ROOT.glob("docs/**/*.md")]
    files += [path for top in ("forensics", "collectors", "tests/scan") for path in (ROOT / top).rglob("*.py")]
    found = {str(path): hits(path=path) for path in files if path.is_file()}
    assert len(found) > 100
    assert not {path: rules for path, rules in found.items() if rules}


def _system() -> list[Path]:
    """A sample of this system, and all of /etc: every 7th file of its packages, up to 4 MiB."""
    files = []
    for number, top in enumerate(
        ("/etc", "/usr/bin", "/usr/sbin", "/usr/share/doc", "/usr/lib/systemd", "/usr/share/perl")
    ):
        here = [Path(folder) / name for folder, _, names in sorted(os.walk(top)) for name in sorted(names)]
        files += [path for n, path in enumerate(here) if not number or n % 7 == 0]
    return [
        p for p in files if p.is_file() and not p.is_symlink() and p.stat().st_size < 4 << 20 and os.access(p, os.R_OK)
    ]


@pytest.mark.needs("linux")
def test_no_alert_on_a_system_as_installed() -> None:
    if not Path("/etc/debian_version").exists():
        pytest.skip("not shown: needs Debian")
    files = _system()
    assert len(files) > 300
    alerts = {(str(path), rule) for path in files for rule, meta in hits(path=path).items() if meta["level"] == "alert"}
    assert not alerts


def test_the_folder_is_found_from_an_installation_without_checkout() -> None:
    text = "from forensics.scan.folder import own_pack; print(own_pack('yara'))"
    run = subprocess.run([sys.executable, "-I", "-c", text], capture_output=True, text=True, check=True, cwd="/")
    assert Path(run.stdout.strip()).resolve() == (ROOT / "rules" / "yara").resolve()


def test_split_sees_the_rules_that_yara_sees() -> None:
    for path in own_pack("yara").glob("*.yar"):
        text = path.read_text(encoding="utf-8")
        names = [rule.name for rule in split(text)]
        assert names == [rule.identifier for rule in compile_packs([str(path)]).rules]
