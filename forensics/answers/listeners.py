"""Listeners that nobody owns or that one would not expect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from forensics.answers.case import Case, NotEvaluated, VolatileRow
from forensics.answers.grade import Subject, finding, missing, table
from forensics.answers.packages import owned
from forensics.answers.places import loopback, matches, place_reasons
from forensics.answers.processes import flags
from forensics.model.event import Finding

ID = "answers.sockets"
_INET = re.compile(r"^(?:tcp|udp|udplite)6?$")
_KEPT = ("writable-place", "deleted-program", "deleted-elsewhere", "memory-only", "poses", "hidden-name")


def _processes(row: VolatileRow) -> list[Mapping[str, Any]]:
    value = row.row.get("processes")
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def local_of(row: VolatileRow) -> str:
    """``address:port`` of this end, or the path of a local socket."""
    port = row.number("local_port")
    return f"{row.text('local')}:{port}" if port is not None else row.text("path")


def _pid(process: Mapping[str, Any]) -> int:
    value = process.get("pid")
    return value if type(value) is int else -1


def _word(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


class Listeners:
    """Reads ``volatile/listeners.jsonl`` and what ``processes.jsonl`` says of the owners."""

    id = ID
    title = "Listeners"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield listeners that stand out."""
        if not case.has_volatile("listeners"):
            yield missing(ID, "listeners", "the state of a running system was not recorded")
            return
        owners, denied, paths = set[int](), False, set[str]()
        for row in case.volatile("listeners"):
            denied = denied or (row.text("type") == "denied" and "owners" in row.text("what"))
            for process in _processes(row):
                owners.add(_pid(process))
                paths.add(_word(process, "exe"))
        of_pid = {
            row.number("pid"): [one for one in flags(row) if one in _KEPT]
            for row in case.volatile("processes")
            if row.text("type") == "process" and row.number("pid") in owners
        }
        known = owned(case, paths)
        for row in case.volatile("listeners"):
            if row.text("type") == "listener":
                yield from self._listener(row, of_pid, {path for path in paths if known.missing(path)}, denied)
        if denied:
            yield missing(ID, "sockets that nobody holds", "descriptors of some processes were not shown: needs root")

    def _listener(
        self, row: VolatileRow, of_pid: Mapping[int | None, list[str]], strange: set[str], denied: bool
    ) -> Iterator[Finding]:
        proto, found = row.text("proto"), _processes(row)
        names = ", ".join(_word(one, "name") for one in found) or "nobody"
        attrs = (
            ("proto", proto), ("local", local_of(row)), ("pids", [_pid(one) for one in found]),
            ("exe", [_word(one, "exe") for one in found]), ("netns", row.number("netns")),
        )  # fmt: skip
        subject = Subject(f"{proto} {local_of(row)} by {names}", (row.ref,), None, "", attrs)
        if proto == "packet" or proto.startswith("raw"):
            usual = table("places")["listeners"]["sniffers"]
            if found and not all(_word(one, "name") in usual for one in found):
                yield finding(ID, "sniffer", subject, ["sniffs", *_of(found, of_pid)])
        elif _INET.match(proto):
            if found:
                reasons = _of(found, of_pid) + self._unexpected(row, found, strange)
                if reasons:
                    outside = [] if loopback(row.text("local")) else ["listens"]
                    yield finding(ID, "listener", subject, [*outside, *reasons])
            elif not denied and row.number("local_port") not in table("places")["listeners"]["kernel_ports"]:
                yield finding(ID, "unowned", subject, ["unowned" if proto.startswith("tcp") else "unowned-datagram"])

    def _unexpected(self, row: VolatileRow, found: list[Mapping[str, Any]], strange: set[str]) -> list[str]:
        reasons = []
        for one in found:
            path = _word(one, "exe").removesuffix(" (deleted)")
            name = path.rpartition("/")[2] or _word(one, "name")
            patterns = table("places")["listeners"]["interpreters"]
            if not loopback(row.text("local")) and any(re.search(pattern, name) for pattern in patterns):
                reasons.append("interpreter")
            if path in strange and matches("linux", "system", path):
                reasons.append("not-packaged-bin")
            reasons += [reason for reason in place_reasons(path) if reason == "writable-place"]
        return list(dict.fromkeys(reasons))


def _of(found: list[Mapping[str, Any]], of_pid: Mapping[int | None, list[str]]) -> list[str]:
    return list(dict.fromkeys(reason for one in found for reason in of_pid.get(_pid(one), ())))
