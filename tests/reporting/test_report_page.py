"""The report without a browser: what stands in the file, what its words say, and that nothing gets out of its place."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html.parser
import itertools
import json
import math
import re
import struct
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_hostile import HOSTILE, hostile_data
from report_rows import report_data, verdict

from forensics.errors import StorageError
from forensics.model.display import UNSAFE
from forensics.reporting import tables
from forensics.reporting.build import write_report
from forensics.reporting.clean import MAX_DEPTH, MAX_RECORD, record
from forensics.reporting.columns import nanoseconds
from forensics.reporting.data import Checked, Covered, ReportData
from forensics.reporting.tree import in_tree_order

STATIC = Path(tables.__file__).with_name("static")


class Page(html.parser.HTMLParser):
    """What a browser would make of the file, as far as the test needs it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._open: str = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            attrs, text = self.scripts[-1]
            self.scripts[-1] = (attrs, text + data)
        elif self._open == "style":
            self.styles.append(data)
        else:
            self.words += data

    def columns(self, table: str) -> dict[str, list[Any]]:
        """Decode a table as the script does."""
        heads = [json.loads(text) for attrs, text in self.scripts if attrs.get("class") == "head"]
        head = next(head for head in heads if head["id"] == table)
        kinds = {column["name"]: column for column in head["columns"]} | {"rest": {"kind": "record", "layout": ""}}
        found = {}
        for attrs, text in self.scripts:
            if attrs.get("data-table") == table:
                name = str(attrs["data-column"])
                found[name] = decode(gzip.decompress(base64.b64decode(text, validate=True)), kinds[name])
        return found


def decode(data: bytes, column: dict[str, Any]) -> list[Any]:
    length = struct.unpack_from("<I", data)[0]
    if length == 0xFFFFFFFF:
        return list(json.loads(data[4:]))
    words = json.loads(data[4 : 4 + length])
    start = 4 + length + -(length + 4) % 8
    if column["layout"] == "time":
        ms, rest = array("d", data[start : start + 8 * words]), array("I", data[start + 8 * words :])
        return [None if math.isnan(m) else int(m) * 1_000_000 + r for m, r in zip(ms, rest, strict=True)]
    values = array({"u8": "B", "u16": "H", "u32": "I", "f64": "d"}[column["layout"]], data[start:])
    return [None if math.isnan(v) else v for v in values] if column["layout"] == "f64" else [words[v] for v in values]


def page(data: ReportData, folder: Path) -> Page:
    info = write_report(data, folder / "report.html")
    text = (folder / "report.html").read_bytes()
    assert (info.size, info.sha256) == (len(text), hashlib.sha256(text).hexdigest())
    return Page(text.decode())


def test_the_policy_names_the_one_script_and_the_one_style(tmp_path: Path) -> None:
    found = page(report_data(50, 50), tmp_path)
    policy = next(attrs["content"] for tag, attrs in found.tags if attrs.get("http-equiv"))
    assert policy is not None and policy.startswith("default-src 'none'; ")
    runs = [text for attrs, text in found.scripts if not attrs]
    assert len(runs) == len(found.styles) == 1
    for text, name in ((runs[0], "script-src"), (found.styles[0], "style-src")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}';" in policy
    for tag, attrs in found.tags:
        assert not {"src", "style", "onclick", "onload"} & set(attrs), tag
        assert (attrs.get("href") or "#").startswith("#")


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    honest, hostile = page(report_data(50, 50), tmp_path), page(hostile_data(), tmp_path)
    assert [text for attrs, text in hostile.scripts if not attrs] == [
        text for attrs, text in honest.scripts if not attrs
    ]
    assert {tag for tag, _ in hostile.tags} <= {tag for tag, _ in honest.tags}
    whole = (tmp_path / "report.html").read_text("utf-8")
    assert not re.search(f"[{UNSAFE}]", whole.replace("\n", ""))
    assert "<img" not in whole and "49" not in hostile.words.partition("Findings")[0]
    texts = hostile.columns("events")["message"] + hostile.columns("artefacts")["path"]
    assert not re.search(f"[{UNSAFE}]", "".join(texts))
    assert HOSTILE[0] in texts and "innocent\\u{202E}gnp.exe\\u{2066}\\u{200B}\\u{FEFF}" in texts


def test_rows_come_back(tmp_path: Path) -> None:
    data = report_data(300, 300)
    events, artefacts = list(data.events or ()), list(data.artefacts or ())
    found = page(report_data(300, 300), tmp_path)
    columns = found.columns("events")
    for name in ("ts", "user", "message", "event_id", "path", "seq", "locator"):
        assert columns[name] == [row[name] for row in events]
    columns = found.columns("artefacts")
    assert columns["sha256"] == [row["sha256"] or "" for row in artefacts]
    assert columns["m"] == [nanoseconds(row["times"]["m"]) for row in artefacts]
    assert columns["size"] == [row["size"] for row in artefacts]
    assert [json.loads(text)["address"] for text in columns["rest"]] == [row["address"] for row in artefacts]


def test_what_is_beyond_the_bound_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ROWS", 100)
    info = write_report(report_data(250, 99), tmp_path / "report.html")
    assert (info.rows["events"], info.left_out) == (100, {"events": 150, "logons": 67})


@given(st.integers(-(1 << 62), 1 << 62))
def test_times_are_exact(ns: int) -> None:
    column = tables.KINDS["time"]()
    column.add(ns)
    data = gzip.decompress(base64.b64decode("".join(column.end())))
    assert decode(data, {"layout": "time"}) == [ns]


