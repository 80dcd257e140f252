"""Metamorphic: records in any order, spread over files, or copied to a second file give the same rows."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from windows_events import (
    CLIENT,
    CORE,
    DEFENDER,
    LSM,
    POWERSHELL,
    RCM,
    SYSMON,
    TASKS,
    Logs,
    without_places,
)  # fmt: skip

from forensics.answers.run import run_all
from forensics.answers.windows_tables import ROWS
from forensics.model.event import Event

IDS = st.sampled_from(["0x1", "0x2", "0x3"])
USERS, ADDRESSES = st.sampled_from(["alice", "bob", "pc$"]), st.sampled_from(["10.0.0.1", "203.0.113.9", "-"])


def _data(draw):
    user, name, ip = draw(USERS), draw(IDS), draw(ADDRESSES)
    return {
        "TargetUserName": user, "TargetDomainName": "C", "TargetLogonId": name, "SubjectLogonId": name, "LogonID": name,
        "LogonType": draw(st.sampled_from([2, 3, 10])), "IpAddress": ip, "SubjectUserName": user,
        "SubjectDomainName": "C",
        "AccountName": user, "AccountDomain": "C", "ClientAddress": ip, "SessionID": draw(st.sampled_from([1, 2])),
        "User": f"C\\{user}", "Address": ip, "Param1": user, "Param2": "C", "Param3": ip, "ClientIP": f"{ip}:5",
        "IPString": ip, "Value": "srv", "TaskName": f"\\{name}", "TaskContent": "<Actions><Exec><Command>c</Command>",
        "ServiceName": name, "ImagePath": "c.exe", "ServiceFileName": "c.exe", "ShareName": "\\\\*\\ADMIN$",
        "RelativeTargetName": name, "TargetServerName": "srv", "MemberName": user, "TargetSid": "S-1", "New Value":
        "\\DisableRealtimeMonitoring = 0x1", "Detection ID": name, "Threat Name": "T", "ScriptBlockId": name,
        "MessageNumber": draw(st.sampled_from([1, 2])), "MessageTotal": 2, "ScriptBlockText": f"text {user}",
        "Image": "C:\\Users\\Public\\a.exe", "CommandLine": "a", "LogonId": name, "ActionName": "c",
        "Error Code": "0x0",
    }  # fmt: skip


KINDS = st.sampled_from([
    ("Security", 4624), ("Security", 4634), ("Security", 4647), ("Security", 4648), ("Security", 4672),
    ("Security", 4778), ("Security", 4779), ("Security", 4608), ("Security", 4697), ("Security", 4698),
    ("Security", 4699), ("Security", 4720), ("Security", 4726), ("Security", 4732), ("Security", 5145), (LSM, 21),
    (LSM, 23), (LSM, 24), (LSM, 25), (RCM, 1149), (CORE, 131), (CORE, 140), (CLIENT, 1024), ("System", 7045),
    (TASKS, 106), (TASKS, 141), (TASKS, 200), (DEFENDER, 1116), (DEFENDER, 1117), (DEFENDER, 5007), (POWERSHELL, 4104),
    (SYSMON, 1),
])  # fmt: skip


@st.composite
def logs(draw):
    made = Logs()
    for channel, id in draw(st.lists(KINDS, min_size=2, max_size=25)):
        more = {"user_data": True} if channel in (LSM, RCM) else {}
        seconds = draw(st.sampled_from([None, *range(0, 2000, 7)]))
        made.add(seconds, channel, id, _data(draw), computer=draw(st.sampled_from(["A", "B"])), **more)
    return made


def moved(event, content, locator):
    values = {name: getattr(event, name) for name in Event.__slots__}
    return Event(**values | {"content": content, "locator": locator})


def spread(events, seed, files):
    """The records in another order, in several files."""
    chance = random.Random(seed)
    shuffled = chance.sample(events, len(events))
    return [moved(one, f"{chance.randrange(files):x}" * 64, one.locator) for one in shuffled]


def answers(made):
    rows = {name: without_places(made.rows(name)) for name in ROWS}
    findings = sorted(
        (one.by, one.rule, one.level, one.title, one.ts is None, one.ts or 0)
        for one in run_all(made.case).findings
        if one.by.removeprefix("answers.")
        in ("sessions", "services", "tasks", "account-changes", "powershell", "defender", "lateral")
    )
    return rows, findings


@settings(max_examples=40, deadline=None)
@given(logs(), st.integers(0, 1 << 30), st.integers(1, 4))
def test_order_and_files_do_not_matter(made, seed, files):
    before = answers(made)
    made.case.events_ = spread(made.case.events_, seed, files)
    after = answers(made)
    assert after == before


@settings(max_examples=25, deadline=None)
@given(logs())
def test_a_copy_of_the_logs_changes_no_row_but_the_records(made):
    before, _ = answers(made)
    made.case.events_ += [moved(one, "e" * 64, one.locator) for one in made.case.events_]
    after, _ = answers(made)
    for name, rows in before.items():
        assert [row | {"records": 0} for row in after[name]] == [row | {"records": 0} for row in rows], name


@pytest.mark.parametrize("seed", range(3))
def test_a_real_recording_in_any_order(shared_data, seed):
    from memory_case import MemoryCase, parsed

    from collectors.parsers.evtx.parser import EvtxParser

    made = Logs()
    name = "remote_task_update_4624_4702_same_logonid"
    path = shared_data / "evtx" / "attack" / "Lateral_Movement" / f"{name}.evtx"
    made.case = parsed(MemoryCase(live=False, collected=None, host=""), path, EvtxParser(), path.name)
    before = answers(made)
    made.case.events_ = spread(made.case.events_, seed, 3)
    assert answers(made) == before
