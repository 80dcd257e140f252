"""python -m benchmarks.gramming: learn which pieces of text are common in event logs.

Writes forensics/detect/fast/data/grams.json: for every piece of two or three characters, lower case, that
stands in at least 1 of 500 of the texts in the recordings' records, in how many of 1,000 texts it stands; and for
every field that 100 records have, the values that at least 1 of 50 of its texts are, likewise.
Only recordings whose SHA-256 begins with an even digit are read; the detection benchmark is made of
the others, so that what it is measured on was never learnt from.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, say

OUT = ROOT / "forensics" / "detect" / "fast" / "data" / "grams.json"
DATA = ROOT.parent / "shared" / "data"
FOLDERS = ("evtx", "sigma/regression_data")
#: a text is looked at up to here; a script of 30 KB would make everything common
MAX_TEXT = 1000
LEAST = 2
#: of fields: in how many records, and how common a value must be, of 1,000
FIELD_RECORDS, LEAST_VALUE, MAX_VALUE = 100, 20, 200


def recordings(learnt: bool) -> list[Path]:
    """The event logs that are learnt from, or the ones held out for measuring."""
    found = []
    for folder in FOLDERS:
        for path in sorted((DATA / folder).rglob("*.evtx")):
            even = int(hashlib.sha256(path.read_bytes()).hexdigest()[0], 16) % 2 == 0
            if even is learnt:
                found.append(path)
    return found


def _texts(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Yield (field, text), lower case; numbers are texts too."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name not in ("System", "#attributes"):
                yield from _texts(one, field if name == "#text" else name)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one, field)
    elif value is not None:
        yield field, str(value)[:MAX_TEXT].lower()


def _common(fields: dict[str, Counter[str]]) -> dict[str, dict[str, int]]:
    """Of each field that is met often, the values that are."""
    found = {}
    for name, values in sorted(fields.items()):
        total = values.total()
        if total >= FIELD_RECORDS:
            rated = {value: round(1000 * n / total) for value, n in values.most_common(40) if len(value) <= MAX_VALUE}
            found[name] = {value: rate for value, rate in rated.items() if rate >= LEAST_VALUE}
    return found


def main() -> None:
    """Count, and write the table."""
    import evtx

    counts: Counter[str] = Counter()
    fields: dict[str, Counter[str]] = {}
    texts = records = 0
    for path in recordings(learnt=True):
        try:
            for record in evtx.PyEvtxParser(str(path)).records_json():
                if not isinstance(record, dict):
                    continue
                records += 1
                for field, low in _texts(json.loads(record["data"])):
                    texts += 1
                    fields.setdefault(field, Counter())[low] += 1
                    counts.update({low[i : i + n] for n in (2, 3) for i in range(len(low) - n + 1)})
        except (RuntimeError, OSError) as error:
            say(f"{path.name}: {error}")
    grams = {gram: round(1000 * n / texts) for gram, n in sorted(counts.items()) if 1000 * n >= LEAST * texts}
    table = {"records": records, "texts": texts, "per": 1000, "least": LEAST, "grams": grams, "fields": _common(fields)}
    OUT.write_text(json.dumps(table, ensure_ascii=True, indent=0, separators=(",", ":")) + "\n", "ascii")
    say(f"{records} records, {texts} texts, {len(grams)} pieces, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
