"""The tables of a report: logons, accounts, processes, sockets, persistence; the rest: windows_tables.py. Streamed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from forensics.answers import fields, logons, persistence, persistence_windows
from forensics.answers.accountfiles import accounts_of
from forensics.answers.agreement import agreement_table
from forensics.answers.case import Case, Table, unparsed, untold
from forensics.answers.cited import state
from forensics.answers.coverage import coverage_table
from forensics.answers.coverage_rules import rules_table
from forensics.answers.coverage_seen import seen
from forensics.answers.listeners import local_of
from forensics.answers.processes import command_line, flags
from forensics.answers.windows_tables import noted, windows_tables
from forensics.model.event import Event

_ACCOUNT_ACTIONS = ("account-created", "account-deleted", "account-enabled", "account-renamed")
MAX_WINDOWS_ACCOUNTS = 50_000
#: groups of one account
MAX_GROUPS = 64


def event_columns(case: Case, event: Event) -> dict[str, Any]:
    """The columns of an event, with the place of its content."""
    place = case.place(event.content)
    return {
        "ts": event.ts, "ts_kind": event.ts_kind, "tz_basis": event.tz_basis,
        "host": case.host or fields.computer(event), "action": event.action, "user": event.user,
        "src_ip": event.src_ip, "process": event.process, "message": event.message,
        "path": place.path if place is not None else "", "seq": place.seq if place is not None else None,
        "content": event.content, "parser": event.parser, "locator": event.locator, "event_id": event.event_id,
    }  # fmt: skip


def _name(names: Mapping[int | None, str], uid: Any) -> str:
    known = names.get(uid) if type(uid) is int else None
    return known if known is not None else "" if uid is None else str(uid)


def logon_rows(case: Case) -> Iterator[dict[str, Any]]:
    """Who, from where, when, how, with which result."""
    for event in case.events(logons.ACTIONS):
        row = event_columns(case, event)
        yield row | {
            "source": logons.source_of(event),
            "how": logons.how(event),
            "result": logons.result(event),
            "state": state(event),
        }


def _last_logons(case: Case, uids: Mapping[int, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    names = set(uids.values())
    for event in case.events(("logon",)):
        name = (
            uids.get(int(event.user[4:]), "")
            if event.user.startswith("uid=") and event.user[4:].isdigit()
            else event.user
        )
        if name in names and event.ts is not None:
            found[name] = max(event.ts, found.get(name, event.ts))
    return found


def account_rows(case: Case, notes: list[str]) -> Iterator[dict[str, Any]]:
    """Accounts of the host's files or rows; on Windows those that events name as logging on or made.

    :param notes: takes what must be said of the whole table.
    """
    known = accounts_of(case)
    last = _last_logons(case, {one.uid: one.name for one in known.values() if one.uid is not None}) if known else {}
    for one in known.values():
        marks = {
            "uid 0": one.uid == 0, "no password": one.password == "empty", "locked": one.password == "locked",
            "can log on": one.can_log_on and one.password == "set",
        }  # fmt: skip
        yield {
            "user": one.name, "uid": one.uid, "home": one.home, "shell": one.shell,
            "groups": ", ".join(one.groups[:64]), "last_logon": last.get(one.name),
            "flags": ", ".join(word for word, true in marks.items() if true), "host": case.host,
            "content": one.ref.content, "locator": one.ref.locator,
        }  # fmt: skip
    if not known:
        yield from _windows_accounts(case, notes)


def _windows_accounts(case: Case, notes: list[str]) -> Iterator[dict[str, Any]]:
    beyond = unlisted = 0
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    members: dict[tuple[str, str], dict[str, None]] = {}
    for event in case.events((*sorted(logons.GOOD), *_ACCOUNT_ACTIONS, "group-member-added")):
        if not event.parser.startswith("windows."):
            continue
        if event.action == "group-member-added":
            unlisted += _member(members, event)
            continue
        key = (fields.computer(event), event.user)
        if not event.user or (key not in rows and len(rows) >= MAX_WINDOWS_ACCOUNTS):
            beyond += bool(event.user)
            continue
        row = rows.setdefault(
            key,
            {
                "user": event.user, "uid": fields.text(event, "TargetUserSid", "TargetSid"), "home": "", "shell": "",
                "groups": "", "last_logon": None, "flags": "", "host": key[0], "content": event.content,
                "locator": event.locator,
            },
        )  # fmt: skip
        if event.action in _ACCOUNT_ACTIONS:
            if event.action not in row["flags"]:
                row["flags"] = f"{row['flags']}, {event.action}".strip(", ")
        elif event.ts is not None:
            row["last_logon"] = max(event.ts, row["last_logon"] or event.ts)
    if beyond:
        notes.append(f"{beyond:,} records of further accounts are not in it (the first {MAX_WINDOWS_ACCOUNTS:,} are)")
    if unlisted:
        notes.append(
            f"{unlisted:,} records of further members or groups are not in it ({MAX_GROUPS} groups an account are)"
        )
    for (host, name), row in rows.items():
        groups = members.get((host, name.casefold()), {}) | members.get((host, row["uid"].casefold()), {})
        yield row | {"groups": ", ".join(sorted(groups)[:MAX_GROUPS])}


def _member(members: dict[tuple[str, str], dict[str, None]], event: Event) -> bool:
    """Put down the group that an account was put into, by its name and by its SID; True if it had no place."""
    group, lost = fields.text(event, "TargetUserName")[:256], False
    for name in {event.user.casefold(), fields.text(event, "MemberSid").casefold()} - {""}:
        key = (fields.computer(event), name)
        found = members.setdefault(key, {}) if key in members or len(members) < MAX_WINDOWS_ACCOUNTS else None
        if found is None or (len(found) >= MAX_GROUPS and group not in found):
            lost = True
        else:
            found[group] = None
    return lost


def logged_on_rows(case: Case) -> Iterator[dict[str, Any]]:
    """Who was logged on when the state was taken."""
    for row in case.volatile("sessions"):
        if row.text("type") != "session":
            continue
        inner = row.row.get("fields")
        more = inner if isinstance(inner, Mapping) else {}
        yield {
            "user": row.text("user") or str(more.get("user", "")), "line": row.text("line") or str(more.get("tty", "")),
            "host": row.text("host") or str(more.get("remote_host", "")), "address": row.text("address"),
            "started": row.number("start_ns"), "kind": row.text("kind"), "from": row.text("from"),
            "pid": row.number("pid"), "content": row.ref.content, "locator": row.ref.locator,
        }  # fmt: skip


def process_rows(case: Case) -> Iterator[dict[str, Any]]:
    """Processes, with what stands out."""
    names = {one.uid: one.name for one in accounts_of(case).values()}
    for row in case.volatile("processes"):
        if row.text("type") != "process":
            continue
        uids = row.row.get("uid")
        uid = uids[0] if isinstance(uids, list) and uids else uids
        yield {
            "pid": row.number("pid"), "ppid": row.number("ppid"), "name": row.text("name"), "exe": row.text("exe"),
            "cmdline": command_line(row), "user": row.text("user") or _name(names, uid),
            "started": row.number("start_ns"), "sha256": row.text("exe_sha256"),
            "flags": ", ".join([*flags(row), *(["kernel thread"] if row.row.get("kernel_thread") is True else [])]),
            "content": row.ref.content, "locator": row.ref.locator,
        }  # fmt: skip


def socket_rows(case: Case) -> Iterator[dict[str, Any]]:
    """Sockets of the internet families and raw ones; local and netlink sockets stay in the artefact."""
    names = {row.number("pid"): row.text("name") for row in case.volatile("processes") if row.text("type") == "process"}
    users = {one.uid: one.name for one in accounts_of(case).values()}
    for row in case.volatile("sockets"):
        if row.text("type") != "socket" or row.text("proto") in ("unix", "netlink"):
            continue
        owners = row.row.get("owners")
        pids = [one for one in owners if type(one) is int] if isinstance(owners, list) else []
        port, uid = row.number("remote_port"), row.number("uid")
        yield {
            "proto": row.text("proto"), "local": local_of(row),
            "remote": f"{row.text('remote')}:{port}" if port else "", "state": row.text("state"),
            "pid": pids[0] if pids else None, "process": ", ".join(names.get(pid, str(pid)) for pid in pids[:8]),
            "user": _name(users, uid), "netns": str(row.row.get("netns", "")),
            "content": row.ref.content, "locator": row.ref.locator,
        }  # fmt: skip


def persistence_rows(case: Case) -> Iterator[dict[str, Any]]:
    """Everything that starts by itself, what stands out and what does not."""
    for entry in persistence.entries(case):
        marks = persistence.entry_reasons(entry) if entry.kind != "key" else []
        yield entry.row() | {"flags": ", ".join(marks)}
    for entry in persistence_windows.entries(case):
        yield entry.row() | {"flags": ", ".join(persistence_windows.entry_reasons(entry))}


def tables(case: Case) -> dict[str, Table]:
    """Every table, made when it is iterated; a table that cannot be made says why."""
    no_state = "the state of a running system was not recorded"

    def recorded(name: str) -> str:
        return "" if case.has_volatile(name) else no_state

    logs, told = unparsed(case), untold(case)
    once = cache(lambda: seen(case))
    found = (
        Table("logons", lambda: logon_rows(case), logs),
        noted("accounts", account_rows, case, ""),
        Table("logged-on", lambda: logged_on_rows(case), recorded("sessions")),
        Table("processes", lambda: process_rows(case), recorded("processes")),
        Table("sockets", lambda: socket_rows(case), recorded("sockets")),
        Table("persistence", lambda: persistence_rows(case)),
        *windows_tables(case, logs),
        agreement_table(case),
        coverage_table(case, told, (), once),
        rules_table(case, told, (), once),
    )
    return {table.name: table for table in found}
