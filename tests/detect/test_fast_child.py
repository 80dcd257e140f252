"""Detection in a child: what goes in, what comes out, and that nothing is lost in silence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fast_made import SECURITY, SYSMON, record

from forensics.detect.fast import child
from forensics.detect.fast.answer import Answer
from forensics.detect.fast.stamps import ns_of
from forensics.errors import RuleInvalid
from forensics.model.event import Event
from forensics.model.event_rows import event_row, finding_from_row
from forensics.tasks.rowfile import RowWriter
from forensics.tasks.rowread import row_lines
from forensics.worker.batch import run_items

CONTENT = "ab" * 32
NS = 1709287200_123456000
RULES = """
title: A program
id: 8f1e4a3c-0d6a-4a52-9d0a-2f4b7c9d1e10
name: program
logsource: {product: windows, category: process_creation}
detection:
  selection: {Image|endswith: '\\evil.exe'}
  condition: selection
level: high
---
title: Anything at all
id: 8f1e4a3c-0d6a-4a52-9d0a-2f4b7c9d1e11
logsource: {product: windows, service: sysmon}
detection:
  words: [needle]
  condition: words
level: low
---
title: Many programs
id: 8f1e4a3c-0d6a-4a52-9d0a-2f4b7c9d1e12
correlation:
  type: event_count
  rules: [program]
  group-by: [User]
  timespan: 10m
  condition: {gte: 3}
  generate: true
