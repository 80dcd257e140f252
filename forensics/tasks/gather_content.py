"""What one content gives the others, inside a supervised child."""

from __future__ import annotations

import json
from typing import Any

from forensics.tasks.parse_content import content_of, load_plugin, seldom_collected
from forensics.tasks.rowfile import RowsUnwritten, RowWriter
from forensics.worker.items import beat

BEAT_ROWS = 256
#: rows that one content may give, however small
MAX_ROWS = 200_000
_dumps = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode


def canonical(line: bytes) -> bytes | None:
    """A row in the one form in which rows are compared: ASCII, names sorted; None if it is no JSON object."""
    try:
        row = json.loads(line)
        return _dumps(row).encode("ascii") if isinstance(row, dict) else None
    except (ValueError, RecursionError):
        return None


def gather(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Write the rows that a content gives.

    :param item: as for ``parse_content:parse``, and ``max_row`` and ``max_bytes``.
    :returns: ``rows`` written; ``too_large`` rows beyond max_row; ``beyond_content`` rows beyond max_bytes;
        ``code`` and ``detail`` if the parser raised: what it gave before stands.
    """
    parser = load_plugin(item["plugin"], item.get("options") or {})
    content = content_of(item, parser)
    too_large = beyond = written = 0
    code = detail = ""
    with seldom_collected(), RowWriter(item["out"]) as rows:
        try:
            for number, row in enumerate(parser.gather(content), 1):
                if number % BEAT_ROWS == 0:
                    beat()
                if number > MAX_ROWS:
                    code, detail = "endless", f"more than {MAX_ROWS} rows: given up"
                    break
                size = len(_dumps(dict(row)))
                if size > item["max_row"]:
                    too_large += 1
                elif written + size > item["max_bytes"]:
                    beyond += 1
                else:
                    written += size
                    rows.add(row)
        except (MemoryError, RowsUnwritten):
            raise  # the child is to die of the first and be replaced; the second is not the content's fault
        except Exception as error:  # noqa: BLE001  the boundary to a plug-in: its failure is an outcome
            code, detail = type(error).__name__, str(error)[:500]
    return {"rows": rows.rows, "too_large": too_large, "beyond_content": beyond, "code": code, "detail": detail}
