"""Values of evidence made fit for a page: nothing invisible, nothing that turns text around, nothing endless."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from forensics.model.display import UNSAFE

#: characters of one cell; a longer one is cut and says so
MAX_CELL = 2000
#: characters of the rest of a record, as JSON
MAX_RECORD = 1 << 15
MAX_DEPTH = 12
MAX_ITEMS = 500
_EXACT = 1 << 53
_UNSAFE = re.compile(f"[{UNSAFE}]")


def clean(text: str, limit: int = MAX_CELL) -> str:
    """Return *text* with controls, bidirectional and invisible characters as ``\\u{HEX}``.

    A display (docs/format.md, "Names") comes back as it is. HTML is not escaped here: the
    template and the script do that where they put text into the page.
    """
    left_out = len(text) - limit
    if left_out > 0:
        text = f"{text[:limit]}… ({left_out:,} more characters)"
    return _UNSAFE.sub(lambda match: f"\\u{{{ord(match.group()):X}}}", text)


def cell(value: Any) -> str:
    """One value as one line of text; lists are joined, None is empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list | tuple):
        words = [cell(item) for item in value[:MAX_ITEMS]]
        return clean(" ".join(words))
    if isinstance(value, Mapping):
        return clean(json.dumps(tidy(value), ensure_ascii=False))
    return clean(str(value))


def tidy(value: Any, depth: int = 0) -> Any:
    """Return *value* as JSON that a browser reads exactly: bounded in depth and length, clean.

    Integers beyond 2^53 and what JSON has no word for become text.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_EXACT <= value <= _EXACT else clean(hex(value) if value.bit_length() > 4096 else str(value))
    if isinstance(value, str):
        return clean(value, MAX_RECORD)
    if depth >= MAX_DEPTH:
        return "… (nested deeper than is shown)"
    if isinstance(value, Mapping):
        items = list(value.items())
        out = {clean(str(name)): tidy(item, depth + 1) for name, item in items[:MAX_ITEMS]}
        if len(items) > MAX_ITEMS:
            out["…"] = f"{len(items) - MAX_ITEMS:,} more"
        return out
    if isinstance(value, list | tuple):
        row = [tidy(item, depth + 1) for item in value[:MAX_ITEMS]]
        return row if len(value) <= MAX_ITEMS else [*row, f"… ({len(value) - MAX_ITEMS:,} more)"]
    return clean(str(value))


def record(rest: Mapping[str, Any]) -> str:
    """The rest of a row as JSON text, "" if there is none; cut if longer than MAX_RECORD."""
    if not rest:
        return ""
    text = json.dumps(tidy(rest), ensure_ascii=False, separators=(",", ":"))
    return text if len(text) <= MAX_RECORD else json.dumps({"cut": clean(text, MAX_RECORD)}, ensure_ascii=False)
