"""One reader over one event log, in a process of its own: ``python -m benchmarks.evtxjobs JOB LOG``.

Prints {records, cpu, wall, rss}: seconds around the work, without Python's start and imports. The peers' rows are
written by our own writer of rows, so that only the reading differs.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import resource
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import SCRATCH

#: not where others write: a benchmark that ends removes that folder whole
OUT = SCRATCH / "evtx-out"
TARGET = "collectors.parsers.evtx.parser:EvtxParser"


def item(log: Path, name: str, **more: Any) -> dict[str, Any]:
    """A task of ours: *log* to a file of rows."""
    OUT.mkdir(parents=True, exist_ok=True)
    out = OUT / f"{os.getpid()}-{name}.rows"
    out.unlink(missing_ok=True)
    return {
        "path": str(log), "size": log.stat().st_size, "sha256": hashlib.sha256(log.name.encode()).hexdigest(),
        "inputs": {}, "plugin": TARGET, "out": str(out), **more,
    }  # fmt: skip


def events(log: Path) -> int:
    """Every record as an event with its columns; rows on disk: the parse task as a child runs it."""
    from forensics.tasks import parse_content

    task = item(log, "events")
    done = parse_content.parse(task, {})
    Path(task["out"]).unlink(missing_ok=True)
    if done["code"]:
        raise SystemExit(f"{log.name}: {done['code']} {done['detail']}")
    return int(done["counts"]["live"])


def texts(log: Path) -> int:
    """Every record as JSON text with its locator; nothing is written."""
    from collectors.parsers.evtx.parser import EvtxParser
    from forensics.tasks.parse_content import content_of

    parser = EvtxParser()
    return sum(1 for _ in parser.texts(content_of(item(log, "texts"), parser)))


def texts_rows(log: Path) -> int:
    """Every record's JSON text as a row with its locator, on disk: the native record alone, no columns."""
    import msgspec

    from collectors.parsers.evtx.parser import EvtxParser
    from forensics.tasks.parse_content import content_of
    from forensics.tasks.rowfile import RowWriter

    parser, task = EvtxParser(), item(log, "texts")
    with RowWriter(task["out"]) as rows:
        for locator, text in parser.texts(content_of(task, parser)):
            rows.add({"locator": locator, "attrs": msgspec.Raw(text)})
    Path(task["out"]).unlink(missing_ok=True)
    return rows.rows


def _libevtx(log: Path) -> Iterator[tuple[int, str]]:
    import pyevtx

    with log.open("rb") as stream:
        file = pyevtx.file()
        file.open_file_object(stream)
        for number in range(file.get_number_of_records()):
            try:
                record = file.get_record(number)
                yield record.get_identifier(), record.get_xml_string()
            except (OSError, ValueError):
                continue
        file.close()


def _python_evtx(log: Path) -> Iterator[tuple[int, str]]:
    from Evtx.BinaryParser import BinaryParserException
    from Evtx.Evtx import Evtx

    with Evtx(str(log)) as file:
        for record in file.records():
            try:
                yield record.record_num(), record.xml()
            except (BinaryParserException, KeyError, IndexError, ValueError, AttributeError):
                continue


def _value(node: ElementTree.Element) -> Any:
    """An element as a dict, as anybody would: attributes, children, text; names without their name space."""
    if not len(node) and not node.attrib:
        return node.text
    found: dict[str, Any] = {"#attributes": dict(node.attrib)} if node.attrib else {}
    for child in node:
        name = child.tag.rpartition("}")[2]
        if name == "Data" and "Name" in child.attrib:
            found[child.attrib["Name"]] = child.text
        else:
            found[name] = _value(child)
    if node.text and node.text.strip():
        found["#text"] = node.text
    return found


def _strings(reader: Callable[[Path], Iterator[tuple[int, str]]], log: Path) -> int:
    return sum(1 for _ in reader(log))


def _rows(reader: Callable[[Path], Iterator[tuple[int, str]]], log: Path) -> int:
    from forensics.tasks.rowfile import RowWriter

    out = item(log, "peer")["out"]
    with RowWriter(out) as rows:
        for identifier, xml in reader(log):
            try:
                rows.add({"record": identifier, "Event": _value(ElementTree.fromstring(xml.rstrip("\0")))})
            except ElementTree.ParseError:
                rows.add({"record": identifier, "xml": xml})
    Path(out).unlink(missing_ok=True)
    return rows.rows


def parts(log: Path, workers: int) -> int:
    """The log in parts over supervised children, as processing cuts it; a part's rows are removed when it is done."""
    from collectors.parsers.evtx.parser import EvtxParser
    from forensics.processing.parts import spans_of
    from forensics.worker.batch import run_items

    cut = spans_of(EvtxParser(), log.stat().st_size)
    tasks = [item(log, f"part{number}", span=list(span)) for number, span in enumerate(cut)]
    records = 0
    for one in run_items("forensics.tasks.parse_content:parse", tasks, workers=workers):
        if one.status != "ok" or one.value["status"] not in ("ok", "empty"):
            raise SystemExit(f"a part of {log.name}: {one}")
        records += one.value["counts"].get("live", 0)
        Path(tasks[one.index]["out"]).unlink(missing_ok=True)
    return records


JOBS: dict[str, Callable[[Path], int]] = {
    "events": events,
    "texts": texts,
    "texts-rows": texts_rows,
    "libevtx": lambda log: _strings(_libevtx, log),
    "libevtx-rows": lambda log: _rows(_libevtx, log),
    "python-evtx": lambda log: _strings(_python_evtx, log),
    "python-evtx-rows": lambda log: _rows(_python_evtx, log),
    "parts-1": lambda log: parts(log, 1),
    "parts-2": lambda log: parts(log, 2),
}


def _ready(job: str) -> None:
    """Import what the job needs; of ours also the catalogue of messages, which a child reads once."""
    from collectors.parsers.evtx.messages import catalogue

    modules = {"libevtx": "pyevtx", "python-evtx": "Evtx.Evtx"}
    for name in (modules.get(job.removesuffix("-rows"), "evtx"), "msgspec", "zstandard", "forensics.tasks.rowfile"):
        importlib.import_module(name)
    if job == "events":
        catalogue()


def main(job: str, log: str) -> None:
    """Do one job and print what it took."""
    _ready(job)
    start, own = time.perf_counter(), time.process_time()
    records = JOBS[job](Path(log))
    taken = {"records": records, "cpu": time.process_time() - own, "wall": time.perf_counter() - start}
    print(json.dumps(taken | {"rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:])
