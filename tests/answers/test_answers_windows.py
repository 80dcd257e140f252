"""The EVTX attack recordings: what each is about appears among the findings or in the tables.

The recordings are real; the parser is the real one. What does not appear, and why: recordings of
Sysmon's process access, image loads, pipes and remote threads (5, 7, 8, 10, 17, 18) are for rules that
know each attack (Sigma), not for these answers; MSSQL, ESENT, BITS and RPC channels carry no action yet;
DCSync, DCShadow and share access (4662, 4742, 5145) are in the events and in no answer.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from memory_case import MemoryCase, parsed

from forensics.answers.run import run_all

#: recording -> (answer, rule, words of the title, level)
APPEARS = {
    "Command_and_Control/DE_RDP_Tunneling_4624": ("logons", "remote", "from 127.0.0.1, remote desktop", "warning"),
    "Command_and_Control/DE_RDP_Tunnel_5156": ("gaps", "cleared", "EXAMPLE\\admin01", "alert"),
    "Defense_Evasion/DE_104_system_log_cleared": (
        "gaps", "cleared", "log System cleared by EXAMPLE\\user01", "warning"),
    "Discovery/discovery_psloggedon": ("gaps", "cleared", "the Security log was cleared", "alert"),
    "Defense_Evasion/DE_Fake_ComputerAccount_4720": ("accounts", "created", "created by 01566S-WIN16-IR$", "warning"),
    "Persistence/Network_Service_Guest_added_to_admins_4732": (
        "accounts", "group", "added to local group Administrators", "warning"),
    "Persistence/persistence_hidden_local_account_sysmon": ("accounts", "created", "hideme0007$", "warning"),
    "Persistence/sysmon_local_account_creation_and_added_admingroup_12_13": (
        "accounts", "group", "Administrators", "warning"),
    "Persistence/persist_valid_account_guest_rid_hijack": ("accounts", "changed", "relative id 501", "alert"),
    "Credential_Access/Sysmon_13_Local_Admin_Password_Changed": ("accounts", "changed", "relative id 500", "notice"),
    "Privilege_Escalation/samaccount_spoofing_CVE-2021-42287_CVE-2021-42278_DC_securitylogs": (
        "accounts", "changed", "DC012$ renamed to", "warning"),
    "Persistence/wmighost_sysmon_20_21_1": ("persistence", "wmi", "ProbeScriptFint", "warning"),
    "Persistence/persistence_sysmon_11_13_1_shime_appfix": ("persistence", "run-key", "AppCompatFlags", "warning"),
    "AutomatedTestingTools/Malware/sideloading_injection_persistence_run_key": (
        "persistence", "run-key", "Tendyron", "warning"),
    "Lateral_Movement/lateral_movement_startup_3_11": ("persistence", "startup-file", "onedrive.exe", "warning"),
    "Lateral_Movement/remote_task_update_4624_4702_same_logonid": ("persistence", "task", "\\LMST: cmd.exe", "warning"),
    "Execution/exec_persist_rundll32_mshta_scheduledtask_sysmon_1_3_11": ("persistence", "task", "MSOFFICE_", "notice"),
    "Lateral_Movement/remote_file_copy_system_proc_file_write_sysmon_11": (
        "remote-tools", "present", "PsExec", "notice"),
    "Lateral_Movement/smbmap_upload_exec_sysmon": ("commands", "seen", "was run from another host", "warning"),
    "AutomatedTestingTools/PanacheSysmon_vs_AtomicRedTeam01": ("commands", "seen", "deletes shadow copies", "alert"),
    "Credential_Access/sysmon_10_1_memdump_comsvcs_minidump": ("commands", "seen", "takes credentials", "alert"),
    "Credential_Access/Powershell_4104_MiniDumpWriteDump_Lsass": ("commands", "seen", "takes credentials", "alert"),
    "Privilege_Escalation/privesc_roguepotato_sysmon_17_18": ("commands", "seen", "connects a shell", "alert"),
    "Privilege_Escalation/Invoke_TokenDuplication_UAC_Bypass4624": ("logons", "remote", "new credentials", "notice"),
    "Lateral_Movement/RemotePowerShell_MS_Windows-Remote_Management_EventID_169": (
        "logons", "remote", "iewin7\\ieuser", "notice"),
}  # fmt: skip
#: recording -> rows of the table of logons
LOGONS = {
    "Command_and_Control/DE_RDP_Tunneling_4624": 18,
    "Credential_Access/CA_4624_4625_LogonType2_LogonProc_chrome": 4,
    "Credential_Access/kerberos_pwd_spray_4771": 2,
    "Privilege_Escalation/privesc_KrbRelayUp_windows_4624": 1,
    "Privilege_Escalation/privexchange_dirkjan": 3,
    "Lateral_Movement/remote_task_update_4624_4702_same_logonid": 6,
}


def recording(shared_data: Path, name: str) -> MemoryCase:
    from collectors.parsers.evtx.parser import EvtxParser

    path = shared_data / "evtx" / "attack" / f"{name}.evtx"
    return parsed(
        MemoryCase(live=False, collected=None), path, EvtxParser(), f"Windows/System32/winevt/Logs/{path.name}"
    )


@pytest.mark.parametrize("name", APPEARS)
def test_what_the_recording_is_about_appears(shared_data, name):
    answer, rule, words, level = APPEARS[name]
    case = recording(shared_data, name)
    found = [
        one
        for one in run_all(case).findings
        if (one.by, one.rule) == (f"answers.{answer}", rule) and words in one.title
    ]
    assert found, [one.title for one in run_all(case).findings]
    assert found[0].level == level and found[0].not_proof
    known = {event.event_id for event in case.events_}
    assert {ref.event_id for ref in found[0].refs} <= known, "each place is a record of the log"


@pytest.mark.parametrize("name", LOGONS)
def test_logons_of_the_recording_are_in_the_table(shared_data, name):
    rows = list(run_all(recording(shared_data, name)).tables["logons"])
    assert len(rows) == LOGONS[name] and all(row["user"] and row["how"] is not None and row["ts"] for row in rows)


def test_services_that_logs_tell_of():
    """No recording here holds 7045 or 4697; so the fields are those of the events' documentation."""
    from forensics.answers.persistence_windows import WindowsPersistence

    case = MemoryCase()
    for name, path in (
        ("BTOBTO", "%COMSPEC% /Q /c echo cd ^> \\\\127.0.0.1\\C$\\__output 2^>^&1 > %TEMP%\\execute.bat"),
        ("PSEXESVC", "%SystemRoot%\\PSEXESVC.exe"),
        ("Vendor Update", '"C:\\Program Files\\Vendor\\update.exe" /svc'),
    ):
        data = {"ServiceName": name, "ImagePath": path, "StartType": "demand start", "AccountName": "LocalSystem"}
        attrs = {"Event": {"System": {"EventID": 7045, "Channel": "System"}, "EventData": data}}
        case.event("service-installed", "windows.evtx", ts=5, attrs=attrs)
    found = [one for one in WindowsPersistence().run(case) if hasattr(one, "level")]
    levels = {one.attrs["name"]: one.level for one in found}
    assert levels == {"BTOBTO": "alert", "PSEXESVC": "warning", "Vendor Update": "notice"}


def test_task_files_and_startup_folders():
    from forensics.answers.persistence_windows import WindowsPersistence

    case = MemoryCase()
    xml = "<Task><Actions><Exec><Command>{}</Command><Arguments>{}</Arguments></Exec></Actions></Task>"
    tasks = "/Windows/System32/Tasks/"
    case.file(
        f"{tasks}Microsoft/Windows/Defrag/ScheduledDefrag",
        xml.format("%windir%\\system32\\defrag.exe", "-c").encode("utf-16"),
    )
    evil = case.file(f"{tasks}upd", xml.format("powershell.exe", "-enc SQBFAFgAIAAoAE4AZQB3AC0A").encode("utf-16"))
    start = "/Users/al/AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Startup/"
    lnk = case.file(f"{start}a.lnk", b"L")
    case.file(f"{start}desktop.ini", b"[x]")
    found = {one.rule: one for one in WindowsPersistence().run(case) if hasattr(one, "level")}
    assert set(found) == {"task", "startup-file"}
    assert found["task"].refs[0].content == evil.sha256 and "encoded" in found["task"].attrs["reasons"]
    assert found["startup-file"].level == "notice" and found["startup-file"].refs[0].content == lnk.sha256
