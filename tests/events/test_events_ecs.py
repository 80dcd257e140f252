"""ECS: names, types and words of the schema; undated events borrow no time; recovered ones say so in every export."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from forensics.events.ecs import _KINDS
from forensics.events.export import FORMATS, Written
from forensics.model.event import Event

#: of the ECS 8.11 field reference: name -> type, as far as these documents use them
FIELDS = {
    "@timestamp": "date", "ecs.version": "keyword", "message": "text", "tags": "keywords", "event.kind": "keyword",
    "event.module": "keyword", "event.dataset": "keyword", "event.id": "keyword", "event.action": "keyword",
    "event.category": "keywords", "event.type": "keywords", "event.outcome": "keyword", "event.code": "keyword",
    "event.provider": "keyword", "event.sequence": "long", "host.name": "keyword", "user.name": "keyword",
    "user.domain": "keyword", "user.id": "keyword", "source.ip": "ip", "process.executable": "keyword",
    "process.name": "keyword", "log.file.path": "keyword",
}  # fmt: skip
CATEGORIES = {
    "api", "authentication", "configuration", "database", "driver", "email", "file", "host", "iam",
    "intrusion_detection", "library", "malware", "network", "package", "process", "registry", "session", "threat",
    "vulnerability", "web",
}  # fmt: skip
TYPES = {
    "access", "admin", "allowed", "change", "connection", "creation", "deletion", "denied", "device", "end", "error",
    "group", "indicator", "info", "installation", "protocol", "start", "user",
}  # fmt: skip


def row(**more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "ts": 1_709_287_200_123_456_789, "ts_kind": "created", "tz_basis": "utc", "host": "PC1", "action": "logon",
        "user": "CORP\\alice", "src_ip": "203.0.113.7", "process": "C:\\Windows\\a.exe", "message": "m",
        "path": "/x.evtx", "state": "live", "parser": "windows.evtx", "locator": "o1", "content": "c" * 64,
        "event_id": "e" * 64,
        "bag": "b", "seq": 3, "ts_raw": "raw", "version": "2",
        "attrs": {"Event": {"System": {"EventID": {"#text": 4624}, "EventRecordID": "77", "Provider":
                                       {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}}}}},
    }  # fmt: skip
    return base | more


def out(form: str, rows: list[dict[str, Any]]) -> tuple[str, Written]:
    done = Written()
    return b"".join(FORMATS[form](rows, done)).decode("utf-8"), done


def ecs(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out("ecs", list(rows))[0].splitlines()]


def flat(value: dict[str, Any], below: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, one in value.items():
        found |= flat(one, f"{below}{name}.") if isinstance(one, dict) else {f"{below}{name}": one}
    return found


def fits(document: dict[str, Any]) -> None:
    for name, value in flat({key: one for key, one in document.items() if key != "sealbag"}).items():
        kind = FIELDS[name]
        if kind == "keywords":
            assert isinstance(value, list) and value and all(isinstance(one, str) for one in value), name
        else:
            assert type(value) is (int if kind == "long" else str), name
    event = document["event"]
    assert event["kind"] == "event" and set(event.get("category", ())) <= CATEGORIES
    assert set(event.get("type", ())) <= TYPES and event.get("outcome", "success") in ("success", "failure", "unknown")


def test_a_document() -> None:
    (one,) = ecs(row())
    fits(one)
    assert one["@timestamp"] == "2024-03-01T10:00:00.123456789Z" and one["user"] == {"domain": "CORP", "name": "alice"}
    assert one["process"] == {"executable": "C:\\Windows\\a.exe", "name": "a.exe"}
    assert one["event"]["code"] == "4624" and one["event"]["sequence"] == 77 and one["event"]["outcome"] == "success"
    assert json.loads(one["sealbag"]["record"]) == row()["attrs"] and "tags" not in one


def test_every_action_that_has_a_category_has_words_of_the_schema() -> None:
    for action in _KINDS:
        (one,) = ecs(row(action=action))
        fits(one)
        assert one["event"]["category"] and one["event"]["type"] and one["event"]["action"] == action
    (other,) = ecs(row(action="something-else"))
    assert "category" not in other["event"] and "outcome" not in other["event"]


def test_ids_are_no_names() -> None:
    users = [one["user"] for one in ecs(row(user="S-1-5-18"), row(user="uid=1000"), row(user="root"), row(user="a\\"))]
    assert users == [{"id": "S-1-5-18"}, {"id": "1000"}, {"name": "root"}, {"name": "a\\"}]
    assert ecs(row(user="", src_ip="", process="", host="", path=""))[0].keys() == {
        "@timestamp", "ecs", "message", "event", "sealbag"
    }  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries({name: st.text(max_size=12) for name in ("user", "process", "message", "host", "path")}),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                 lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(
                     ["Event", "System", "EventID", "EventRecordID", "Provider", "#text", "#attributes", "Name"]),
                     inner, max_size=4), max_leaves=12),
)  # fmt: skip
def test_any_event_is_a_document_of_the_schema(texts: dict[str, str], attrs: Any) -> None:
    text, done = out("ecs", [row(**texts, attrs=attrs, state="recovered")])
    assert done.rows == 1 and text.count("\n") == 1
    fits(json.loads(text))


def test_undated_events_borrow_no_time_in_any_format() -> None:
    rows = [row(), row(ts=None), row(ts=1 << 80), row(ts=-11_644_473_600 * 10**9)]
    for form, kept in (("ecs", 1), ("timesketch-csv", 1), ("timesketch-jsonl", 1), ("jsonl", 4), ("csv", 4)):
        text, done = out(form, rows)
        heads = form.endswith("csv")
        assert (done.rows, done.undated) == (kept, 4 - kept) and len(text.splitlines()) == kept + heads
    whole = [json.loads(line) for line in out("jsonl", rows)[0].splitlines()]
    assert whole[1]["ts"] is None
    cells = list(csv.DictReader(io.StringIO(out("csv", rows)[0], newline="")))
    assert [one["datetime"] for one in cells][1:] == ["", "", ""]


def test_recovered_events_say_so_in_every_format() -> None:
    event = Event("c" * 64, "windows.evtx-residual", "1", "o1", state="recovered")
    found = row(state=event.state, parser=event.parser, attrs={"class": "A2"})
    for form in FORMATS:
        text, done = out(form, [found])
        assert done.rows == 1 and "recovered" in text, form
        assert "recovered" not in out(form, [row()])[0], form
    assert ecs(found)[0]["tags"] == ["recovered", "class-A2"]


def test_hostile_texts_stay_texts() -> None:
    texts = [
        "<script>",
        "=1+1",
        "a\0b",
        "\x1b[2J",
        "x\u202ey",
        "a\nb\r\nc",
        "\ud800",
        '"},{"@timestamp":"x"}',
        "\u2028",
    ]
    assert "sequence" not in ecs(row(attrs={"Event": {"System": {"EventRecordID": "9" * 5000}}}))[0]["event"]
    for text in texts:
        body, _ = out("ecs", [row(message=text, user=text, host=text)])
        assert body.count("\n") == 1 and json.loads(body)["message"] == (text if text != "\ud800" else "\\u{D800}")
