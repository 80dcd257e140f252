"""Sessions joined by logon id and computer: beginnings, ends, rights, breaks; nothing joined by guess."""

from __future__ import annotations

import pytest
from memory_case import MemoryCase
from windows_events import CLIENT, CORE, LSM, RCM, Logs

from forensics.answers import marks, sessions
from forensics.answers.run import run_all
from forensics.answers.session import MAX_LISTED
from forensics.answers.tables import tables


def logoff(logs, seconds, id, user="alice", event=4634, **more):
    data = {"TargetUserName": user, "TargetDomainName": "CORP", "TargetLogonId": id, "LogonType": 10}
    return logs.add(seconds, "Security", event, data, **more)


def privileges(logs, seconds, id, user="alice"):
    data = {"SubjectUserName": user, "SubjectDomainName": "CORP", "SubjectLogonId": id, "PrivilegeList": "SeDebug"}
    return logs.add(seconds, "Security", 4672, data)


def session(row):
    return row["id"], row["duration"], row["end"].partition(" (")[0], row["elevated"]


def test_logon_rights_credentials_and_logoff_are_one_session():
    logs = Logs()
    logs.logon(0, "0x5A1", ip="203.0.113.9", station="EVIL")
    privileges(logs, 0, "0x5a1")
    explicit = {
        "SubjectUserName": "alice", "SubjectDomainName": "CORP", "SubjectLogonId": "0x5a1", "TargetUserName": "adm",
        "TargetDomainName": "CORP", "TargetServerName": "srv2", "ProcessName": "C:\\Windows\\System32\\runas.exe",
    }  # fmt: skip
    logs.add(60, "Security", 4648, explicit)
    logoff(logs, 3599, "0x5a1", event=4647)
    logoff(logs, 3600, "0x5a1")
    (row,) = logs.rows("sessions")
    assert session(row) == ("0x5a1", 3600, "logoff", "yes") and row["user"] == "CORP\\alice"
    assert (row["source"], row["workstation"], row["how"]) == ("203.0.113.9", "EVIL", "remote desktop")
    assert row["credentials"] == ["CORP\\adm for srv2 (C:\\Windows\\System32\\runas.exe)"]
    assert row["records"] == 5 and len(row["refs"]) == 5 and row["state"] == ""
    (found,) = logs.found("sessions", "outside")
    assert found.level == "warning" and set(found.attrs["reasons"]) == {"from-outside", "elevated-session"}
    assert len(found.refs) == 5


def test_credentials_beyond_the_bound_are_counted():
    logs = Logs()
    logs.logon(0, "0x1")
    for number in range(MAX_LISTED + 3):
        data = {"SubjectLogonId": "0x1", "TargetUserName": f"u{number}", "TargetServerName": "srv"}
        logs.add(1 + number, "Security", 4648, data)
    (row,) = logs.rows("sessions")
    assert len(row["credentials"]) == MAX_LISTED + 1 and row["credentials"][-1] == "3 more uses"


def test_a_logoff_alone_and_privileges_alone_are_rows_with_what_is_known():
    logs = Logs()
    logoff(logs, 10, "0x9")
    privileges(logs, 20, "0xa", "bob")
    first, second = logs.rows("sessions")
    assert (first["started"], first["end"], first["user"]) == (None, "logoff", "CORP\\alice") and first["ended"]
    assert (second["started"], second["end"], second["elevated"]) == (None, "unknown", "yes")


def test_a_start_ends_what_was_open_and_logon_ids_begin_anew():
    logs = Logs()
    logs.logon(0, "0x100")
    logs.logon(5, "0x200", kind=3)
    logs.add(100, "System", 13, {"StopTime": "x"}, provider="Microsoft-Windows-Kernel-General")
    logs.add(160, "System", 12, {"StartTime": "x"}, provider="Microsoft-Windows-Kernel-General")
    logs.add(170, "Security", 4608, {})
    logs.add(175, "System", 6005, {}, provider="EventLog")
    logs.logon(172, "0x100", "bob")
    rows = {(row["id"], row["user"]): row for row in logs.rows("sessions")}
    assert len(rows) == 3
    assert session(rows["0x100", "CORP\\alice"]) == ("0x100", 100, "reboot", "unknown")
    assert rows["0x200", "CORP\\alice"]["duration"] == 95
    # the session that begins between the kernel's record and the log service's is of the new start
    assert rows["0x100", "CORP\\bob"]["end"].startswith("open at the log's end")


