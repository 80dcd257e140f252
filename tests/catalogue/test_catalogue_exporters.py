"""Exports as other tools' files: read back by those tools, or by a reader of the format; hostile names stay text."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from catalogue_kit import write_lines
from testkit import check_needs, program

from forensics.catalogue.exporting import export_file, load_exporter
from forensics.catalogue.select import Selection
from forensics.registry import names

NAMESPACE = "{http://www.forensicswiki.org/wiki/Category:Digital_Forensics_XML}"
HOSTILE = [
    "</filename><script>alert(1)</script>", "=cmd|' /C calc'!A0", "\\x1b[31mred", 'a","sha256":"0', "new\\u{A}line",
    "\ufffe\U0010ffff", "%s%n", "€ ümlaut", "]]>", "a," * 40,
]  # fmt: skip


def export(bag: Path, name: str, out: Path) -> Path:
    exporter = load_exporter(name)
    export_file(bag, out, exporter, Selection(), lambda rows, size: None)
    return out


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unsealed bag of names and ends that an attacker would choose."""
    made = [({"path": name, "m": "2026-11-24T00:00:00.123456789Z"}, name.encode()) for name in HOSTILE]
    made.append(({"path": "denied", "outcome": "denied", "code": "EACCES", "detail": "<&>"}, None))
    made.append(({"path": "gone", "type": "dir", "state": "deleted", "address": "45-128-1"}, None))
    return write_lines(tmp_path_factory.mktemp("hostile") / "bag", made, ("note", {"text": "<x>"}))


def test_all_are_registered() -> None:
    assert {plugin.id for plugin in names("forensics.exporters")} >= {"case", "csv", "dfxml", "hashdeep"}


def test_hashdeep_audits_the_contents(bag: Path, tmp_path: Path) -> None:
    check_needs("hashdeep")
    listed = export(bag, "hashdeep", tmp_path / "known")
    command = [program("hashdeep"), "-c", "sha256", "-a", "-vv", "-k", listed, "-r", "-l", "data/objects"]
    done = subprocess.run(command, cwd=bag, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "Audit passed" in done.stdout
    objects = sum(path.is_file() for path in (bag / "data/objects").rglob("*"))
    assert f"Files matched: {objects}" in done.stdout
    text = listed.read_text()
    # a list that says something else is refused, so the audit is one that can fail
    at = text.index("\n", text.index("##\n")) + 1
    row = text[at : text.index("\n", at)]
    size, digest, path = row.split(",")
    listed.write_text(text.replace(row, f"{size},{digest[::-1]},{path}"))
    assert subprocess.run(command, cwd=bag, capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize("which", ["bag", "hostile"])
def test_dfxml_is_read_back(which: str, request: pytest.FixtureRequest, tmp_path: Path, run) -> None:
    source: Path = request.getfixturevalue(which)
    tree = ElementTree.parse(export(source, "dfxml", tmp_path / "x.dfxml"))
    objects = tree.findall(f"{NAMESPACE}fileobject")
    rows = run("ls", source)[1]
    assert len(objects) == len(rows)
    for found, row in zip(objects, rows, strict=True):
        text = {child.tag.removeprefix(NAMESPACE): child.text for child in found}
        name = row["path"] + (f":{row['stream']}" if row["stream"] else "")
        bad = {code: f"\\u{{{code:X}}}" for code in (0xFFFE, 0x10FFFF)}
        assert text["filename"] == name.translate(bad)
        assert text.get("filesize") == (None if row["size"] is None else str(row["size"]))
        assert text.get("mtime") == row["times"]["m"]
        assert ("error" in text) == (row["outcome"] != "complete")
        digests = {child.get("type"): child.text for child in found if child.tag == f"{NAMESPACE}hashdigest"}
        assert digests.get("sha256") == row["sha256"]


def test_csv_runs_nothing(hostile: Path, tmp_path: Path) -> None:
    with export(hostile, "csv", tmp_path / "x.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(HOSTILE) + 2
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("which", ["bag", "hostile"])
def test_case_is_accepted(which: str, request: pytest.FixtureRequest, tmp_path: Path, run) -> None:
    source: Path = request.getfixturevalue(which)
    path = export(source, "case", tmp_path / "x.jsonld")
    graph = json.loads(path.read_text())["@graph"]
    found = [node for node in graph if "uco-core:hasFacet" in node]
    rows = run("ls", source)[1]
    assert [node["uco-core:hasFacet"][0]["uco-observable:filePath"] for node in found] == [row["path"] for row in rows]
    record = next(node for node in graph if node["@type"] == "case-investigation:ProvenanceRecord")
    assert [one["@id"] for one in record["uco-core:object"]] == [node["@id"] for node in found]
    if which == "hostile":  # the validator takes seconds: once, on the harder one
        tool = Path(sys.executable).with_name("case_validate")
        assert tool.exists(), "needs case-utils, which the set-up for tests installs"
        done = subprocess.run([tool, path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[:2000]
        assert "Conforms: True" in done.stdout
        path.write_text(path.read_text().replace('"hexBinary"', '"integer"').replace("xsd:hexBinary", "xsd:integer"))
        assert subprocess.run([tool, path], capture_output=True, check=False).returncode != 0


def test_the_command(bag: Path, tmp_path: Path, run) -> None:
    out = tmp_path / "x.csv"
    code, (row,) = run("export", bag, "--as", "csv", "--out", out)
    assert (code, row["schema"], row["format"]) == (0, "sealbag/export-as/1", "csv")
    assert row["bytes"] == out.stat().st_size
    assert row["rows"] == len(run("ls", bag)[1])
    before = out.read_bytes()
    assert run("export", bag, "--as", "csv", "--out", out)[0] == 73  # never over a file
    assert out.read_bytes() == before
    assert run("export", bag, "--as", "csv", "--out", bag / "x.csv")[0] == 73
    assert not (bag / "x.csv").exists()
    assert run("export", bag, "--as", "nothing", "--out", tmp_path / "y")[0] in (64, 78)
    assert run("export", bag, "--as", "csv")[0] == 64
    assert run("export", bag)[0] == 64
    assert not (tmp_path / "y").exists()
    (chosen,) = run("export", bag, "--as", "csv", "--out", tmp_path / "z", "--path", "etc/*")[1]
    assert 0 < chosen["rows"] < row["rows"]
