"""Script blocks (PowerShell 4104) put together from their parts: out of order, over files, with copies and holes said.

Source: Microsoft, "about_Logging_Windows": a block of more than about 32 kB is logged in several events with the same
ScriptBlockId, MessageNumber of MessageTotal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from forensics.answers import fields
from forensics.answers.case import Case
from forensics.answers.cited import Cited, Earliest, host, place, short
from forensics.model.event import Event

#: blocks of one case; parts of one block; characters of one block, and of all
MAX_BLOCKS, MAX_PARTS, MAX_BLOCK, MAX_ALL = 20_000, 4096, 1 << 21, 1 << 26


@dataclass(slots=True)
class Block:
    """One script block of one computer.

    :param parts: number -> (where its first record stands, text).
    :param totals: what records say of how many parts there are.
    :param other: parts of which records give different texts.
    """

    host: str
    id: str
    values: Earliest = field(default_factory=Earliest)
    first: int | None = None
    parts: dict[int, tuple[tuple[object, ...], str]] = field(default_factory=dict)
    totals: set[int] = field(default_factory=set)
    other: set[int] = field(default_factory=set)
    cut: bool = False
    cited: Cited = field(default_factory=Cited)

    @property
    def total(self) -> int:
        """How many parts it has, as far as records say."""
        return max((*self.totals, *self.parts), default=0)

    @property
    def missing(self) -> list[int]:
        """Numbers of parts that no record gives, at most 64."""
        found = []
        for number in range(1, min(self.total, MAX_PARTS) + 1):
            if number not in self.parts:
                found.append(number)
                if len(found) == 64:
                    break
        return found

    @property
    def text(self) -> str:
        """The parts in order; a hole is a line that says so."""
        out, after = [], 0
        for number in sorted(self.parts):
            if number > after + 1:
                out.append(f"\n[parts {after + 1} to {number - 1} are missing]\n")
            out.append(self.parts[number][1])
            after = number
        if 0 < after < self.total:
            out.append(f"\n[parts {after + 1} to {self.total} are missing]")
        return "".join(out)

    def said(self) -> str:
        """How whole it is, in words."""
        words = [f"{len(self.parts)} of {self.total} parts"]
        gone = self.missing
        if gone:
            words.append(f"missing {', '.join(map(str, gone[:16]))}{'...' if len(gone) > 16 else ''}")
        if len(self.totals) > 1:
            words.append(f"records say {' and '.join(map(str, sorted(self.totals)[:4]))} parts")
        if self.other:
            words.append(f"part {', '.join(map(str, sorted(self.other)[:16]))} given with different texts")
        return "; ".join([*words, *(["cut at a bound"] if self.cut else [])])

    def row(self) -> dict[str, Any]:
        """Its columns."""
        return {
            "ts": self.first, "host": self.host, "kind": "script block", "user": self.values.get("user"), "id": self.id,
            "path": short(self.values.get("path"), 1024), "parts": self.said(), "text": short(self.text, 1 << 16),
            "size": sum(len(text) for _, text in self.parts.values()), **self.cited.columns(),
        }  # fmt: skip


@dataclass(slots=True)
class Blocks:
    """The script blocks of a case. *beyond*: records whose text was not kept."""

    found: dict[tuple[str, str], Block] = field(default_factory=dict)
    size: int = 0
    beyond: int = 0
    seen: int = 0

    def add(self, event: Event) -> None:
        """One 4104."""
        self.seen += 1
        get = fields.text
        name = get(event, "ScriptBlockId")[:64].lower() or f"none ({event.content[:12]} {event.locator})"
        key = (host(event), name)
        block = self.found.get(key)
        if block is None:
            if len(self.found) >= MAX_BLOCKS:
                self.beyond += 1
                return
            block = self.found[key] = Block(*key)
        number, total = fields.number(event, "MessageNumber") or 1, fields.number(event, "MessageTotal") or 1
        block.cited.add(event)
        for field_, value in (("user", event.user), ("path", get(event, "Path")), ("level", fields.level(event))):
            block.values.give(event, field_, value)
        if 0 < total <= 1 << 20 and len(block.totals) < 8:
            block.totals.add(total)
        if event.ts is not None:
            block.first = event.ts if block.first is None else min(block.first, event.ts)
        self._part(block, number, event)

    def _part(self, block: Block, number: int, event: Event) -> None:
        text, where = fields.raw(event, "ScriptBlockText"), place(event)
        known = block.parts.get(number)
        if known is not None:
            if known[1] != text:
                block.other.add(number)
            # the earliest record's text stands, whatever the order of files
            if (known[0], known[1]) > (where, text):
                block.parts[number] = (where, text)
            return
        held = sum(len(one) for _, one in block.parts.values())
        if not 0 < number <= MAX_PARTS or held + len(text) > MAX_BLOCK or self.size + len(text) > MAX_ALL:
            block.cut = True
            self.beyond += 1
            return
        self.size += len(text)
        block.parts[number] = (where, text)


def blocks(case: Case) -> Blocks:
    """Read every script block."""
    found = Blocks()
    for event in case.events(("script-block",)):
        found.add(event)
    return found


def in_order(found: Blocks) -> Iterator[Block]:
    """Blocks by time, undated last."""
    yield from sorted(found.found.values(), key=lambda one: (one.first is None, one.first or 0, one.host, one.id))
