"""Attack recordings held to the tables: what each is about, in which row, with which words.

The recordings are real (EVTX-ATTACK-SAMPLES); the parser is the real one. None of those that are here holds 7045,
TaskScheduler, Defender or LocalSessionManager records: these are held to their documented fields elsewhere.
"""

from __future__ import annotations

import pytest
from memory_case import MemoryCase, parsed

from forensics.answers.tables import tables

RDP, LM, PRIV, CRED, EVADE = (
    "Command_and_Control/", "Lateral_Movement/", "Privilege_Escalation/", "Credential_Access/", "Defense_Evasion/",
)  # fmt: skip
ADMIN = "EXAMPLE\\admin01"
#: recording, table -> number of rows, what one row has
HELD = {
    (RDP + "DE_RDP_Tunneling_4624", "sessions"): (10, {"user": "PC02\\IEUser", "how": "remote desktop"}),
    (RDP + "DE_RDP_Tunneling_4624", "rdp"): (1, {"source": "127.0.0.1", "direction": "in", "id": "0x45120"}),
    (RDP + "DE_RDP_Tunnel_5156", "rdp"): (1, {"user": ADMIN, "source": "127.0.0.1", "elevated": "yes"}),
    (RDP + "DE_RDP_Tunnel_5156", "lateral"): (3, {"source": "pc02", "account": ADMIN, "protocol": "network logon"}),
    (CRED + "CA_4624_4625_LogonType2_LogonProc_chrome", "sessions"): (
        2, {"user": "MSEDGEWIN10\\IEUser", "how": "interactive", "process": "C:\\Program Files (x86)\\Google\\Chrome"
            "\\Application\\chrome.exe"}),
    (PRIV + "4624_LT3_AnonymousLogon_Localhost_-_JuicyPotato", "sessions"): (
        1, {"end": "logoff", "duration": 1, "records": 2, "source": "127.0.0.1"}),
    (PRIV + "Invoke_TokenDuplication_UAC_Bypass4624", "sessions"): (
        1, {"how": "new credentials", "user": "MSEDGEWIN10\\IEUser"}),
    (CRED + "tutto_malseclogon", "sessions"): (1, {"how": "new credentials", "elevated": "yes"}),
    (PRIV + "Runas_4624_4648_Webshell_CreateProcessAsUserA", "sessions"): (
        2, {"user": "MSEDGEWIN10\\svc01", "id": "0x10b6b3", "started": None, "end": "unknown"}),
    (PRIV + "privesc_KrbRelayUp_windows_4624", "sessions"): (
        1, {"source": "127.0.0.1", "elevated": "yes", "how": "network"}),
    (PRIV + "privexchange_dirkjan", "sessions"): (3, {"user": "ICORP\\EXCHANGE$", "source": "192.168.111.87"}),
    (PRIV + "privexchange_dirkjan", "lateral"): (1, {"source_name": "exchange", "protocol": "network logon"}),
    (LM + "remote_task_update_4624_4702_same_logonid", "tasks"): (
        1, {"what": "updated", "task": "\\LMST", "command": "cmd.exe /c echo testing > c:\\users\\public\\out.txt",
            "author": "a-jbrown", "run_as": "SYSTEM"}),
    (LM + "remote_task_update_4624_4702_same_logonid", "lateral"): (
        3, {"protocol": "task updated", "source": "172.16.66.142", "source_name": "04246w-win10"}),
    (LM + "LM_5145_Remote_FileCopy", "lateral"): (1, {"protocol": "share C$", "count": 869, "source": "10.0.2.15"}),
    (LM + "LM_REMCOM_5145_TargetHost", "lateral"): (2, {"details": ["System32\\RemComSvc.exe"]}),
    (LM + "LM_renamed_psexecsvc_5145", "lateral"): (6, {"protocol": "share ADMIN$", "details": ["blabla.exe"]}),
    (LM + "spoolsample_5145", "lateral"): (1, {"protocol": "pipe: print spooler", "source": "10.0.2.17"}),
    (LM + "smbmap_upload_exec_sysmon", "lateral"): (1, {"target": "10.0.2.18", "protocol": "connection: SMB"}),
    (LM + "LM_winrm_target_wrmlogs_91_wsmanShellStarted_poorLog", "lateral"): (
        1, {"source": "(not recorded)", "protocol": "WinRM", "target": "dc1.insecurebank.local"}),
    (LM + "RemotePowerShell_MS_Windows-Remote_Management_EventID_169", "lateral"): (
        1, {"protocol": "WinRM", "account": "iewin7\\ieuser", "count": 3}),
    ("Discovery/discovery_psloggedon", "lateral"): (3, {"protocol": "pipe: registry", "source": "10.0.2.17"}),
    ("Discovery/discovery_bloodhound", "lateral"): (6, {"protocol": "pipe: account database", "count": 4}),
    ("Discovery/discovery_sysmon_3_Invoke_UserHunter_SourceMachine", "lateral"): (
        7, {"source": "alice.insecurebank.local", "target": "10.59.4.11"}),
    (EVADE + "DE_Fake_ComputerAccount_4720", "account-changes"): (
        2, {"what": "account created", "user": "3B\\$", "flags": "created, looks-like-machine"}),
    ("Persistence/Network_Service_Guest_added_to_admins_4732", "account-changes"): (
        2, {"what": "member added", "user": "S-1-5-20", "group": "Builtin\\Administrators"}),
    ("Persistence/persistence_security_dcshadow_4742", "account-changes"): (
        3, {"what": "account changed", "user": "insecurebank\\ALICE$", "by": "insecurebank\\Administrator"}),
    (PRIV + "samaccount_spoofing_CVE-2021-42287_CVE-2021-42278_DC_securitylogs", "account-changes"): (
        8, {"what": "account renamed", "detail": "before: DC012$", "user": "3B\\01566s-win16-ir"}),
    (CRED + "Powershell_4104_MiniDumpWriteDump_Lsass", "powershell"): (
        1, {"kind": "script block", "parts": "1 of 1 parts"}),
    (CRED + "phish_windows_credentials_powershell_scriptblockLog_4104", "powershell"): (2, {"kind": "script block"}),
    (CRED + "discovery_sysmon_1_iis_pwd_and_config_discovery_appcmd", "powershell"): (
        1, {"kind": "command line", "user": "IIS APPPOOL\\DefaultAppPool"}),
    ("Other/emotet/exec_emotet_ps_800_get-item", "powershell"): (1, {"kind": "engine", "host": "desktop-ripclip"}),
    ("Other/rdpcorets_148_mst120_bluekeep_rpdscan_full", "rdp"): (
        2, {"source": "10.0.2.17", "how": "connection to the listener", "records": 15}),
    (PRIV + "sysmon_13_1_meterpreter_getsystem_NamedPipeImpersonation", "services"): (
        3, {"service": "msdhch", "command": "cmd.exe /c echo msdhch > \\\\.\\pipe\\msdhch"}),
    ("Persistence/persist_valid_account_guest_rid_hijack", "services"): (
        2, {"service": "PSEXESVC", "flags": "service, known-tool"}),
    ("AutomatedTestingTools/PanacheSysmon_vs_AtomicRedTeam01", "services"): (
        6, {"service": "AtomicTestService", "what": "program set in the registry"}),
}  # fmt: skip
#: what the decoded text of a recording holds
DECODED = {
    CRED + "discovery_sysmon_1_iis_pwd_and_config_discovery_appcmd": '$path_in_module="C:\\Windows\\Temp\\6jrxk3',
    CRED + "phish_windows_credentials_powershell_scriptblockLog_4104": "PromptForCredential(",
}
FILES = sorted({name for name, _ in HELD})
_CASES: dict[str, MemoryCase] = {}


