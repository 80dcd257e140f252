"""A stranger's parsers that hang, die, eat memory, lie or fail: each costs its artefact alone, and is stated."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest
from triage_kit import Report, Row, artefacts, ledger, results, told
from triage_planted import plant

DRIVER = Path(__file__).with_name("driver_limits.py")
CODE = """
    import os, time

    class Base:
        version, inputs = "1", ()
        def claims(self, name, head):
            return 100 if name.endswith("." + self.ends) else 0

    class Hangs(Base):
        id, ends = "bad.hangs", "hangs"
        def parse(self, opened):
            yield opened.event("r0.0", message="before")
            while True:
                time.sleep(1)

    class Dies(Base):
        id, ends = "bad.dies", "dies"
        def parse(self, opened):
            yield opened.event("r0.0", message="before")
            os.abort()

    class Eats(Base):
        id, ends = "bad.eats", "eats"
        def parse(self, opened):
            eaten = []
            while True:
                eaten.append(bytearray(1 << 24))
                yield opened.event(f"r{len(eaten)}.0")

    class Raises(Base):
        id, ends = "bad.raises", "raises"
        def parse(self, opened):
            yield opened.event("r0.0", message="before")
            raise RuntimeError("no more")

    class Lies(Base):
        id, ends = "bad.lies", "lies"
        def parse(self, opened):
            yield "this is no event"

    class Circles(Base):
        id, ends = "bad.circles", "circles"
        def parse(self, opened):
            while True:
                yield opened.event("r0.0")

    class Claims(Base):
        id, ends = "bad.claims", "claims"
        def claims(self, name, head):
            raise KeyError("hostile name")

    class Shapeless:
        id = "bad.shapeless"
        def claims(self, name, head):
            return 100

    class Broken(Base):
        id, ends = "bad.broken", "broken"
        def __init__(self):
            raise RuntimeError("cannot be made")
"""
NAMES = ("Hangs", "Dies", "Eats", "Raises", "Lies", "Circles", "Claims", "Shapeless", "Broken")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds sealbag and the stranger's distribution, as an installer would leave it."""
    venv = tmp_path_factory.mktemp("stranger") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    scheme = {"base": str(venv), "platbase": str(venv)}
    site = Path(sysconfig.get_path("purelib", "venv", scheme))
    (site / "sealbag.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    (site / "bad_parsers.py").write_text(textwrap.dedent(CODE))
    info = site / "bad_parsers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-parsers\nVersion: 1.0\n")
    entries = "".join(f"bad.{name.lower()} = bad_parsers:{name}\n" for name in NAMES)
    (info / "entry_points.txt").write_text(f"[forensics.parsers]\n{entries}")
    (info / "RECORD").write_text("bad_parsers.py,,\nbad_parsers-1.0.dist-info/METADATA,,\n")
    return python


@pytest.fixture(scope="module")
def triaged(python: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Row]:
    folder = tmp_path_factory.mktemp("bad")
    tree = plant(folder / "tree")
    for name in NAMES:
        (tree / f"var/log/x.{name.lower()}").write_text(f"a log for {name}\n")
    (folder / "all.toml").write_text('name = "all"\ndescription = "everything"\ncollectors = ["full"]\n')
    command = [python, DRIVER, "triage", "--source", tree, "--profile", folder / "all.toml", "--out", folder / "out"]
    done = subprocess.run([*map(str, command), "--json"], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "out", told(done, "triage")


def test_each_costs_its_artefact_alone(triaged: tuple[Path, Row]) -> None:
    out, row = triaged
    assert row["verdict"] == "VALID"
    ended = {line["parser"]: (line["status"], line.get("code", "")) for line in results(out / "bag")}
    assert ended["bad.hangs"] == ("quarantined", "child-hung")
    assert ended["bad.dies"] == ("quarantined", "child-died")
    assert ended["bad.eats"] == ("quarantined", "child-memory")
    assert ended["bad.circles"] == ("partial", "endless")
    assert ended["bad.raises"] == ("partial", "RuntimeError")
    assert ended["bad.lies"][0] == "failed"
    statuses = {name: set(found["artefacts"]) for name, found in row["results"].items() if not name.startswith("bad.")}
    assert statuses == {
        "linux.auth": {"ok"}, "linux.cron": {"ok"}, "linux.history": {"ok"}, "linux.utmp": {"ok"}, "yara": {"ok"},
    }  # fmt: skip
    assert row["findings"]["alert"] >= 10
    # each is about the artefact it was given, and the artefact itself is in the bag
    lines = artefacts(out / "bag")
    for line in results(out / "bag"):
        if line["parser"].startswith("bad."):
            assert line["content"] == lines[f"var/log/x.{line['parser'][4:]}"]["sha256"]


def test_those_that_cannot_be_asked_are_stated(triaged: tuple[Path, Row]) -> None:
    out, row = triaged
    notes = " ".join(line["text"] for line in ledger(out / "bag") if line["kind"] == "note")
    for name, reason in (("claims", "hostile name"), ("shapeless", "no version"), ("broken", "cannot be made")):
        assert any(f"bad.{name}" in said and reason in said for said in row["not_run"]), row["not_run"]
        assert f"bad.{name}" in notes and reason in notes
    report = Report(out / "report.html")
    assert "bad.broken" in report.text and "quarantined" in json.dumps(sorted(report.column("receipts", "status")))


def test_nothing_of_them_stays(triaged: tuple[Path, Row]) -> None:
    out, _ = triaged
    assert not (out / "bag/tmp").exists() or not list((out / "bag/tmp").iterdir())
    assert not list((out / "work/tmp").iterdir())
