"""Which lines a citation needs, and where in a bag an event lies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from forensics.catalogue.contents import files_of
from forensics.catalogue.reader import Line, read
from forensics.custody.proving import SealedLedger, read_whole
from forensics.errors import InputError
from forensics.events.partitions import Partition, lines
from forensics.model.event import Problem
from forensics.transfer.cite_check import MAX_CONTENT

_EVENT = re.compile(r"[0-9a-f]{64}")
_SIGNERS = ("open", "resume", "key")


@dataclass(frozen=True, slots=True)
class Found:
    """What is cited.

    :param seq: of the line; *seqs*: of all lines that go along, it included.
    :param row: of an event, its line in the derived file without LF; *content*: that file.
    """

    seq: int
    seqs: frozenset[int]
    row: bytes | None = None
    content: bytes = b""


def is_event_id(text: str) -> bool:
    """Whether *text* has the form of an event_id."""
    return _EVENT.fullmatch(text) is not None


def find_line(ledger: SealedLedger, seq: int) -> Found:
    """Find the lines that help to read line *seq*.

    :raises InputError: if there is none.
    """
    if not 0 <= seq < ledger.tree.size:
        raise InputError(
            f"the ledger has no line {seq}; its lines are 0 to {ledger.tree.size - 1}", where=str(ledger.path)
        )
    (line,) = (fields for _, fields in ledger.lines({seq}))
    content = line.get("content") if line["kind"] == "result" else None
    return Found(seq, _companions(ledger.path, seq, line, content))


def find_event(ledger: SealedLedger, event_id: str, on_step: Callable[[str, int, int], None] | None) -> Found:
    """Find an event among the results that the bag holds.

    :raises InputError: if none of them has it, or the derived file is too large for a citation.
    """
    results = [line for line in read(ledger.path) if line["kind"] == "result" and "stored" in line]
    for number, line in enumerate(results, 1):
        if on_step is not None:
            on_step("cite", number, len(results))
        ((stored, size),) = files_of(line)
        if "derived/" not in stored:
            continue
        place = ledger.path / stored
        row = _row(place, line, event_id)
        if row is None:
            continue
        if size > MAX_CONTENT:
            raise InputError(
                f"the event's derived file has {size:,} bytes; a citation holds {MAX_CONTENT:,}", where=stored,
                hint=f"Cite line {line['seq']}, which states the file's digest.",
            )  # fmt: skip
        found = frozenset(_companions(ledger.path, line["seq"], line, line.get("content")))
        return Found(line["seq"], found, row, read_whole(place, MAX_CONTENT))
    raise InputError(
        f"no result in the bag holds the event {event_id[:16]}...", where=str(ledger.path),
        hint="Events made after the seal lie in a workspace: sealbag seal WORKSPACE makes a bag of them.",
    )  # fmt: skip


def _row(place: Path, line: Line, event_id: str) -> bytes | None:
    """The row of an event in a derived file, which must be the one that was sealed."""
    wanted, found = event_id.encode(), None
    try:
        for row in lines(Partition(place, str(line.get("parser", "")), sha256=line["sha256"])):
            if isinstance(row, Problem):
                raise InputError(f"a derived file is damaged ({row.detail})", where=f"seq {line['seq']}")
            if found is None and wanted in row and _is(row, event_id):
                found = row
    except OSError as error:
        raise InputError(f"a derived file cannot be read ({error.strerror})", where=str(place)) from error
    return found


def _is(row: bytes, event_id: str) -> bool:
    try:
        fields = json.loads(row.decode("utf-8"))
    except (ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and fields.get("event_id") == event_id


def _companions(bag: Path, seq: int, cited: Line, content: object) -> frozenset[int]:
    """The line itself, the open line, the last that names a signer, and of artefacts the source and volume."""
    artefacts = [cited] if cited["kind"] == "artefact" else list(_holding(bag, content))[:1]
    places = {
        (line.get("source", ""), volume) for line in artefacts for volume in ("", line.get("volume", ""))
    } | ({(cited.get("source", ""), "")} if cited["kind"] == "source" else set())  # fmt: skip
    signer, lines_of = 0, {seq, 0, *(line["seq"] for line in artefacts)}
    last: dict[tuple[str, str], int] = {}
    for line in read(bag):
        if line["kind"] in _SIGNERS and "signer" in line:
            signer = line["seq"]
        elif line["kind"] == "source" and (line["source"], line.get("volume", "")) in places:
            last[line["source"], line.get("volume", "")] = line["seq"]
    return frozenset({signer, *lines_of, *last.values()})


def _holding(bag: Path, content: object) -> Iterator[Line]:
    if isinstance(content, str) and content:
        for line in read(bag):
            if line["kind"] == "artefact" and line.get("sha256") == content:
                yield line
                return