def test_times_that_no_date_holds_are_none() -> None:
    column = tables.KINDS["time"]()
    for value in (1 << 80, None, "2024-02-30T00:00:00Z", "yesterday", True, "1601-01-01T00:00:00.000000100Z"):
        column.add(value)
    data = gzip.decompress(base64.b64decode("".join(column.end())))
    assert decode(data, {"layout": "time"}) == [None] * 5 + [-11_644_473_600 * 10**9 + 100]


@given(st.lists(st.tuples(st.integers(0, 6), st.one_of(st.none(), st.text("ab", max_size=1), st.integers(0, 6)))))
def test_each_process_stands_once_below_its_parent(pairs: list[tuple[int, Any]]) -> None:
    rows = [{"pid": pid, "ppid": ppid, "mark": mark} for mark, (pid, ppid) in enumerate(pairs)]
    tree = list(in_tree_order(rows))
    assert sorted(row["mark"] for row in tree) == list(range(len(rows)))
    for above, row in itertools.pairwise(tree):
        assert row["depth"] <= above["depth"] + 1
    for index, row in enumerate(tree):
        if row["depth"]:
            parent = next(above for above in reversed(tree[:index]) if above["depth"] < row["depth"])
            assert parent["pid"] == row["ppid"]


def test_a_record_is_bounded() -> None:
    deep: Any = "end"
    for _ in range(5000):
        deep = {"d": deep}
    assert f"{MAX_DEPTH}" and "nested deeper" in record({"deep": deep})
    assert len(record({"long": "x" * 10_000_000, "many": list(range(100_000))})) <= 2 * MAX_RECORD
    assert json.loads(record({"big": 1 << 60, "huge": 1 << 100_000, "exact": 5}))["big"] == str(1 << 60)


def test_empty_says_what_empty_means(tmp_path: Path) -> None:
    bare = page(ReportData(verdict()), tmp_path)
    assert "nothing was looked for, so this says nothing about the host" in bare.words
    assert "No processes: the state of a running system was not recorded." in bare.words
    assert "was not stated" in bare.words and "No gaps" not in bare.words and "is missing." not in bare.words
    told = {"events": "No events: <b>told</b>."}
    looked = ReportData(verdict(), covered=Covered(), checked=Checked(74, 1212, 3), processes=[], empty=told)
    words = page(looked, tmp_path).words
    assert "No findings: 74 rules ran over 1,212 artefacts; 3 could not be evaluated." in words
    assert "No processes: they were asked for and none was listed." in words
    assert "No events: <b>told</b>." in words
    assert "Nothing that was asked for is missing." in words and "No gaps: everything" in words


def test_the_verdict_is_never_better_than_the_truth(tmp_path: Path) -> None:
    bad = page(report_data(10, 10, verdict=verdict("INVALID")), tmp_path).words
    assert "Nothing below may be relied on" in bad and "the digest of data/objects/ab/ab12 is another" in bad
    alone = page(report_data(10, 10, verdict=verdict("UNTRUSTED")), tmp_path).words
    assert "nobody: no anchor was given" in alone and "nobody vouches for the key" in alone


def test_findings_of_one_rule_share_a_card(tmp_path: Path) -> None:
    found = page(report_data(10, 10), tmp_path)
    assert sum(tag == "article" for tag, _ in found.tags) == 5
    assert "12 times" in found.words and "5 of 12 places" in found.words
    assert len(found.columns("findings")["path"]) == 16


def test_it_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    out.write_text("the old one")
    rows = iter([{"ts": 1}])

    def broken() -> Any:
        yield from rows
        raise RuntimeError("the reader failed")

    with pytest.raises(RuntimeError):
        write_report(report_data(1, 1, events=broken()), out)
    assert out.read_text() == "the old one" and list(tmp_path.iterdir()) == [out]
    with pytest.raises(StorageError, match="cannot write the report"):
        write_report(report_data(1, 1), tmp_path / "no such folder" / "report.html")


def test_no_template_library_before_a_report_is_made() -> None:
    code = "import sys, forensics.reporting.build, forensics.reporting.text; sys.exit('jinja2' in sys.modules)"
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_contrast_and_sizes() -> None:
    """WCAG 2.2, 1.4.3: 4.5:1 for every colour of text on every ground that it stands on, in both themes."""
    sheet = (STATIC / "colours.css").read_text("utf-8")
    themes = [
        dict(re.findall(r"--([\w-]+): (#\w{6});", block))
        for block in re.findall(r"\{([^{}]+)\}", sheet)
        if "--text" in block
    ]
    assert len(themes) == 3 and themes[1] == themes[2]
    texts = ("text", "muted", "accent", "alert", "warning", "notice", "good")
    pairs = list(itertools.product(texts, ("ground", "panel", "raised", "pick")))
    pairs += [(name, f"{name}-ground") for name in ("alert", "warning", "good")]
    for theme in themes:
        for text, ground in pairs:
            light, dark = sorted((luminance(theme[text]), luminance(theme[ground])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)
    sheets = "".join(path.read_text("utf-8") for path in STATIC.glob("*.css"))
    assert len(set(re.findall(r"font(?:-size)?: (?:\d+ )?var\((--s\d)\)", sheets))) == 5
    assert set(re.findall(r"font-size: ([^v;]+);", sheets)) == {".92em", "12px"}, (
        "monospace beside text; the root in print"
    )
