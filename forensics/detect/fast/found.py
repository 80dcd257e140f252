"""Finding rows put together of bytes: what is the same in all findings of a rule is encoded once.

A row is what :func:`forensics.model.event_rows.finding_row` makes of the finding, encoded, with places left open for
what differs from event to event.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from forensics.detect.ast import Rule
from forensics.detect.findings import finding_of, matched_of, shown
from forensics.model.event import Ref
from forensics.model.event_rows import finding_row

#: in the order in which a row has them
_PLACES = ("locator", "event_id", "ts", "matched", "fields")


@cache
def _codec() -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    import msgspec

    return msgspec.json.Encoder().encode, msgspec.Raw


class Why(NamedTuple):
    """What matched, and how rows say it, as JSON (b"" if it has no such form)."""

    fields: Mapping[str, str]
    matched: bytes
    shown: bytes


def why_of(fields: Mapping[str, str]) -> Why:
    """Return *fields* with what rows hold of them."""
    encode, _ = _codec()
    try:
        return Why(fields, encode(matched_of(fields)), encode(shown(fields)))
    except UnicodeEncodeError:  # half a surrogate pair
        return Why(fields, b"", b"")


class Rows:
    """Makes the rows of one content.

    :param content: its SHA-256.
    """

    def __init__(self, content: str) -> None:
        self._content = content
        self._cut: dict[tuple[int, bool, str, str], tuple[bytes, ...]] = {}

    def row(self, rule: Rule, ref: Ref, ts: int | None, why: Why, state: str, record_class: str) -> Any:
        """Return the row of a finding, for :meth:`forensics.tasks.rowfile.RowWriter.add`."""
        encode, raw = _codec()
        if why.matched and why.fields:
            pieces = self._pieces(rule, ts is None, state, record_class)
            if pieces:
                try:
                    values = [encode(ref.locator), encode(ref.event_id), b"%d" % (ts or 0), why.matched, why.shown]
                except UnicodeEncodeError:
                    values = []
                if values:
                    if ts is None:
                        del values[2]
                    return raw(pieces[0] + b"".join([v + p for v, p in zip(values, pieces[1:], strict=True)]))
        return finding_row(finding_of(rule, ref, ts, why.fields, state=state, record_class=record_class))

    def _pieces(self, rule: Rule, undated: bool, state: str, record_class: str) -> tuple[bytes, ...]:
        key = (rule.index, undated, state, record_class)
        if key not in self._cut:
            self._cut[key] = self._divided(rule, undated, state, record_class)
        return self._cut[key]

    def _divided(self, rule: Rule, undated: bool, state: str, record_class: str) -> tuple[bytes, ...]:
        """What stands between the places; () if a row has no such form."""
        marks = {name: os.urandom(16).hex() for name in _PLACES}
        ts = int.from_bytes(os.urandom(7), "big") | 1 << 60
        ref = Ref(self._content, marks["locator"], marks["event_id"])
        one = finding_of(rule, ref, None if undated else ts, {}, state=state, record_class=record_class)
        one = replace(one, matched=marks["matched"], attrs={**one.attrs, "fields": marks["fields"]})
        wanted = {name: f'"{mark}"'.encode() for name, mark in marks.items()} | {"ts": b"%d" % ts}
        if undated:
            del wanted["ts"]
        try:
            rest = _codec()[0](finding_row(one))
        except UnicodeEncodeError:
            return ()
        pieces = []
        for mark in wanted.values():
            piece, found, rest = rest.partition(mark)
            if not found:
                return ()
            pieces.append(piece)
        return (*pieces, rest)
