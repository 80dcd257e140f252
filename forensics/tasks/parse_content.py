"""Parsing one content, inside a supervised child."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from forensics.model.event import Event, Problem
from forensics.tasks.content_file import ContentFile
from forensics.tasks.rowfile import RowsUnwritten, RowTooBig, RowWriter
from forensics.worker.items import beat

MAX_PROBLEMS = 50
BEAT_ROWS = 2048
#: a parser that goes in a circle never falls silent; a packed log may well hold hundreds of lines a byte
MIN_RECORDS, RECORDS_PER_BYTE = 10_000, 1000
_GC = (50_000, 20, 20)
_plugins: dict[str, Any] = {}


def load_plugin(target: str, options: Mapping[str, Any]) -> Any:
    """Return the plug-in's object, made once in a child for the same options."""
    key = json.dumps([target, dict(options)], sort_keys=True)
    found = _plugins.get(key)
    if found is None:
        module, _, attribute = target.partition(":")
        factory = getattr(importlib.import_module(module), attribute)
        found = _plugins[key] = factory(**({"options": dict(options)} if options else {}))
    return found


@contextlib.contextmanager
def seldom_collected() -> Iterator[None]:
    """Look for circles of objects every 50,000 of them: records hold none, and each look costs (measured: 8 %)."""
    before = gc.get_threshold()
    gc.set_threshold(*_GC)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def content_of(item: Mapping[str, Any], parser: Any) -> ContentFile:
    """The content of *item* as *parser* sees it: all of it, or the item's ``span``; with what was ``gathered``."""
    span = item.get("span")
    return ContentFile(
        item["path"], item["size"], item["sha256"], item["inputs"], parser.id, parser.version,
        (int(span[0]), int(span[1])) if span else None, str(item.get("gathered", "")),
    )  # fmt: skip


def parse(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Parse *item* (path, size, sha256, inputs, plugin, options, out, span, gathered); return status, counts, problems.

    An exception of the parser ends this content: what was had stands, the status is
    ``partial`` or ``failed`` and the code its class.
    """
    parser = load_plugin(item["plugin"], item.get("options") or {})
    content = content_of(item, parser)
    counts: Counter[str] = Counter()
    problems: list[dict[str, str]] = []
    code = detail = ""
    size = content.span[1] - content.span[0]
    limit = MIN_RECORDS + RECORDS_PER_BYTE * size
    with seldom_collected(), RowWriter(item["out"]) as rows:
        try:
            for number, found in enumerate(parser.parse(content), 1):
                if number % BEAT_ROWS == 0:
                    beat()
                if number > limit:
                    code, detail = "endless", f"more than {limit} records of {size} bytes: given up"
                    break
                _take(found, rows, counts, problems)
        except (MemoryError, RowsUnwritten):
            raise  # the child is to die of the first and be replaced; the second is not the content's fault
        except Exception as error:  # noqa: BLE001  the boundary to a plug-in: its failure is an outcome
            code, detail = type(error).__name__, str(error)[:500]
    return {
        "status": _status(counts, code),
        "counts": dict(counts) | {f"told_{name}": value for name, value in content.told.items()},
        "problems": problems,
        "rows": rows.rows,
        "code": code,
        "detail": detail,
        "version": parser.version,
    }


def _take(found: Event | Problem, rows: RowWriter, counts: Counter[str], problems: list[dict[str, str]]) -> None:
    if isinstance(found, Event):
        try:
            rows.add_event(found)
        except (RowTooBig, ValueError, TypeError) as error:
            found = Problem(found.locator, "row", str(error)[:200])
        else:
            counts[found.state] += 1
            return
    counts["problems"] += 1
    if len(problems) < MAX_PROBLEMS:
        problems.append({"locator": found.locator[:200], "code": found.code[:80], "detail": found.detail[:300]})


def _status(counts: Counter[str], code: str) -> str:
    events = counts["live"] + counts["recovered"] + counts["corrupt"]
    if code:
        return "partial" if events else "failed"
    if counts["problems"]:
        return "partial" if events else "failed"
    return "ok" if events else "empty"