def recording(shared_data, name):
    from collectors.parsers.evtx.parser import EvtxParser

    if name not in _CASES:
        path = shared_data / "evtx" / "attack" / f"{name}.evtx"
        _CASES[name] = parsed(MemoryCase(live=False, collected=None, host=""), path, EvtxParser(), path.name)
    return _CASES[name]


def test_enough_recordings_are_held():
    assert len(FILES) >= 25


@pytest.mark.parametrize(("name", "table"), HELD, ids=lambda word: word.rpartition("/")[2][:40])
def test_a_recording_is_what_its_table_says(shared_data, name, table):
    case, (count, wanted) = recording(shared_data, name), HELD[name, table]
    rows = list(tables(case)[table])
    assert len(rows) == count
    assert any(wanted.items() <= row.items() for row in rows), [{key: row[key] for key in wanted} for row in rows]
    places = {f"{event.content}:{event.locator}" for event in case.events_}
    assert all(row["records"] >= len(row["refs"]) > 0 and set(row["refs"]) <= places for row in rows)


@pytest.mark.parametrize("name", DECODED)
def test_what_a_recording_hides_is_decoded(shared_data, name):
    rows = list(tables(recording(shared_data, name))["powershell"])
    assert any(DECODED[name] in text for row in rows for text in row["decoded"])
