"""What the records of one audit event mean together: columns, and what is read beside the records."""

from __future__ import annotations

import importlib.resources
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from collectors.parsers.audit.record import Record, peer, sockaddr
from collectors.parsers.text import address, one_line

MAX_ARGS, MAX_ARG, MAX_ALL = 1024, 4096, 32 << 10
_UNSET = ("4294967295", "-1", "unset", "")
_ARG = re.compile(r"a([0-9]{1,5})(?:\[([0-9]{1,5})\])?")
_INTERPRETED = ("pid", "ppid", "auid", "uid", "euid", "ses", "tty", "terminal", "exe", "comm", "op", "acct", "id",
                "hostname", "addr", "res", "success", "exit", "unit", "cwd", "avc", "permissions", "scontext",
                "tcontext", "tclass", "apparmor", "subj")  # fmt: skip
#: errno of a refusal: EPERM, EACCES
_REFUSED = ("-1", "-13")


@dataclass(slots=True)
class Columns:
    """The event's columns; *fields* go into ``attrs`` beside the records."""

    user: str = ""
    src_ip: str = ""
    process: str = ""
    action: str = ""
    message: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


def _data(name: str) -> dict[str, Any]:
    with importlib.resources.files("collectors.parsers.audit").joinpath(name).open("rb") as file:
        return tomllib.load(file)


@cache
def _meanings() -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    data = _data("meanings.toml")
    return data["type"], data["syscall"]


@cache
def _order() -> dict[str, int]:
    return {name: number for number, name in enumerate(_meanings()[0])}


