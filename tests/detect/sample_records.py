"""Windows records in the shape that ``evtx`` gives them, made from a few words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).with_name("samples")
#: word -> provider, channel, the element of UserData ("" = the fields stand in EventData)
LOGS: dict[str, tuple[str, str, str]] = {
    "security": ("Microsoft-Windows-Security-Auditing", "Security", ""),
    "security-eventlog": ("Microsoft-Windows-Eventlog", "Security", "LogFileCleared"),
    "system": ("Service Control Manager", "System", ""),
    "system-eventlog": ("Microsoft-Windows-Eventlog", "System", "LogFileCleared"),
    "scm": ("Service Control Manager", "System", ""),
    "sysmon": ("Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational", ""),
    "ps": ("Microsoft-Windows-PowerShell", "Microsoft-Windows-PowerShell/Operational", ""),
    "defender": ("Microsoft-Windows-Windows Defender", "Microsoft-Windows-Windows Defender/Operational", ""),
    "lsm": (
        "Microsoft-Windows-TerminalServices-LocalSessionManager",
        "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
        "EventXML",
    ),
    "wmi": (
        "Microsoft-Windows-WMI-Activity", "Microsoft-Windows-WMI-Activity/Operational",
        "Operation_ESStoConsumerBinding",
    ),
    "mssql": ("MSSQLSERVER", "Application", ""),
    "msi": ("MsiInstaller", "Application", ""),
    "bits": ("Microsoft-Windows-Bits-Client", "Microsoft-Windows-Bits-Client/Operational", ""),
}  # fmt: skip
_AS_4688 = {"Image": "NewProcessName", "ParentImage": "ParentProcessName", "CommandLine": "CommandLine"}


def record(
    log: str, number: int, data: Mapping[str, Any], *, computer: str = "WS1.corp.local", time: str = "", id: int = 1
) -> dict[str, Any]:
    """One native record."""
    provider, channel, element = LOGS[log]
    system = {
        "Provider": {"#attributes": {"Name": provider, "Guid": "00000000-0000-0000-0000-000000000000"}},
        "EventID": number,
        "Version": 0,
        "Level": 4,
        "TimeCreated": {"#attributes": {"SystemTime": time or "2026-11-24T10:00:00.000000Z"}},
        "EventRecordID": id,
        "Channel": channel,
        "Computer": computer,
        "Security": None,
    }
    if isinstance(data.get("Data"), list):
        data = {"Data": {"#text": data["Data"]}}
    body = {"UserData": {element: dict(data)}} if element else {"EventData": dict(data)}
    return {"Event": {"#attributes": {"xmlns": "x"}, "System": system, **body}}


def records(sample: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The records of one sample; a process is told by Sysmon and, where its fields allow, by the Security log."""
    data = sample["data"]
    if sample["log"] != "process":
        yield record(sample["log"], sample["id"], data)
        return
    yield record("sysmon", 1, data)
    if set(data) <= set(_AS_4688):
        yield record("security", 4688, {_AS_4688[name]: value for name, value in data.items()})
