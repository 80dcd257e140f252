"""Whatever evidence holds, answers raise nothing and stay in bounds."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_case import NOW, MemoryCase

from forensics.answers import defender, lateral_edges, lateral_over, marks, powershell, scheduled, services, table
from forensics.answers.account_changes import ACTIONS as CHANGE_ACTIONS
from forensics.answers.accounts import ACTIONS as ACCOUNT_ACTIONS
from forensics.answers.commands import SOURCES
from forensics.answers.gaps import _ACTIONS as GAP_ACTIONS
from forensics.answers.logons import ACTIONS as LOGON_ACTIONS
from forensics.answers.persistence_windows import ACTIONS as PERSISTENCE_ACTIONS
from forensics.answers.run import run_all
from forensics.catalogue.text import safe
from forensics.model.event_rows import finding_from_row, finding_row

ACTIONS = sorted(
    {
        *LOGON_ACTIONS,
        *ACCOUNT_ACTIONS,
        *SOURCES,
        *GAP_ACTIONS,
        *PERSISTENCE_ACTIONS,
        "cron-job",
        "system-start",
        *marks.ACTIONS,
        *services.ACTIONS,
        *scheduled.ACTIONS,
        *CHANGE_ACTIONS,
        *powershell.ENGINE,
        *defender.ACTIONS,
        *lateral_edges.STEPS,
        *lateral_over.ACTIONS,
        "session-opened",
        "session-closed",
    }
)
FIELDS = [
    "command", "when", "CommandLine", "ServiceName", "ImagePath", "LogonType", "TargetObject", "TaskContent", "program",
    "PreviousTime", "NewTime", "method", "Data", "EventData", "Event", "System", "EventID", "Consumer",
    "TargetLogonId", "SessionID", "ScriptBlockId", "MessageNumber", "ScriptBlockText", "TaskName", "Detection ID",
    "New Value", "Error Code", "IpAddress", "ShareName", "DestinationPort", "Computer", "EventRecordID", "pid", "line",
]  # fmt: skip
PATHS = ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/sudoers", "/root/.ssh/authorized_keys", "/etc/ld.so.preload",
         "/etc/systemd/system/a.service", "/etc/profile.d/a.sh", "/var/lib/dpkg/info/a.list", "/lib/apk/db/installed",
         "/Windows/System32/Tasks/a", "/var/log/wtmp"]  # fmt: skip
INNER = [*FIELDS, "pid", "exe", "name"]
leaf = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=40) | st.floats(allow_nan=False)
value = st.recursive(
    leaf,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INNER), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["type", "pid", "ppid", "name", "exe", "exe_state", "cmdline", "environ", "proto", "local", "local_port",
        "processes", "owners", "poses_as_kernel_thread", "start_ns", "uid", "path", "libraries", "what", "proc_options",
        "fields", "members"]  # fmt: skip
TYPES = ["process", "listener", "socket", "user", "session", "hidden", "cron", "preload", "difference", "group"]
NAMES = ["processes", "listeners", "sockets", "users", "sessions", "hidden", "cron", "autoruns", "crosscheck"]
row = st.builds(
    lambda kind, fields: {**fields, "type": kind},
    st.sampled_from(TYPES) | value,
    st.dictionaries(st.sampled_from(KEYS), value | st.sampled_from(["tcp", "packet", "listen", "deleted"]), max_size=8),
)
spot = st.tuples(
    st.sampled_from(ACTIONS), st.dictionaries(st.sampled_from(FIELDS), value, max_size=4), st.text(max_size=30),
    st.none() | st.integers(-(2**66), 2**66),
)  # fmt: skip


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(spot, max_size=8),
    st.dictionaries(st.sampled_from(NAMES), st.lists(row, max_size=4)),
    st.dictionaries(st.sampled_from(PATHS), st.binary(max_size=300), max_size=5),
)
def test_nothing_is_raised(events, rows, files):
    case = MemoryCase()
    for action, attrs, user, ts in events:
        case.event(
            action,
            "windows.evtx",
            user=user,
            src_ip=user,
            process=user,
            ts=ts,
            attrs=attrs,
            locator=f"r{len(case.events_)}.0",
        )
    case.rows = rows
    for path, data in files.items():
        case.file(path, data)
    result = run_all(case)
    for found in result.findings:
        assert finding_from_row(json.loads(json.dumps(finding_row(found)))).title == found.title
        assert len(found.title) < 500 and found.not_proof and found.attrs["reasons"]
    for name, rows_ in result.tables.items():
        made = list(rows_)
        json.dumps(made)
        assert list(table.lines(name, made, 80, safe)) or not made


@pytest.mark.parametrize(
    "text", ["nc -e " * 5000, "a;" * 30_000, "curl " * 6000, "powershell -e " * 2000, "(" * 30_000]
)
def test_long_commands_cost_little(text):
    case = MemoryCase()
    case.event("command", "linux.history", attrs={"command": text})
    case.event("process-created", "windows.evtx", attrs={"Event": {"EventData": {"CommandLine": text}}})
    case.event("cron-job", "linux.cron", attrs={"command": text, "when": "* * * * *"})
    start = time.process_time()
    run_all(case)
    assert time.process_time() - start < 5


def test_many_sources_and_commands_are_bounded_and_said():
    from forensics.answers import commands, logons

    case = MemoryCase()
    for number in range(60):
        case.event("logon-failed", user=f"u{number}", src_ip=f"10.0.{number}.1", ts=NOW)
        case.event("command", "linux.history", user=f"u{number}", attrs={"command": "history -c"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logons, "MAX_SOURCES", 20)
        patch.setattr(commands, "MAX_GROUPS", 20)
        result = run_all(case)
    reasons = " ".join(one.reason for one in result.not_evaluated)
    assert "40 events not counted" in reasons and "40 further commands" in reasons


def test_text_of_evidence_cannot_act_on_a_terminal():
    rows = [{"kind": "cron", "path": "/etc/\x1b[31m", "command": "a\nb\x07\u202e", "user": "x" * 300}]
    lines = list(table.lines("persistence", rows, 80, safe))
    assert len(lines) == 2 and not set("\x1b\x07\u202e\n") & set("".join(lines))


IDENTIFIERS = sorted(
    {int(id) for _, id in marks.KINDS} | {12, 4697, 4698, 4702, 7036, 7040, 7045, 4104, 1116, 1117, 5007}
)
field_name = st.sampled_from([
    "TargetLogonId", "SubjectLogonId", "LogonType", "IpAddress", "WorkstationName", "SessionID", "Address", "Value",
    "TaskName", "TaskContent", "ServiceName", "ImagePath", "ScriptBlockId", "ScriptBlockText", "MessageNumber",
    "MessageTotal", "Detection ID", "New Value", "Error Code", "ShareName", "RelativeTargetName", "Data", "MemberSid",
])  # fmt: skip
weird = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=30) | st.lists(st.text(), max_size=3)
)


@settings(max_examples=60)
@given(st.lists(st.tuples(
    st.sampled_from(ACTIONS), st.sampled_from(IDENTIFIERS), st.dictionaries(field_name, weird, max_size=6), weird,
    st.none() | st.integers(-(2**66), 2**66), st.sampled_from(["live", "recovered", "corrupt"]),
), max_size=10))  # fmt: skip
def test_windows_records_of_any_fields_raise_nothing(records):
    case = MemoryCase(host="", live=False)
    for action, number, fields, odd, ts, state in records:
        system = {"EventID": number, "Computer": odd, "Channel": odd, "EventRecordID": odd, "Level": odd}
        record = {"Event": {"System": system, "EventData": fields}, "class": odd}
        case.event(action, "windows.evtx", ts=ts, state=state, user=str(odd)[:9], attrs=record)
    result = run_all(case)
    for name, made in result.tables.items():
        rows = list(made)
        json.dumps(rows)
        assert list(table.lines(name, rows, 80, safe)) or not rows
        assert b"".join(table.csv_rows(name, rows))
