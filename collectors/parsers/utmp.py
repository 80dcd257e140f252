"""``linux.utmp``: utmp, wtmp, btmp and lastlog.

Records of zeros alone are padding: counted (``records-empty``), no events. Whether a record
is a failed logon is told by the file's name (btmp): the records do not say.
Sources: utmp(5), lastlog(8), sshd and login (what they put into btmp).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import asdict
from typing import BinaryIO

from collectors.parsers import names
from collectors.parsers.clock import epoch_ns
from collectors.parsers.records import (
    SAMPLE,
    Layout,
    Login,
    lastlog_layout,
    lastlog_plausible,
    login,
    text,
    utmp_certain,
    utmp_layout,
    utmp_plausible,
)  # fmt: skip
from collectors.parsers.text import address, one_line
from collectors.parsers.unpack import Unpacked, packing, unpack_head
from forensics.model.event import Event, Opened, Problem

_TYPES = ("empty", "run-level", "boot", "new-time", "old-time", "init", "login", "user", "dead", "accounting")
_ACTIONS = {1: "run-level", 2: "system-start", 3: "time-changed", 4: "time-changed", 6: "login-prompt", 7: "logon",
            8: "logoff"}  # fmt: skip
_BATCH = 1024


def _records(stream: BinaryIO, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield (number, bytes) of every record that is not zeros alone; the last may be short."""
    number, zero = 0, bytes(size * _BATCH)
    while block := stream.read(size * _BATCH):
        while len(block) % size and (more := stream.read(size - len(block) % size)):
            block += more
        if block == zero[: len(block)] and len(block) % size == 0:
            number += len(block) // size
            continue
        for at in range(0, len(block), size):
            record = block[at : at + size]
            if any(record) or len(record) < size:
                yield number, record
            number += 1
    yield number, b""


class UtmpParser:
    """utmp, wtmp, btmp and lastlog, packed or not."""

    id = "linux.utmp"
    version = "1"
    inputs: tuple[str, ...] = ("name",)

    def claims(self, name: str, head: bytes) -> int:
        """90 by name and shape, 60 by one of them."""
        kind = names.kind(name)
        if kind == "lastlog":
            return 80
        if kind == "":
            # Every record has two bytes of padding behind its type.
            return 60 if head[2:4] == b"\0\0" and utmp_certain(head) else 0
        return 0 if kind != "utmp" else 90 if utmp_layout(unpack_head(head)) else 60

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield every record that is not padding."""
        name = str(opened.inputs.get("name") or "")
        lastlog = names.kind(name) == "lastlog"
        with opened.open() as raw:
            kind = packing(raw.read(8))
            raw.seek(0)
            if not kind:
                yield from self._parse(opened, raw, name, lastlog)
                return
            packed = Unpacked(kind, raw, opened.size)
            spool = _whole(packed)
            yield from self._parse(opened, spool, name, lastlog)
            if packed.trouble:
                yield Problem("o0", "unpack", packed.trouble)

    def _parse(self, opened: Opened, stream: BinaryIO, name: str, lastlog: bool) -> Iterator[Event | Problem]:
        sample = _sample(stream)
        layout = lastlog_layout(sample) if lastlog else utmp_layout(sample)
        if layout is None:
            if any(sample):
                yield Problem("o0", "layout", "no known layout of utmp records fits")
            return
        opened.tell("layout", layout.name)
        btmp = names.stem(name) == "btmp"
        empty = last = 0
        for number, record in _records(stream, layout.size):
            empty, last = empty + number - last, number + 1
            if not record:
                break
            if len(record) < layout.size:
                yield Problem(f"r{number}.0", "truncated", f"{len(record)} of {layout.size} bytes")
            elif lastlog:
                yield _lastlog(opened, number, record, layout)
            else:
                yield _utmp(opened, number, record, layout, btmp)
        opened.tell("records-empty", empty)


def _whole(packed: Unpacked) -> BinaryIO:
    """Return the unpacked bytes, on disk beyond 1 MiB: the layout is told by a look ahead."""
    import shutil
    import tempfile

    spool = tempfile.SpooledTemporaryFile(1 << 20)
    shutil.copyfileobj(packed, spool, 1 << 16)
    spool.seek(0)
    return spool  # type: ignore[return-value]


def _sample(stream: BinaryIO) -> bytes:
    """Return bytes from where data begins (lastlog is sparse: the first uids may be far in)."""
    step = SAMPLE * 292 * 296
    while block := stream.read(step):
        if any(block):
            break
    stream.seek(0)
    return block


def _lastlog(opened: Opened, uid: int, record: bytes, layout: Layout) -> Event | Problem:
    if not lastlog_plausible(record, layout):
        return Problem(f"r{uid}.0", "record", "no lastlog record")
    seconds, line, host = layout.packed.unpack_from(record)
    where, source = one_line(text(line), 64), one_line(text(host), 256)
    return opened.event(
        f"r{uid}.0",
        ts=epoch_ns(seconds),
        ts_kind="last-logon",
        tz_basis="utc",
        ts_raw=str(seconds),
        user=f"uid={uid}",
        src_ip=address(source),
        action="logon",
        message=f"last logon of uid {uid} on {where or '-'} from {source or '-'}",
        attrs={"uid": uid, "seconds": seconds, "line": where, "host": source},
    )


def _utmp(opened: Opened, number: int, record: bytes, layout: Layout, btmp: bool) -> Event | Problem:
    if not utmp_plausible(record, layout):
        shown = base64.b64encode(record[:48]).decode("ascii")
        return Problem(f"r{number}.0", "record", f"no utmp record of layout {layout.name}; begins (base64) {shown}")
    entry = login(record, layout)
    action = _ACTIONS.get(entry.type, "")
    if btmp and entry.type in (6, 7):
        action = "logon-failed"
    elif entry.type == 1 and entry.user == "shutdown":
        action = "system-stop"
    ts = epoch_ns(entry.seconds, entry.micros * 1000)
    return opened.event(
        f"r{number}.0",
        ts=ts,
        ts_kind="logged" if ts is not None else "",
        tz_basis="utc" if ts is not None else "none",
        ts_raw=f"{entry.seconds}.{entry.micros:06d}",
        user=entry.user if entry.type in (6, 7, 8) else "",
        src_ip=entry.address or address(entry.host),
        action=action,
        message=_message(entry, action),
        attrs=asdict(entry) | {"type_name": _TYPES[entry.type]},
    )


def _message(entry: Login, action: str) -> str:
    words = f"{_TYPES[entry.type]}: {action or 'record'}"
    parts = (("user", entry.user), ("line", entry.line), ("host", entry.host), ("address", entry.address))
    shown = [f"{name} {value}" for name, value in parts if value]
    return one_line(", ".join((words, *shown, f"pid {entry.pid}")))