@cache
def _syscalls() -> dict[tuple[str, str], tuple[str, str]]:
    """(arch, number) -> (name of the arch, name of the call)."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for table in _data("syscalls.toml")["table"]:
        pairs = [word.partition(":") for word in table["names"].split()]
        for code, arch in table["arch"].items():
            found |= {(code, number): (arch, name) for number, _, name in pairs}
            found[code, ""] = (arch, "")
    return found


def first(records: Sequence[Record], *types: str) -> Record | None:
    """Return the first record of one of *types*."""
    for one in records:
        if one.type in types:
            return one
    return None


def arguments(records: Sequence[Record]) -> tuple[list[str], int]:
    """Return the arguments of EXECVE records, put together from their parts, and how many were to be (-1: unsaid)."""
    parts: dict[int, dict[int, str]] = {}
    count = -1
    for record in records:
        if record.type != "EXECVE":
            continue
        said = record.fields.get("argc", "")
        count = int(said) if said.isdigit() and len(said) < 8 and count < 0 else count
        for name in record.fields:
            match = _ARG.fullmatch(name)
            if match:
                piece = record.decoded.get(name, record.fields[name])
                parts.setdefault(int(match[1]), {}).setdefault(int(match[2] or 0), piece)
    return ["".join(parts[number][at] for at in sorted(parts[number])) for number in sorted(parts)], count


def torn(records: Sequence[Record]) -> list[str]:
    """Return what the records themselves say is missing."""
    missing: list[str] = []
    call = first(records, "SYSCALL")
    paths = sum(one.type == "PATH" for one in records)
    if call is not None:
        items = call.fields.get("items", "")
        if items.isdigit() and len(items) < 8 and int(items) != paths:
            missing.append(f"PATH records: {paths} of {int(items)}")
    elif any(one.type in ("PATH", "CWD", "EXECVE", "PROCTITLE", "SOCKADDR") for one in records):
        missing.append("no SYSCALL record")
    args, count = arguments(records)
    if count >= 0 and len(args) != count:
        missing.append(f"arguments: {len(args)} of {count}")
    return missing


def _who(record: Record, names: Sequence[str]) -> str:
    for name in names:
        number = record.fields.get(name, "")
        if number in _UNSET:
            continue
        known = record.names.get(name.upper(), "")
        return known if known and known not in ("unset", "unknown") and not known.startswith("unknown(") else (
            number if not number.isdigit() else f"uid={number}")  # fmt: skip
    return ""


def _user(main: Record) -> str:
    """Whom the event is about: the account it names; else who began the session; else who ran it."""
    acct = main.value("acct")
    if acct:
        return acct
    if main.fields.get("id") and main.type != "SYSCALL":
        return _who(main, ("id",))
    return _who(main, ("auid", "uid"))


def _failed(main: Record) -> bool:
    return main.fields.get("res") in ("failed", "0", "no") or main.fields.get("success") == "no"


def _action(main: Record, call: str, records: Sequence[Record]) -> str:
    types, calls = _meanings()
    meaning = types.get(main.type)
    if main.type == "ANOM_PROMISCUOUS":
        return "promiscuous" if main.fields.get("prom") not in ("0", None) else ""
    if main.type.startswith("INTEGRITY_"):
        return "code-integrity"
    if main.type in ("AVC", "USER_AVC") and (
        main.fields.get("avc") == "granted" or main.value("apparmor") in ("ALLOWED", "AUDIT", "STATUS", "HINT")
    ):
        return "object-access"
    if main.type != "SYSCALL":
        return "" if meaning is None else meaning.get("failed", "") if _failed(main) else meaning["action"]
    if _failed(main):
        return "access-denied" if main.fields.get("exit") in _REFUSED else ""
    kinds = {one.fields.get("nametype", "") for one in records if one.type == "PATH"}
    found = calls.get(call, "")
    if found == "object-access" and "CREATE" in kinds:
        return "file-created"
    return found


def _main(records: Sequence[Record]) -> Record:
    order = _order()
    # the first of those whose type stands highest in the table
    return min(records, key=lambda one: order.get(one.type, len(order)))


def _bounded(values: Sequence[str]) -> list[str]:
    out: list[str] = []
    total = 0
    for value in values[:MAX_ARGS]:
        shown = one_line(value, MAX_ARG)
        total += len(shown)
        if total > MAX_ALL:
            break
        out.append(shown)
    return out


def _list(found: dict[str, Any], name: str, values: Sequence[str]) -> None:
    """Put *values* under *name* as far as they fit, and say so if not all do."""
    shown = found[name] = _bounded(values)
    if len(shown) < len(values):
        found[f"{name}_cut"] = True


def _detail(records: Sequence[Record], main: Record, found: dict[str, Any]) -> None:
    """Read what stands beside the main record: arguments, paths, title, keys, addresses."""
    args, count = arguments(records)
    if args or count >= 0:
        _list(found, "args", args)
    paths = [one.value("name") for one in records if one.type == "PATH" and one.value("name")]
    if paths:
        _list(found, "paths", paths)
    cwd, title = first(records, "CWD"), first(records, "PROCTITLE")
    if cwd is not None:
        found["cwd"] = one_line(cwd.value("cwd"), MAX_ARG)
    if title is not None:
        found["proctitle"] = one_line(title.value("proctitle").rstrip("\0").replace("\0", " "), MAX_ARG)
    keys = [key for one in records for key in one.value("key").split("\x01") if key]
    if keys:
        _list(found, "keys", list(dict.fromkeys(keys)))
    place = first(records, "SOCKADDR")
    if place is not None and (shown := sockaddr(place.fields.get("saddr", ""))):
        found["socket"] = shown
    text = main.value("cmd") or main.value("data")
    if text:
        found["command"] = one_line(text, MAX_ARG)


def _call(main: Record, found: dict[str, Any]) -> str:
    """Name the arch and the system call; a number that the table does not know stays one."""
    arch, number = main.fields.get("arch", ""), main.fields.get("syscall", "")
    if not arch or not number:
        return ""
    known = _syscalls().get((arch, number)) or _syscalls().get((arch, ""), ("", ""))
    found["arch"] = known[0] or main.names.get("ARCH", "") or arch
    found["syscall"] = known[1] or main.names.get("SYSCALL", "") or number
    return str(found["syscall"])


def _message(main: Record, call: str, columns: Columns) -> str:
    found = columns.fields
    what = call or main.fields.get("op", "") or main.type.lower().replace("_", " ")
    words = [f"{main.type}: {what}" if call or main.fields.get("op") else main.type]
    words += [f"{columns.process}"] if columns.process else []
    if "args" in found:
        words.append("args: " + " ".join(found["args"]))
    elif "command" in found:
        words.append(found["command"])
    elif "paths" in found:
        words.append(" ".join(found["paths"]))
    words += [f"user {columns.user}"] if columns.user else []
    words += [f"address {found.get('socket') or columns.src_ip}"] if found.get("socket") or columns.src_ip else []
    result = main.fields.get("res") or main.fields.get("success")
    words += [f"result {result}"] if result else []
    return "; ".join(words)


def columns(records: Sequence[Record]) -> Columns:
    """Return the columns of one event."""
    main = _main(records)
    call_record = first(records, "SYSCALL") or main
    out = Columns(fields={"type": main.type})
    for record in (main,) if call_record is main else (main, call_record):
        for name in _INTERPRETED:
            # most records have few of them
            if name in record.fields and name not in out.fields and (value := record.value(name)):
                out.fields[name] = one_line(value, MAX_ARG)
    call = _call(call_record, out.fields)
    _detail(records, main, out.fields)
    out.user = _user(main) or _user(call_record)
    out.process = main.value("exe") or call_record.value("exe") or main.value("comm") or call_record.value("comm")
    out.action = _action(main, call, records)
    out.src_ip = address(main.value("addr")) or address(main.value("hostname"))
    if not out.src_ip and call in ("accept", "accept4") and "socket" in out.fields:
        out.src_ip = peer(out.fields["socket"])
    out.message = _message(main, call, out)
    return out
