"""Events in the Elastic Common Schema, one document a line: names and words of ECS 8, what is ours under ``sealbag``.

A field is filled from what the event says, or is not there; categories are given where an action has one plain
meaning. Source: Elastic Common Schema (ECS) reference 8.11, field reference and categorisation fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

VERSION = "8.11.0"
Row = Mapping[str, Any]
_LOGON, _FAILED = ("authentication", "start", "success"), ("authentication", "start", "failure")
#: action (docs/events.md) -> category, type, outcome ("" = not said)
_KINDS: dict[str, tuple[str, str, str]] = {
    "logon": _LOGON, "rdp-logon": _LOGON, "winrm-authenticated": _LOGON, "rdp-authenticated": _LOGON,
    "database-logon": _LOGON, "logon-failed": _FAILED, "logon-denied": _FAILED, "invalid-user": _FAILED,
    "kerberos-failed": _FAILED, "database-logon-failed": _FAILED, "su": _LOGON, "su-failed": _FAILED,
    "credentials-validated": ("authentication", "info", ""), "explicit-credentials": ("authentication", "start", ""),
    "kerberos-tgt": ("authentication", "info", ""), "kerberos-service-ticket": ("authentication", "info", ""),
    "logoff": ("authentication", "end", ""), "rdp-logoff": ("authentication", "end", ""),
    "session-opened": ("session", "start", ""), "session-closed": ("session", "end", ""),
    "session-reconnected": ("session", "start", ""), "session-disconnected": ("session", "end", ""),
    "account-created": ("iam", "creation user", ""), "account-deleted": ("iam", "deletion user", ""),
    "account-changed": ("iam", "change user", ""), "account-enabled": ("iam", "change user", ""),
    "account-disabled": ("iam", "change user", ""), "password-changed": ("iam", "change user", ""),
    "password-reset": ("iam", "change user", ""), "group-created": ("iam", "creation group", ""),
    "group-deleted": ("iam", "deletion group", ""), "group-changed": ("iam", "change group", ""),
    "group-member-added": ("iam", "change group", ""), "group-member-removed": ("iam", "change group", ""),
    "process-created": ("process", "start", ""), "process-ended": ("process", "end", ""),
    "process-access": ("process", "access", ""), "command": ("process", "start", ""),
    "script-block": ("process", "info", ""), "image-loaded": ("library", "start", ""),
    "driver-loaded": ("driver", "start", ""), "driver-installed": ("driver", "installation", ""),
    "service-installed": ("configuration", "creation", ""), "service-start-type": ("configuration", "change", ""),
    "task-created": ("configuration", "creation", ""), "task-updated": ("configuration", "change", ""),
    "task-deleted": ("configuration", "deletion", ""), "audit-policy-changed": ("configuration", "change", ""),
    "firewall-rule-added": ("configuration", "creation", ""), "firewall-changed": ("configuration", "change", ""),
    "file-created": ("file", "creation", ""), "file-deleted": ("file", "deletion", ""),
    "file-time-changed": ("file", "change", ""), "share-access": ("file", "access", ""),
    "registry-set": ("registry", "change", ""), "registry-changed": ("registry", "change", ""),
    "registry-renamed": ("registry", "change", ""), "network-connection": ("network", "connection", ""),
    "connection-blocked": ("network", "connection denied", ""), "packet-blocked": ("network", "denied", ""),
    "dns-query": ("network", "protocol", ""), "web-request": ("web", "access", ""), "web-error": ("web", "error", ""),
    "malware-detected": ("malware", "info", ""), "package-installed": ("package", "installation", ""),
    "package-removed": ("package", "deletion", ""), "package-upgraded": ("package", "change", ""),
    "system-start": ("host", "start", ""), "system-stop": ("host", "end", ""),
}  # fmt: skip
_SID = re.compile(r"S-1-[0-9-]{1,180}")
_HALF = re.compile("[\ud800-\udfff]")


def _user(text: str) -> dict[str, str]:
    if _SID.fullmatch(text):
        return {"id": text}
    if text.startswith("uid=") and text[4:].isascii() and text[4:].isdigit():
        return {"id": text[4:]}
    domain, slash, name = text.partition("\\")
    return {"domain": domain, "name": name} if slash and domain and name else {"name": text}


def _process(text: str) -> dict[str, str]:
    name = re.split(r"[\\/]", text)[-1]
    return {"executable": text, "name": name} if name and name != text else {"name": text}


def _system(row: Row) -> dict[str, Any]:
    """Code, provider and sequence of a Windows record."""
    attrs = row.get("attrs")
    record = attrs.get("Event") if isinstance(attrs, Mapping) else None
    system = record.get("System") if isinstance(record, Mapping) else None
    if not isinstance(system, Mapping):
        return {}
    found: dict[str, Any] = {}
    code, number, provider = system.get("EventID"), system.get("EventRecordID"), system.get("Provider")
    code = code.get("#text") if isinstance(code, Mapping) else code
    inner = provider.get("#attributes") if isinstance(provider, Mapping) else None
    if isinstance(code, (str, int)) and not isinstance(code, bool):
        found["code"] = str(code)
    if isinstance(inner, Mapping) and isinstance(inner.get("Name"), str):
        found["provider"] = inner["Name"]
    if type(number) is int or (isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < 20):
        sequence = int(number)
        found |= {"sequence": sequence} if sequence < 1 << 63 else {}
    return found


def _event(row: Row) -> dict[str, Any]:
    out: dict[str, Any] = {"kind": "event", "module": "sealbag", "dataset": f"sealbag.{row.get('parser') or 'events'}"}
    out |= {"id": row.get("event_id"), "action": row.get("action") or None} | _system(row)
    known = _KINDS.get(str(row.get("action")))
    if known is not None:
        category, types, outcome = known
        out |= {"category": [category], "type": types.split(), "outcome": outcome or None}
    return out


def _without_none(value: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in value.items() if one not in (None, "", {}, [])}


def document(row: Row, when: str) -> dict[str, Any]:
    """Return the ECS document of an event.

    :param row: as ``sealbag events export`` has it. *when*: its time, RFC 3339.
    """
    attrs = row.get("attrs")
    state = str(row.get("state") or "live")
    kind = attrs.get("class") if isinstance(attrs, Mapping) else None
    tags = [] if state == "live" else [state, *([f"class-{kind[:4]}"] if isinstance(kind, str) and kind else [])]
    ours = ("content", "locator", "bag", "seq", "ts_kind", "tz_basis", "ts_raw", "version", "state")
    return _without_none(
        {
            "@timestamp": when,
            "ecs": {"version": VERSION},
            "message": row.get("message"),
            "tags": tags,
            "event": _without_none(_event(row)),
            "host": _without_none({"name": row.get("host")}),
            "user": _user(str(row["user"])) if row.get("user") else {},
            "source": _without_none({"ip": row.get("src_ip")}),
            "process": _process(str(row["process"])) if row.get("process") else {},
            "log": {"file": {"path": row["path"]}} if row.get("path") else {},
            # the record is text: as objects, every field of every provider would become a field of the index
            "sealbag": _without_none({name: row.get(name) for name in ours} | {"record": _record(attrs)}),
        }
    )


def _record(attrs: Any) -> str:
    return json.dumps(attrs, ensure_ascii=True, separators=(",", ":")) if attrs else ""


def lines(rows: Iterable[tuple[Row, str]]) -> Iterator[bytes]:
    """Yield each event's document as a line, UTF-8; half a surrogate pair is ``\\u{D800}`` (no index takes it)."""
    for row, when in rows:
        text = json.dumps(document(row, when), ensure_ascii=False, separators=(",", ":"))
        yield _HALF.sub(lambda match: f"\\\\u{{{ord(match[0]):X}}}", text).encode() + b"\n"