def test_the_same_logon_id_on_two_computers_is_two_sessions():
    logs = Logs()
    logs.logon(0, "0x1", computer="A")
    logs.logon(1, "0x1", "bob", computer="B")
    logoff(logs, 9, "0x1", "bob", computer="B")
    assert [(row["host"], row["end"][:6]) for row in logs.rows("sessions")] == [("a", "open a"), ("b", "logoff")]


def test_a_number_given_again_without_a_start_is_said():
    logs = Logs()
    logs.logon(0, "0x1")
    logs.logon(500, "0x1", "bob")
    ends = {row["user"]: row["end"] for row in logs.rows("sessions")}
    assert ends["CORP\\alice"] == "unknown: its number was given again" and ends["CORP\\bob"].startswith("open")


def test_a_cleared_log_may_hold_the_end():
    logs = Logs()
    logs.logon(0, "0x1")
    logs.add(9, "Security", 1102, {"SubjectUserName": "eve"}, provider="Microsoft-Windows-Eventlog")
    (row,) = logs.rows("sessions")
    assert "cleared" in row["notes"][0] and row["ended"] is None


def test_the_two_halves_of_an_elevated_logon_are_one_row():
    logs = Logs()
    logs.logon(0, "0x10", kind=2, linked="0x11", token="%%1842")
    logs.logon(0, "0x11", kind=2, linked="0x10", token="%%1843")
    logoff(logs, 50, "0x11")
    logoff(logs, 51, "0x10")
    (row,) = logs.rows("sessions")
    assert row["elevated"] == "yes" and row["duration"] == 51 and {row["id"], row["linked"]} == {"0x10", "0x11"}


def test_undated_records_borrow_no_time():
    logs = Logs()
    logs.logon(0, "0x1")
    logoff(logs, None, "0x1")
    dated, undated = logs.rows("sessions")
    assert dated["ended"] is None and dated["end"].startswith("open")
    assert undated["ts"] is None and undated["ended"] is None and "undated" in undated["notes"][0]


def test_copies_of_a_record_are_cited_and_counted_once():
    logs = Logs()
    for content in ("a" * 64, "b" * 64):
        logs.logon(0, "0x1", content=content, number=77)
        logoff(logs, 9, "0x1", content=content, number=78)
    (row,) = logs.rows("sessions")
    assert row["records"] == 4 and {ref[:1] for ref in row["refs"]} == {"a", "b"}


def test_what_was_recovered_is_marked():
    logs = Logs()
    logs.logon(0, "0x1", state="recovered", parser="windows.evtx-residual", attrs={"class": "A1"})
    assert logs.rows("sessions")[0]["state"] == "recovered A1"
    logoff(logs, 9, "0x1")
    assert logs.rows("sessions")[0]["state"] == "partly recovered A1"
    assert logs.rows("logons")[0]["state"] == "recovered A1"


def terminal(logs, seconds, id, number, user="CORP\\alice", address="10.0.0.7", **more):
    data = {"User": user, "SessionID": number, "Address": address}
    return logs.add(seconds, LSM, id, data, user_data=True, **more)


def test_one_remote_desktop_session_over_five_logs():
    logs = Logs()
    logs.add(0, CORE, 131, {"ConnType": "TCP", "ClientIP": "10.0.0.7:50123"})
    logs.add(3, RCM, 1149, {"Param1": "alice", "Param2": "CORP", "Param3": "10.0.0.7"}, user_data=True)
    logs.logon(4, "0x77", ip="10.0.0.7")
    terminal(logs, 5, 21, 3)
    terminal(logs, 6, 22, 3)
    terminal(logs, 600, 24, 3)
    left = {"AccountName": "alice", "AccountDomain": "CORP", "LogonID": "0x77", "ClientAddress": "10.0.0.7"}
    logs.add(601, "Security", 4779, left | {"SessionName": "RDP-Tcp#1", "ClientName": "KALI"})
    terminal(logs, 900, 25, 3, address="198.51.100.1")
    terminal(logs, 1800, 23, 3, address="")
    (row,) = logs.rows("rdp")
    assert row["records"] == 9 and row["end"] == "logoff" and row["duration"] == 1796
    assert (row["source"], row["user"], row["terminal"], row["id"]) == ("10.0.0.7", "CORP\\alice", "3", "0x77")
    assert [text[20:] for text in row["breaks"]] == [
        "disconnected 10.0.0.7", "disconnected 10.0.0.7", "reconnected 198.51.100.1",
    ]  # fmt: skip
    assert len(logs.rows("sessions")) == 1
    (moved,) = logs.found("sessions", "moved")
    assert moved.level == "warning" and "198.51.100.1" in moved.title


