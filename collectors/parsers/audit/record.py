"""One line of an audit log as a record: its type, its event's stamp, its fields as logged and decoded.

What the kernel and audit's own tools hold untrustworthy stands in hexadecimal when it has a
space, a quote, a control or a byte above 0x7E; everything else in double quotes. A quoted
value is never decoded, so that a file named ``6C73`` stays one.
Sources: audit's README and auparse, the audit field dictionary (fields of type "encoded"),
Linux kernel/audit.c (audit_log_untrustedstring, audit_log_n_hex).
"""

from __future__ import annotations

import re
import socket
import struct
from dataclasses import dataclass
from typing import Any

from collectors.parsers.text import Line, address, decode, native, one_line

MAX_FIELDS = 512
_HEAD = re.compile(
    r"(?:node=(?P<node>\S{1,255}) )?type=(?P<type>[A-Z][A-Z0-9_]{0,63}|UNKNOWN\[[0-9]{1,10}\])"
    r" msg=audit\((?P<sec>[0-9]{1,12})\.(?P<ms>[0-9]{1,9}):(?P<serial>[0-9]{1,20})\) ?: ?"
)
_FIELD = re.compile(r"([A-Za-z][\w\[\]./-]{0,63})=(\"[^\"]*\"|'[^']*'|\S*)")
_QUOTES = ('"', "'")
_HEX = re.compile(r"(?:[0-9A-F]{2})+")
_ARGUMENT = re.compile(r"a[0-9]{1,5}(?:\[[0-9]{1,5}\])?")
_AVC = re.compile(r"avc:\s+(?P<result>denied|granted)\s+\{ (?P<permissions>[^}]{0,512}?) \}")
_ENCODED = frozenset((
    "acct", "apparmor", "cgroup", "cmd", "comm", "cwd", "data", "device", "dir", "exe", "file", "grp", "key", "name",
    "new_file", "new-disk", "ocomm", "old-disk", "operation", "path", "proctitle", "profile", "root_dir", "sw", "unit",
    "vm", "vm-ctx", "watch",
))  # fmt: skip
#: separates an enriched record's interpretations (auditd.conf(5), log_format)
ENRICHED = "\x1d"


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    :param serial: its event's number; *seconds* since 1970 UTC and *ns* within the second.
    :param fields: as logged, the quotes taken off. :param decoded: those that stood in hexadecimal.
    :param names: what auditd added when it wrote the record (``UID="root"``).
    :param cut: fields beyond :data:`MAX_FIELDS`, which are in the line alone.
    """

    line: Line
    node: str
    type: str
    seconds: int
    ns: int
    serial: int
    fields: dict[str, str]
    decoded: dict[str, str]
    names: dict[str, str]
    cut: bool = False

    @property
    def stamp(self) -> tuple[str, int, int, int]:
        """What the records of one event have in common."""
        return self.node, self.seconds, self.ns, self.serial

    def value(self, name: str) -> str:
        """Return a field's text, decoded where it stood in hexadecimal; "" for ``?``, ``(null)`` and none."""
        found = (self.decoded and self.decoded.get(name)) or self.fields.get(name, "")
        return "" if found in ("?", "(null)", "(none)") else found

    def attrs(self) -> dict[str, Any]:
        """The record as JSON values, lossless; beside the line what was read from it."""
        raw = self.line.raw
        row: dict[str, Any] = {"offset": self.line.offset, "type": self.type} | native(raw)
        if len(raw) <= 8192 and raw.isascii() and row["line"].replace(ENRICHED, "").isprintable():
            # what is plain and short as a whole is so in each field
            row["fields"] = dict(self.fields)
        else:
            row["fields"] = {name: one_line(value, 8192) for name, value in self.fields.items()}
        for name, found in (("decoded", self.decoded), ("names", self.names)):
            if found:
                row[name] = {key: one_line(value, 8192) for key, value in found.items()}
        return row | ({"fields_cut": True} if self.cut else {})


def _pairs(text: str, into: dict[str, str], quoted: set[str]) -> bool:
    """Read fields; the first of a name stands. Return False if there are more than may be."""
    for name, value in _FIELD.findall(text) if text else ():
        if name in into:
            continue
        if len(into) >= MAX_FIELDS:
            return False
        if value[:1] in _QUOTES and len(value) > 1 and value[0] == value[-1]:
            value = value[1:-1]
            quoted.add(name)
        into[name] = value
    return True


def unhex(value: str) -> str | None:
    """Return what *value* is in hexadecimal, None if it is none."""
    return decode(bytes.fromhex(value)) if _HEX.fullmatch(value) else None


def sockaddr(value: str) -> str:
    """Return the address in a ``saddr`` field (a sockaddr in hexadecimal): ``1.2.3.4:80``, ``[::1]:80``, a path, ""."""
    if not _HEX.fullmatch(value) or len(value) < 4:
        return ""
    raw = bytes.fromhex(value[:1024])
    # the family is in the host's order: little-endian where the low byte is first
    family = raw[0] or raw[1]
    if family == 1:
        return one_line("unix:" + decode(raw[2:].strip(b"\0").split(b"\0")[0]), 256)
    if family == 2 and len(raw) >= 8:
        return f"{socket.inet_ntop(socket.AF_INET, raw[4:8])}:{struct.unpack_from('>H', raw, 2)[0]}"
    if family == 10 and len(raw) >= 24:
        return f"[{socket.inet_ntop(socket.AF_INET6, raw[8:24])}]:{struct.unpack_from('>H', raw, 2)[0]}"
    return ""


def peer(place: str) -> str:
    """Return the canonical address of what :func:`sockaddr` gave, "" if it is none."""
    return "" if place.startswith("unix:") else address(place)


def _split(text: str) -> tuple[str, str]:
    """Return the fields proper and what a program of user space said in ``msg='...'``.

    A name within it may hold an apostrophe: it ends at the last one.
    """
    at = text.find(" msg='") if not text.startswith("msg='") else -1
    if at < 0 and not text.startswith("msg='"):
        return text, ""
    start = at + 6 if at >= 0 else 5
    end = text.rfind("'")
    return text[: max(at, 0)], text[start : end if end > start else len(text)]


def read(line: Line) -> Record | None:
    """Return the record of a line, None if it is none."""
    # a crash leaves blocks of zeros in front of the next line
    text = decode(line.raw.lstrip(b"\0") if line.raw[:1] == b"\0" else line.raw)
    match = _HEAD.match(text)
    if match is None:
        return None
    body, _, enriched = text[match.end() :].partition(ENRICHED)
    outer, inner = _split(body)
    fields: dict[str, str] = {}
    quoted: set[str] = set()
    whole = _pairs(outer, fields, quoted) and _pairs(inner, fields, quoted)
    kind = match["type"]
    avc = _AVC.search(body[:1024]) if kind.endswith("AVC") else None
    if avc:
        fields |= {"avc": avc["result"], "permissions": avc["permissions"]}
    names: dict[str, str] = {}
    whole = _pairs(enriched, names, set()) and whole
    return Record(
        line, match["node"] or "", kind, int(match["sec"]), int(match["ms"].ljust(9, "0")), int(match["serial"]),
        fields, _decoded(kind, fields, quoted), names, cut=not whole,
    )  # fmt: skip


def _decoded(kind: str, fields: dict[str, str], quoted: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in fields.items():
        if name in quoted:
            continue
        if name in _ENCODED or (kind == "EXECVE" and _ARGUMENT.fullmatch(name)):
            text = unhex(value)
            if text is not None:
                found[name] = text
        elif name == "saddr" and (place := sockaddr(value)):
            found[name] = place
    return found
