"""Records behind alerts judged by other parsers, inside a supervised child."""

from __future__ import annotations

from collections import Counter
from typing import Any

from forensics.model.event import Event
from forensics.model.event_rows import event_row
from forensics.tasks.parse_content import content_of, load_plugin
from forensics.tasks.rowfile import RowsUnwritten, RowTooBig, RowWriter
from forensics.worker.items import beat

#: events for each locator asked about; a plug-in that gives more goes in a circle
PER_LOCATOR = 4


def arbitrate(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Judge the records at the item's ``locators``; the other fields are as for ``parse_content:parse``.

    :param item: with ``as``, the parser id that the rows bear.
    """
    parser = load_plugin(item["plugin"], item.get("options") or {})
    content = content_of(item, parser)
    counts: Counter[str] = Counter()
    code = detail = ""
    limit = PER_LOCATOR * len(item["locators"])
    with RowWriter(item["out"]) as rows:
        try:
            for number, found in enumerate(parser.arbitrate(content, item["locators"]), 1):
                beat()
                if number > limit:
                    code, detail = "endless", f"more than {limit} judgements of {len(item['locators'])} records"
                    break
                _take(found, str(item["as"]), rows, counts)
        except (MemoryError, RowsUnwritten):
            raise  # the child is to die of the first and be replaced; the second is not the content's fault
        except Exception as error:  # noqa: BLE001  the boundary to a plug-in: its failure is an outcome
            code, detail = type(error).__name__, str(error)[:500]
    told = {f"told_{name}": value for name, value in content.told.items()}
    # a judgement that could not be written is a loss as one that was not given is
    cut = bool(code or counts["problems"])
    ended = ("partial" if cut else "ok") if rows.rows else "failed" if cut else "empty"
    return {
        "status": ended, "counts": {"live": rows.rows} | dict(counts) | told, "problems": [],
        "rows": rows.rows, "code": code, "detail": detail,
    }  # fmt: skip


def _take(found: Event, id: str, rows: RowWriter, counts: Counter[str]) -> None:
    made = Event(
        found.content, id, found.version, found.locator, found.ts, found.ts_kind, found.tz_basis, found.ts_raw,
        found.state, found.user, found.src_ip, found.process, found.action, found.message, found.attrs,
    )  # fmt: skip
    try:
        rows.add(event_row(made))
    except (RowTooBig, ValueError, TypeError):
        counts["problems"] += 1
    else:
        verdict = found.attrs.get("verdict")
        counts[f"verdict-{verdict[:30] if isinstance(verdict, str) else 'none'}"] += 1
