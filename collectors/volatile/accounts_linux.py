"""Accounts and groups as they stand now, and who is logged on.

Sources: passwd(5), group(5), shadow(5), utmp(5), sd-login(3). Password hashes are not taken:
only whether there is one, its scheme, and the day it was last changed.
"""

from __future__ import annotations

import ipaddress
import os
import struct
import sys
from collections.abc import Iterator

from collectors.volatile.host_linux import Host
from collectors.volatile.procfs_linux import in_folder, read_file, refusal
from collectors.volatile.rows import Row, problem, shown
from forensics.source.times import rfc3339

assert sys.platform == "linux"

MAX_FILE = 16 << 20
_DAY = 86400 * 10**9
# struct utmp of glibc: type, pid, line, id, user, host, exit (2 words), session, seconds,
# microseconds, address, unused. 64-bit systems that once ran 32-bit programs kept 32-bit times
# (__WORDSIZE_TIME64_COMPAT32); aarch64 and riscv64 never had.
SHORT = struct.Struct("=hxxi32s4s32s256shhiii16s20x")
LONG = struct.Struct("=hxxi32s4s32s256shhqqq16s24x")
_LONG_MACHINES = ("aarch64", "riscv64", "loongarch64", "alpha", "ia64")
_TYPES = ("empty", "run-level", "boot", "new-time", "old-time", "init", "login", "user", "dead", "accounting")


def _table(path: str, kind: str, columns: int) -> Iterator[tuple[Row, list[bytes]]]:
    """Yield (row so far, columns) of each line; a line of another form has no columns."""
    text, _ = read_file(path, MAX_FILE)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        words = line.split(b":")
        if len(words) < columns:
            yield problem(f"{path} line {number}", "format", shown(line, 200)), []
        else:
            yield {"type": kind, "line": number, "name": shown(words[0])}, words


def _number(word: bytes) -> int | str:
    return int(word) if word.isdigit() else shown(word)


def _passwords() -> dict[str, Row]:
    """State of each account's password from /etc/shadow.

    :raises OSError: it needs root.
    """
    found: dict[str, Row] = {}
    for row, words in _table("/etc/shadow", "", 3):
        if words:
            found[row["name"]] = {"password": _password(words[1])}
            if words[2].isdigit():
                found[row["name"]]["password_changed"] = rfc3339(int(words[2]) * _DAY)
    return found


def _password(field: bytes) -> str:
    if not field:
        return "empty"
    if field.startswith((b"!", b"*")):
        return "locked" if len(field.strip(b"!*")) else "none"
    scheme = field.split(b"$")[1:2]
    return f"set, scheme {shown(scheme[0], 16)}" if scheme else "set"


def user_rows(host: Host) -> Iterator[Row]:
    """Yield a row for each account and each group."""
    passwords: dict[str, Row] = {}
    try:
        passwords = _passwords()
    except OSError as error:
        yield refusal("/etc/shadow", error)
    try:
        for row, words in _table("/etc/passwd", "user", 7):
            if words:
                row |= {
                    "uid": _number(words[2]), "gid": _number(words[3]), "comment": shown(words[4]),
                    "home": shown(words[5]), "shell": shown(words[6]),
                } | passwords.get(row["name"], {})  # fmt: skip
                if words[1] not in (b"x", b"*"):
                    row["password"] = _password(words[1])
            yield row
    except OSError as error:
        yield refusal("/etc/passwd", error)
    try:
        for row, words in _table("/etc/group", "group", 4):
            if words:
                members = [shown(word) for word in words[3].split(b",") if word]
                row |= {"gid": _number(words[2]), "members": members[:4096]}
            yield row
    except OSError as error:
        yield refusal("/etc/group", error)


def session_row(record: bytes, shape: struct.Struct) -> Row:
    """Return one record of utmp as a row.

    :param shape: :data:`SHORT` or :data:`LONG`, as the machine has it.
    """
    kind, pid, line, id, user, host, _, _, session, seconds, micro, address = shape.unpack(record)
    raw = address[:4] if not any(address[4:]) else address
    ns = seconds * 10**9 + micro * 1000
    return {
        "type": "session", "from": "utmp", "kind": _TYPES[kind] if 0 <= kind < len(_TYPES) else str(kind), "pid": pid,
        "line": shown(line.rstrip(b"\0")), "id": shown(id.rstrip(b"\0")), "user": shown(user.split(b"\0")[0]),
        "host": shown(host.split(b"\0")[0]), "session": session, "start": rfc3339(ns), "start_ns": ns,
        "address": str(ipaddress.ip_address(raw)) if any(address) else "",
    }  # fmt: skip


def session_rows(host: Host) -> Iterator[Row]:
    """Yield the records of utmp and the sessions that systemd-logind keeps; records of no kind are left out."""
    shape = LONG if os.uname().machine in _LONG_MACHINES else SHORT
    for path in ("/run/utmp", "/var/run/utmp"):
        try:
            text, _ = read_file(path, MAX_FILE)
        except OSError as error:
            yield refusal(path, error)
            continue
        for offset in range(0, len(text) - shape.size + 1, shape.size):
            if any(text[offset : offset + 2]):
                yield session_row(text[offset : offset + shape.size], shape) | {"offset": offset}
        if len(text) % shape.size:
            yield problem(path, "format", f"{len(text) % shape.size} bytes behind the last record")
        break
    yield from _logind()


def _logind() -> Iterator[Row]:
    try:
        for path in in_folder("/run/systemd/sessions"):
            if path.endswith(".ref"):
                continue
            text, _ = read_file(path, 65536)
            pairs = [line.partition(b"=") for line in text.splitlines() if b"=" in line]
            fields = {shown(key, 64).lower(): shown(value, 512) for key, _, value in pairs[:64]}
            yield {"type": "session", "from": "logind", "session": path.rpartition("/")[2], "fields": fields}
    except OSError as error:
        yield refusal("/run/systemd/sessions", error)