def test_remote_desktop_without_a_session():
    logs = Logs()
    for seconds in (0, 1, 2):
        logs.add(seconds, CORE, 131, {"ConnType": "TCP", "ClientIP": "198.51.100.8:5000"})
    logs.add(5, CORE, 140, {"IPString": "198.51.100.9"})
    logs.add(9, RCM, 1149, {"Param1": "bob", "Param2": "CORP", "Param3": "198.51.100.9"}, user_data=True)
    logs.add(20, CLIENT, 1024, {"Name": "Server Name", "Value": "srv9"})
    logs.add(21, CLIENT, 1102, {"Name": "Server Name", "Value": "srv9"})
    rows = logs.rows("rdp")
    assert [(row["direction"], row["how"].partition(":")[0], row["records"]) for row in rows] == [
        ("in", "connection to the listener", 3), ("in", "refused", 1),
        ("in", "remote desktop, 1149 alone", 1), ("out", "remote desktop client", 2),
    ]  # fmt: skip
    assert rows[0]["source"] == "198.51.100.8" and rows[3]["target"] == "srv9"


def test_a_session_that_was_left_says_so():
    logs = Logs()
    terminal(logs, 0, 21, 2)
    terminal(logs, 9, 24, 2)
    (row,) = logs.rows("rdp")
    assert row["end"].startswith("disconnected; nothing more to the log's end (to 2024-03-01T10:00:09 UTC)")


def test_linux_sessions_by_process_and_line():
    case = MemoryCase()

    def auth(seconds, action, pid, **more):
        attrs = {"host": "web1", "program": "sshd", "pid": str(pid), **more.pop("attrs", {})}
        case.event(action, ts=seconds * 10**9, process="sshd", attrs=attrs, **more)

    auth(1, "logon", 100, user="bob", src_ip="203.0.113.5", attrs={"method": "publickey"})
    auth(1, "session-opened", 100, user="bob")
    auth(50, "session-closed", 100, user="bob")
    auth(60, "session-closed", 222, user="eve")
    auth(70, "disconnected", 900, src_ip="203.0.113.5")
    for action, ts, line in (("logon", 5, "pts/0"), ("logoff", 45, "pts/0"), ("logon", 80, "pts/1")):
        case.event(action, "linux.utmp", ts=ts * 10**9, user="bob" if action == "logon" else "", attrs={"line": line})
    case.event("system-start", "linux.utmp", ts=200 * 10**9)
    rows = {(row["kind"], row["id"]): row for row in tables(case)["sessions"]}
    assert (rows["ssh", "100"]["duration"], rows["ssh", "100"]["records"]) == (49, 3)
    assert rows["ssh", "222"]["started"] is None and rows["ssh", "222"]["end"] == "logoff"
    assert rows["wtmp", "pts/0"]["duration"] == 40 and rows["wtmp", "pts/1"]["end"] == "reboot"
    assert len(rows) == 4
    (found,) = [one for one in run_all(case).findings if (one.by, one.rule) == ("answers.sessions", "outside")]
    assert "203.0.113.5" in found.title and found.not_proof


def test_bounds_are_said(monkeypatch):
    logs = Logs()
    for number in range(30):
        logs.logon(number, hex(number + 1), f"u{number}")
    monkeypatch.setattr(marks, "MAX_MARKS", 20)
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 15)
    table = tables(logs.case)["sessions"]
    assert len(list(table)) == 15 and "15 further records" in table.notes[0]
    assert any(one.answer == "answers.sessions" and "15 further" in one.reason
               for one in run_all(logs.case).not_evaluated)  # fmt: skip


def test_no_log_is_not_evaluated():
    case = MemoryCase()
    reasons = {one.answer for one in run_all(case).not_evaluated}
    assert {"answers.sessions", "answers.account-changes"} <= reasons
    assert tables(case)["sessions"].missing and not list(tables(case)["sessions"])


@pytest.mark.parametrize("id", ["", "0x", "zz", "-1", "9" * 300])
def test_logon_ids_of_any_form_are_kept_apart_and_raise_nothing(id):
    logs = Logs()
    logs.logon(0, id or "-")
    logoff(logs, 5, id or "-")
    (row,) = logs.rows("sessions")
    assert row["end"] == "logoff"
