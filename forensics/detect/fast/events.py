"""The events of an item: native records of a content, or rows that a parser has written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forensics.detect.fast.answer import Seen
from forensics.tasks.content_file import ContentFile
from forensics.tasks.parse_content import load_plugin
from forensics.tasks.rowread import RowsBroken, row_lines

if TYPE_CHECKING:
    from forensics.detect.fast.answer import Answer

#: one row, as forensics/events/partitions.py reads it
MAX_ROW = 4 << 20
_BLOCK = 1 << 20


def of_texts(item: dict[str, Any], answer: Answer) -> Iterator[Seen]:
    """Yield the records of a content, as its TextsParser gives them; may raise whatever that raises.

    What the parser says it could not give is counted.
    """
    parser = load_plugin(item["plugin"], {})
    span = tuple(item["span"]) if item.get("span") else None
    content = ContentFile(
        item["path"], item["size"], item["content"], item.get("inputs", {}), parser.id, parser.version, span
    )
    for locator, text in parser.texts(content):
        yield Seen(locator, text)
    count = content.told.get("not-given", 0)
    if isinstance(count, int) and count > 0:
        answer.not_given(count, str(content.told.get("not-given-first", "")))


def of_rows(item: dict[str, Any], answer: Answer) -> Iterator[Seen]:
    """Yield the native records of a row file; what is left out is counted.

    :raises OSError: if the file cannot be read.
    """
    import msgspec

    decode, encode = msgspec.json.Decoder(dict[str, Any]).decode, msgspec.json.Encoder().encode
    path = Path(item["rows"])
    try:
        for line in row_lines(path, MAX_ROW):
            try:
                row = decode(line)
                if "event_id" not in row:
                    continue  # a problem of the parser
                event = _native(row)
                if event is None:
                    answer.counts["no-record"] += 1
                elif _asked(row, answer):
                    text = encode({"Event": event}).decode()
                    yield Seen(row["locator"], text, _time(row), row.get("state", "live"), _class(row))
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                answer.bad_row(str(error))
    except RowsBroken as error:
        answer.bad_row(str(error))
    if item.get("sha256") and _sha256(path) != item["sha256"]:
        answer.bad_row("the row file has another SHA-256 than was stated")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _native(row: dict[str, Any]) -> dict[str, Any] | None:
    """The native record of an event's row; None if it has none that Sigma knows: class E, a conflict of records.

    :raises ValueError: if it is of a wrong type.
    """
    attrs = row.get("attrs")
    if not isinstance(attrs, dict) or "Event" not in attrs:
        return None
    if not isinstance(row.get("locator"), str) or not isinstance(attrs["Event"], dict):
        raise ValueError("an event without locator, or whose record is no object")
    return attrs["Event"]


def _class(row: dict[str, Any]) -> str:
    found = row["attrs"].get("class", "")
    return found[:8] if isinstance(found, str) else ""


def _time(row: dict[str, Any]) -> int | None:
    found = row.get("ts")
    return found if type(found) is int else None


def _asked(row: dict[str, Any], answer: Answer) -> bool:
    """Whether rules are matched against the event: recovered ones only if their template is certain."""
    state = row.get("state", "live")
    if state not in ("live", "recovered", "corrupt"):
        raise ValueError("an event of an unknown state")
    if state != "recovered":
        return True
    answer.counts[f"class-{_class(row) or 'none'}"] += 1
    if _class(row).startswith("A"):
        return True
    answer.counts["not-asked"] += 1
    return False