level: high
---
title: Not a rule
detection: {condition: nothing}
"""
EVIL = record(SYSMON, {"Image": "C:\\EVIL.exe", "User": "u1"})
TEXT = record(SYSMON, {"Image": "x", "User": "a needle"}, TimeCreated={"#attributes": {"SystemTime": "soon"}})


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "all.yml").write_text(RULES, "utf-8")
    given = {
        "packs": [str(pack)],
        "cache": str(tmp_path / "cache"),
        "sha256": "",
        "sys_path": [str(Path(__file__).parent)],
    }
    done = child.prepare({}, given)
    assert (done["rules"], done["correlations"], len(done["problems"])) == (2, 1, 1)
    return given | {"sha256": done["sha256"]}


def lines_item(tmp_path: Path, *texts: str, **more: Any) -> dict[str, Any]:
    path = tmp_path / "content"
    path.write_text("".join(text + "\n" for text in texts), "utf-8")
    return {
        "content": CONTENT, "parser": "test.lines", "out": str(tmp_path / "out"), "matches": str(tmp_path / "matches"),
        "path": str(path), "plugin": "fast_plugin:Lines", "size": path.stat().st_size, "inputs": {},
    } | more  # fmt: skip


def rows(path: str) -> list[Any]:
    return [json.loads(line) for line in row_lines(Path(path))]


def test_a_content(tmp_path: Path, options: dict[str, Any]) -> None:
    uncovered = record(("Other", "Other/Operational", 9), {"Image": "\\evil.exe"})
    item = lines_item(tmp_path, EVIL, record(SECURITY, {}), TEXT, "no json", uncovered)
    (result,) = run_items("forensics.detect.fast.child:detect", [item], options=options)
    assert result.status == "ok", result.detail
    answer = result.value
    assert answer["status"] == "partial"
    assert answer["counts"] == {
        "events": 4, "matched": 2, "matches": 2, "alert": 1, "notice": 1, "undated": 1, "unreadable": 1, "uncovered": 1,
    }  # fmt: skip
    first, second = (finding_from_row(row) for row in rows(item["out"]))
    assert (first.rule[-2:], first.level, first.ts, first.by) == ("10", "alert", NS, "sigma")
    assert list(first.attrs["fields"]) == ["Image"]
    assert first.refs[0].event_id == Event(CONTENT, "test.lines", "1", "o0").event_id
    assert (second.level, second.ts, second.refs[0].locator) == (
        "notice",
        None,
        f"o{len(EVIL) + 1 + len(record(SECURITY, {})) + 1}",
    )
    (match,) = rows(item["matches"])
    assert match == {
        "rule": first.rule, "ts": NS, "locator": "o0", "event_id": first.refs[0].event_id, "host": "HOST-1",
        "fields": {"User": "u1"},
    }  # fmt: skip
    assert answer["rules"] == {first.rule: 1, second.rule: 1}
    assert answer["more"] == {}
    assert ["Other", "Other/Operational", "9", 1, 0] in answer["classes"]
    assert answer["problems"][0]["code"] == "unreadable"


def test_a_span_and_a_limit(tmp_path: Path, options: dict[str, Any]) -> None:
    texts = [EVIL] * 10
    item = lines_item(tmp_path, *texts, limit=2, span=[0, 6 * (len(EVIL) + 1)])
    answer = child.detect(item, options)
    assert (answer["rows"], answer["match_rows"], answer["counts"]["dropped"]) == (2, 6, 4)
    assert list(answer["more"].values()) == [4]
    assert (answer["status"], answer["counts"]["events"]) == ("ok", 6)


def test_a_parser_that_fails_keeps_what_it_had(tmp_path: Path, options: dict[str, Any]) -> None:
    answer = child.detect(lines_item(tmp_path, EVIL, "fail", EVIL), options)
    assert (answer["status"], answer["code"], answer["rows"]) == ("partial", "RuntimeError", 1)
    assert child.detect(lines_item(tmp_path, "fail"), options)["status"] == "failed"
    assert child.detect(lines_item(tmp_path), options)["status"] == "empty"


def test_rows(tmp_path: Path, options: dict[str, Any]) -> None:
    def event(number: int, state: Any = "recovered", **attrs: Any) -> Mapping[str, Any]:
        native = json.loads(EVIL) | {"class": "A1"} | attrs
        return event_row(
            Event(CONTENT, "windows.evtx-residual", "1", f"o{number}", ts=number, state=state, attrs=native)
        )

    path = tmp_path / "partition"
    with RowWriter(str(path)) as out:
        for row in (event(1), event(2, **{"class": "C"}), event(3, "live", **{"class": "E"}), event(4, **{"class": 7}),
                    event(5, Event=[]), event(6, **{"class": "A3"}), {"scanned": "x"}):  # fmt: skip
            out.add(row)
    item = {"content": CONTENT, "parser": "windows.evtx-residual", "rows": str(path), "sha256": "",
            "out": str(tmp_path / "out")}  # fmt: skip
    answer = child.detect(item, options)
    found = [finding_from_row(row) for row in rows(item["out"])]
    assert [(one.refs[0].locator, one.ts) for one in found] == [("o1", 1), ("o3", 3), ("o6", 6)]
    assert [one.attrs.get("class") for one in found] == ["A1", None, "A3"]
    assert answer["status"] == "partial"
    counts = answer["counts"]
    assert {name: counts[name] for name in counts if name.startswith("class")} == {
        "class-A1": 1, "class-A3": 1, "class-C": 1, "class-none": 1,
    }  # fmt: skip
    assert (counts["not-asked"], counts["row-problems"], counts["events"]) == (2, 1, 3)
    damaged = path.read_bytes()
    path.write_bytes(damaged[:-4])
    again = child.detect(item | {"sha256": "00" * 32}, options)
    assert again["status"] in ("partial", "failed")
    assert any("another SHA-256" in problem["detail"] for problem in again["problems"])


def test_rules_that_changed_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    (tmp_path / "pack" / "all.yml").write_text(RULES.replace("evil", "other"), "utf-8")
    answer = child.detect(lines_item(tmp_path, EVIL), options)
    assert answer["rows"] == 1  # what was prepared lies in the cache
    for kept in (tmp_path / "cache").iterdir():
        kept.unlink()
    child._engines.clear()
    with pytest.raises(RuleInvalid, match="changed"):
        child.detect(lines_item(tmp_path, EVIL), options)


def test_classes_are_counted_within_bounds(
    tmp_path: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Answer, "MAX_CLASSES", 20)
    texts = [record(("P", f"channel {number}", 1), {}) for number in range(500)] + [EVIL] * 30
    answer = child.detect(lines_item(tmp_path, *texts), options)
    shown = sum(row[3] for row in answer["classes"])
    assert shown + answer["classes_left_out"] == answer["counts"]["events"] == 530
    assert answer["classes"][0][3] >= 29


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2024-03-01T10:00:00.123456Z", NS), ("2024-03-01 10:00:00.123456", NS), ("1601-01-01T00:00:00Z", None),
        ("2024-03-01T10:00:00.1234567890Z", NS + 789), ("1677-09-22T00:00:00Z", -9223286400 * 10**9), ("", None),
        ("2024-13-01T10:00:00Z", None), ("2024-02-30T10:00:00Z", None), ("2024-03-01T24:00:00Z", None),
        ("x" * 9999, None),
        ("1969-12-31T23:59:59.9Z", -100_000_000), ("2024-03-01T10:00:00+02:00", None),
    ],
)  # fmt: skip
def test_stamps(text: str, ns: int | None) -> None:
    assert ns_of(text) == ns
