"""Clock and log gaps: each in a log made for it, and the log without it silent."""

from __future__ import annotations

import pytest
from memory_case import DAY, NOW, MemoryCase

from forensics.answers.gaps import Gaps
from forensics.model.event import Finding, Receipt

HOUR, MINUTE = 3600 * 10**9, 60 * 10**9


def gaps(case):
    table = {}
    for one in Gaps().run(case):
        if isinstance(one, Finding):
            table.setdefault(one.rule, []).append(one)
    return table


def evtx(case, numbers, content, step=MINUTE, **more):
    for at, number in enumerate(numbers):
        case.event("x", "windows.evtx", content, locator=f"r{number}.0", ts=NOW + at * step - 30 * DAY, **more)


@pytest.mark.parametrize(
    ("path", "problems", "level"),
    [("/Windows/winevt/Logs/Security.evtx", 0, "warning"), ("/Windows/winevt/Logs/Security.evtx", 3, "notice"),
     ("/evidence/export.evtx", 0, "notice")],
)  # fmt: skip
def test_missing_record_numbers(path, problems, level):
    case = MemoryCase()
    content = case.file(path, b"1").sha256
    evtx(case, [*range(10, 20), *range(23, 30)], content)
    case.told = [Receipt("", "windows.evtx", "1", content, "ok", {"problems": problems})]
    (found,) = gaps(case)["numbers"]
    assert (found.level, found.attrs["ranges"], found.attrs["missing"]) == (level, ["20-22"], 3)
    assert found.refs[0].locator == "r23.0"


def test_missing_numbers_of_records_that_are_located_by_their_offset():
    case = MemoryCase()
    content = case.file("/Windows/winevt/Logs/Security.evtx", b"1").sha256
    for at, number in enumerate([*range(10, 20), *range(23, 30)]):
        case.event("x", "windows.evtx", content, locator=f"o{4608 + at * 512}", ts=NOW - DAY, attrs={"record": number})
    (found,) = gaps(case)["numbers"]
    assert (found.attrs["ranges"], found.refs[0].locator) == (["20-22"], f"o{4608 + 10 * 512}")


def test_a_circular_log_is_no_gap():
    case = MemoryCase()
    evtx(case, [*range(500, 600), *range(401, 500)], case.file("/winevt/logs/a.evtx", b"1").sha256, step=0)
    assert not gaps(case)


def test_time_going_back():
    case = MemoryCase()
    content = case.file("/var/log/syslog", b"1").sha256
    for ts in (0, 60, 30, 90, 91 - 4000, 100):
        case.event("x", "linux.syslog", content, ts=NOW - DAY + ts * 10**9, locator=f"o{ts + 9999}")
    (found,) = gaps(case)["backwards"]
    assert (
        found.attrs["times"] == 1 and found.attrs["seconds"] == 3999 and found.refs[0].locator == f"o{91 - 4000 + 9999}"
    )


def busy(case, silent, boots=()):
    content = case.file("/var/log/syslog", b"1").sha256
    for hour in range(200):
        if hour not in silent:
            case.event("x", "linux.syslog", content, ts=NOW - 200 * HOUR + hour * HOUR)
    for hour in boots:
        case.event("system-start", "linux.utmp", "b" * 64, ts=NOW - 200 * HOUR + hour * HOUR)


@pytest.mark.parametrize(
    ("silent", "boots", "level"),
    [(range(100, 120), (), "notice"), (range(100, 120), (119,), "notice"), (range(100, 120), (5,), "warning"),
     (range(100, 108), (5,), ""), (range(0, 200, 2), (5,), "")],
)  # fmt: skip
def test_silence_in_a_busy_log(silent, boots, level):
    case = MemoryCase()
    busy(case, set(silent), boots)
    found = gaps(case).get("silence", [])
    assert [one.level for one in found] == ([level] if level else [])
    if level:
        assert found[0].attrs["hours"] == 20 and len(found[0].refs) == 2


def test_events_after_the_collection():
    case = MemoryCase()
    case.event("x", "linux.syslog", ts=NOW + 2 * DAY)
    case.event("x", "linux.syslog", ts=NOW + HOUR)
    (found,) = gaps(case)["future"]
    assert found.attrs["events"] == 1


def windows(case, action, event_id, **data):
    attrs = {"Event": {"System": {"EventID": event_id, "Channel": "Security"}, "EventData": data}}
    return case.event(action, "windows.evtx", attrs=attrs, ts=NOW - DAY, message=f"{action} said")


def test_cleared_clock_and_protection():
    case = MemoryCase()
    windows(case, "log-cleared", 1102)
    windows(case, "log-cleared", 104, Channel="Application")
    windows(case, "time-changed", 4616, PreviousTime="2026-01-01T00:00:00.000Z", NewTime="2026-01-01T00:00:02.000Z")
    windows(case, "time-changed", 4616, PreviousTime="2026-01-02T00:00:00.123456789Z", NewTime="2026-01-01T00:00:00Z")
    windows(case, "defender-disabled", 5001)
    windows(case, "defender-config", 5007)
    table = gaps(case)
    assert [one.level for one in table["cleared"]] == ["alert", "warning"]
    assert [one.attrs["seconds"] for one in table["clock"]] == [-86401]
    assert [one.level for one in table["protection"]] == ["warning"]


def test_files_that_are_empty_or_lead_nowhere():
    case = MemoryCase()
    case.file("/var/log/auth.log", b"")
    case.file("/var/log/syslog", b"x" * 5000, m=NOW)
    case.file("/root/.bash_history", type="link", target="/dev/null", outcome="complete")
    table = gaps(case)
    assert sorted((one.level, one.title.split(": ")[1][:20]) for one in table["emptied"]) == [
        ("warning", "/root/.bash_history "), ("warning", "/var/log/auth.log is"),
    ]  # fmt: skip
    case = MemoryCase()
    case.file("/var/log/auth.log", b"", m=NOW - HOUR, c=NOW - HOUR)
    case.file("/var/log/syslog", b"x" * 5000, m=NOW)
    assert not gaps(case), "a log that was just rotated is empty"


@pytest.mark.parametrize(("name", "found"), [("wtmp", True), ("btmp.1", True), ("utmp", False), ("lastlog", False)])
def test_records_of_zeros(name, found):
    case = MemoryCase()
    content = case.file(f"/var/log/{name}", b"1").sha256
    case.told = [Receipt("", "linux.utmp", "1", content, "ok", {"told_records-empty": 2})]
    case.ran["linux.utmp"] = 1
    assert ("zeroed" in gaps(case)) is found
