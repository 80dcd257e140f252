"""The rules that ship: every one compiles, fires on its events and is silent on the others."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sample_records import SAMPLES, records

from forensics.detect.ast import Rule, RuleSet
from forensics.detect.fast.engine import Engine
from forensics.detect.reference import matches
from forensics.detect.rules import load_packs
from forensics.detect.view import view_of
from forensics.scan.folder import own_pack


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    return load_packs([own_pack("sigma")]).ruleset


def samples() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(SAMPLES.glob("*.yml")):
        yield from yaml.safe_load(path.read_text("utf-8")).items()


def fired(ruleset: RuleSet, record: dict[str, Any]) -> set[str]:
    return {rule.name for rule in ruleset.rules if matches(rule, view_of(record))}


def test_own_pack_compiles_whole(ruleset: RuleSet) -> None:
    assert ruleset.problems == ()
    assert len(ruleset.rules) >= 60
    assert {one.type for one in ruleset.correlations} >= {"event_count", "value_count", "temporal_ordered"}


def test_own_rules_say_what_they_are(ruleset: RuleSet) -> None:
    for one in (*ruleset.rules, *ruleset.correlations):
        assert one.title and one.description and one.falsepositives and one.level, one.file
        assert any(tag.startswith("attack.") for tag in one.tags), one.file
    assert len({one.id for one in (*ruleset.rules, *ruleset.correlations)}) == len(ruleset.rules) + len(
        ruleset.correlations
    )


def test_every_rule_has_both_kinds_of_samples(ruleset: RuleSet) -> None:
    known = dict(samples())
    assert set(known) == {rule.name for rule in ruleset.rules}
    assert all(one["fires"] and one["silent"] for one in known.values())


@pytest.mark.parametrize(("name", "sample"), list(samples()), ids=[name for name, _ in samples()])
def test_own_rule_on_its_samples(ruleset: RuleSet, name: str, sample: dict[str, Any]) -> None:
    engine = Engine(ruleset)
    by_name: dict[str, Rule] = {rule.name: rule for rule in ruleset.rules}
    for kind, expected in (("fires", True), ("silent", False)):
        for event in sample[kind]:
            for record in records(event):
                assert matches(by_name[name], view_of(record)) is expected, (kind, event)
                fast = {ruleset.rules[index].name for index in engine.match(json.dumps(record))}
                assert fast == fired(ruleset, record), (kind, event)


#: rule -> a recording of EVTX-ATTACK-SAMPLES that it must fire on
RECORDINGS = (
    ("account_hidden_created", "DE_Fake_ComputerAccount_4720.evtx"),
    ("code_signing_check_off", "DE_KernelDebug_and_TestSigning_ON_Security_4826.evtx"),
    ("credentials_typed_elsewhere", "tutto_malseclogon.evtx"),
    ("debugger_set", "PanacheSysmon_vs_AtomicRedTeam01.evtx"),
    ("hives_saved", "PanacheSysmon_vs_AtomicRedTeam01.evtx"),
    ("impacket_output", "smbmap_upload_exec_sysmon.evtx"),
    ("injected_thread", "de_unmanagedpowershell_psinject_sysmon_7_8_10.evtx"),
    ("installer_from_web", "rogue_msi_url_1040_1042.evtx"),
    ("kerberos_preauth_failed", "kerberos_pwd_spray_4771.evtx"),
    ("log_cleared", "DE_104_system_log_cleared.evtx"),
    ("logon_failed", "CA_4624_4625_LogonType2_LogonProc_chrome.evtx"),
    ("lolbin_download", "PanacheSysmon_vs_AtomicRedTeam01.evtx"),
    ("lsass_access", "tutto_malseclogon.evtx"),
    ("lsass_dump_comsvcs", "sysmon_10_1_memdump_comsvcs_minidump.evtx"),
    ("lsass_dump_tool", "PanacheSysmon_vs_AtomicRedTeam01.evtx"),
    ("machine_account_renamed", "samaccount_spoofing_CVE-2021-42287_CVE-2021-42278_DC_securitylogs.evtx"),
    ("minidump_script", "Powershell_4104_MiniDumpWriteDump_Lsass.evtx"),
    ("mssql_shell_enabled", "LM_xp_cmdshell_MSSQL_Events.evtx"),
    ("ntds_copied", "PanacheSysmon_vs_AtomicRedTeam01.evtx"),
    ("pipe_impersonation", "sysmon_13_1_meterpreter_getsystem_NamedPipeImpersonation.evtx"),
    ("powershell_encoded", "discovery_sysmon_1_iis_pwd_and_config_discovery_appcmd.evtx"),
    ("printer_driver_written", "privesc_spoolsv_spl_file_write_sysmon11.evtx"),
    ("privileged_group_member_added", "Network_Service_Guest_added_to_admins_4732.evtx"),
    ("program_copied_over_share", "smbmap_upload_exec_sysmon.evtx"),
    ("proxy_programs", "Sysmon_Exec_CompiledHTML.evtx"),
    ("psexec_child", "sysmon_privesc_psexec_dwell.evtx"),
    ("psexec_pipe", "sysmon_privesc_psexec_dwell.evtx"),
    ("rdp_through_tunnel", "DE_RDP_Tunnel_5156.evtx"),
    ("recovery_switched_off", "PanacheSysmon_vs_AtomicRedTeam01.evtx"),
    ("remote_command_pipe", "DE_renamed_psexec_service_sysmon_17_18.evtx"),
    ("remote_command_share", "LM_renamed_psexecsvc_5145.evtx"),
    ("remote_logon_succeeded", "remote_task_update_4624_4702_same_logonid.evtx"),
    ("run_key_suspicious", "PanacheSysmon_vs_AtomicRedTeam01.evtx"),
    ("rundll32_proxy", "LM_wmi_PoisonHandler_Mr-Un1k0d3r_sysmon_1_13.evtx"),
    ("sam_account_key_written", "persist_valid_account_guest_rid_hijack.evtx"),
    ("schtasks_command", "PanacheSysmon_vs_AtomicRedTeam01.evtx"),
    ("script_from_user_folder", "sysmon_1_11_rundll32_cpl_ostap.evtx"),
    ("script_logging_off", "de_PsScriptBlockLogging_disabled_sysmon12_13.evtx"),
    ("security_log_cleared", "DE_RDP_Tunnel_5156.evtx"),
    ("shadow_copies_deleted", "PanacheSysmon_vs_AtomicRedTeam01.evtx"),
    ("startup_folder_file", "lateral_movement_startup_3_11.evtx"),
    ("uac_child", "Sysmon_UACME_45.evtx"),
    ("uac_off", "DE_UAC_Disabled_Sysmon_12_13.evtx"),
    ("uac_registry", "Sysmon_UACME_53.evtx"),
    ("web_shell_child", "LM_typical_IIS_webshell_sysmon_1_10_traces.evtx"),
    ("winrs_child", "LM_winrm_exec_sysmon_1_winrshost.evtx"),
    ("wmi_consumer", "wmighost_sysmon_20_21_1.evtx"),
    ("wmi_spawned_shell", "smbmap_upload_exec_sysmon.evtx"),
)


def test_own_rules_on_recordings(ruleset: RuleSet, shared_data: Path) -> None:
    import evtx

    engine = Engine(ruleset)
    where = defaultdict(set)
    for path in (shared_data / "evtx" / "attack").rglob("*.evtx"):
        if path.name in {name for _, name in RECORDINGS}:
            for one in evtx.PyEvtxParser(str(path)).records_json():
                for index in engine.match(one["data"]):
                    where[ruleset.rules[index].name].add(path.name)
    assert [(rule, name) for rule, name in RECORDINGS if name not in where[rule]] == []
