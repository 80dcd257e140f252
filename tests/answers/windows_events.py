"""Windows events by their documented fields, their columns made by the parser's own table; tables without places."""

from __future__ import annotations

from typing import Any

from memory_case import MemoryCase

from collectors.parsers.evtx.columns import columns
from forensics.answers.run import run_all
from forensics.answers.tables import tables
from forensics.model.event import Event

SECURITY = "Microsoft-Windows-Security-Auditing"
PROVIDERS = {
    "Security": SECURITY, "System": "Service Control Manager",
    "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational":
        "Microsoft-Windows-TerminalServices-LocalSessionManager",
    "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational":
        "Microsoft-Windows-TerminalServices-RemoteConnectionManager",
    "Microsoft-Windows-TerminalServices-RDPClient/Operational":
        "Microsoft-Windows-TerminalServices-ClientActiveXCore",
    "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational":
        "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS",
    "Microsoft-Windows-Windows Defender/Operational": "Microsoft-Windows-Windows Defender",
    "Microsoft-Windows-PowerShell/Operational": "Microsoft-Windows-PowerShell",
    "Windows PowerShell": "PowerShell",
    "Microsoft-Windows-TaskScheduler/Operational": "Microsoft-Windows-TaskScheduler",
    "Microsoft-Windows-Sysmon/Operational": "Microsoft-Windows-Sysmon",
}  # fmt: skip
LSM, RCM, CLIENT, CORE = (
    next(name for name in PROVIDERS if word in name)
    for word in ("LocalSession", "RemoteConn", "RDPClient", "RdpCoreTS")
)
DEFENDER, POWERSHELL, TASKS, SYSMON = (
    next(name for name in PROVIDERS if word in name) for word in ("Defender", "PowerShell/", "TaskSch", "Sysmon")
)
PLACES = ("content", "parser", "locator", "event_id", "refs")


class Logs:
    """A case whose logs a test writes: times in seconds after 2024-03-01T10:00:00Z."""

    START = 1_709_287_200

    def __init__(self, computer: str = "PC01.corp.test") -> None:
        self.case = MemoryCase(live=False, collected=None)
        self.case.host = ""
        self.computer, self.number = computer, 0

    def add(self, seconds: float | None, channel: str, id: int, data: Any = None, **more: Any) -> Event:
        """One record; *more*: computer, provider, content, parser, state, user_data, level, number."""
        self.number += 1
        number = more.get("number", self.number)
        system: dict[str, Any] = {
            "Provider": {"#attributes": {"Name": more.get("provider", PROVIDERS.get(channel, channel))}},
            "EventID": id, "Channel": channel, "Computer": more.get("computer", self.computer),
            "EventRecordID": number, "Level": more.get("level", 4),
        }  # fmt: skip
        if seconds is not None:
            from forensics.source.times import rfc3339

            ts = int((self.START + seconds) * 1_000_000) * 1000
            system["TimeCreated"] = {"#attributes": {"SystemTime": (rfc3339(ts) or "")[:26] + "Z"}}
        part = "UserData" if more.get("user_data") else "EventData"
        record = {"Event": {"System": system, part: {"EventXML": data} if more.get("user_data") else data}}
        view = columns(record)
        event = Event(
            more.get("content", "c" * 64), more.get("parser", "windows.evtx"), "2", f"o{4096 + self.number * 512}",
            ts=view.ts, ts_kind="created", tz_basis="utc", state=more.get("state", "live"), user=view.user,
            src_ip=view.src_ip, process=view.process, action=view.action, message=view.message,
            attrs=record | more.get("attrs", {}),
        )  # fmt: skip
        self.case.events_.append(event)
        self.case.ran[event.parser] += 1
        return event

    def logon(self, seconds: float | None, id: str, user: str = "alice", kind: int = 10, **more: Any) -> Event:
        """4624."""
        data = {
            "TargetUserName": user, "TargetDomainName": "CORP", "TargetUserSid": f"S-1-5-21-1-{len(user)}",
            "TargetLogonId": id, "LogonType": kind, "IpAddress": more.pop("ip", "-"),
            "WorkstationName": more.pop("station", "-"), "TargetLinkedLogonId": more.pop("linked", "0x0"),
            "ElevatedToken": more.pop("token", "-"), "LogonProcessName": "User32 ", "ProcessName": "-",
        }  # fmt: skip
        return self.add(seconds, "Security", 4624, data, **more)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of one table."""
        return list(tables(self.case)[table])

    def found(self, answer: str, rule: str) -> list[Any]:
        """Findings of one rule."""
        return [one for one in run_all(self.case).findings if (one.by, one.rule) == (f"answers.{answer}", rule)]


def without_places(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without what says where their records lie."""
    return [{name: value for name, value in row.items() if name not in PLACES} for row in rows]
