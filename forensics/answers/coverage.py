"""The coverage statement: for each channel and host what was seen, what is missing, and what says so.

A row says what was not seen; it never says that something was not audited, not written, or deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from forensics.answers.case import Case, Held, Table
from forensics.answers.coverage_rules import Rules, rules_of, summary_rows
from forensics.answers.coverage_seen import MAX_FILES, MAX_LISTED, WINDOWS, Log, Seen, seen
from forensics.answers.grade import table
from forensics.model.event import Receipt
from forensics.source.times import rfc3339

_LOGS = (WINDOWS, "linux.", "web.")


def coverage_rows(case: Case, found: Seen, notes: list[str], packs: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """Yield a row a log, then what was looked for and not seen, then what was not read.

    Columns: ``what`` (``log``, ``cleared log`` that has no record here, ``empty log``, ``not seen``, ``not read``,
    ``audit``, ``rules``), ``host``, ``channel``, ``files``, ``first``, ``last`` (ns), ``records``, ``corrupt``,
    ``undated``, ``recovered``, ``oldest_id``, ``newest_id``, ``missing`` (numbers between them without
    live record), ``regained`` (of these, with a recovered record), ``gaps``, ``problems`` (of the parser),
    ``dirty`` (files), ``cleared``, ``says``, ``not_seen`` (channels; audit subcategories).

    :param packs: Sigma packs whose rules are held against it; none: our own.
    """
    receipts = _receipts(case)
    for key in sorted(found.logs, key=lambda one: (one[0], one[1])):
        yield _log(found.logs[key], receipts)
    yield from _files(case, found, receipts)
    yield from _not_seen(case, found)
    yield from _audit(found)
    for one in summary_rows(found, Rules(rules_of(packs))):
        counts = {name: one[name] for name in ("pack_sha256", "able", "no_log", "no_event")}
        yield _row("rules", one["host"], one["pack"], one["says"]) | counts
    if found.beyond:
        notes.append(f"{found.beyond:,} records of further logs are not in it")


def _receipts(case: Case) -> dict[str, Receipt]:
    return {one.content: one for one in case.receipts() if one.plugin == WINDOWS or one.plugin.startswith(_LOGS[1:])}


def _told(receipts: dict[str, Receipt], log: Log, name: str) -> int:
    values = (receipts[one].counts.get(name) for one in log.files if one in receipts)
    return sum(value for value in values if type(value) is int)


def _log(log: Log, receipts: dict[str, Receipt]) -> dict[str, Any]:
    gaps = list(log.ids.gaps())
    runs = log.ids.runs()
    row = _row("log" if log.live or log.corrupt or log.recovered else "cleared log", log.host, log.channel)
    row |= {
        "files": len(log.files), "first": log.first, "last": log.last, "records": log.live, "corrupt": log.corrupt,
        "undated": log.undated,
        "recovered": ", ".join(f"{name} {count}" for name, count in sorted(log.recovered.items())),
        "oldest_id": runs[0][0] if runs else None, "newest_id": runs[-1][1] if runs else None,
        "missing": sum(b - a + 1 for a, b in gaps) if runs else None,
        "regained": log.regained.within(gaps),
        "gaps": [f"{a}-{b}" if b > a else str(a) for a, b in gaps[:MAX_LISTED]],
        "problems": _told(receipts, log, "problems"), "dirty": _told(receipts, log, "told_file-dirty"),
        "cleared": [f"{(rfc3339(ts) or 'undated')[:19]} by {who or 'unknown'}" for ts, who in log.cleared],
    }  # fmt: skip
    return row | {"says": "; ".join(_says(log, runs, len(gaps)))}


def _says(log: Log, runs: list[tuple[int, int]], gaps: int) -> Iterator[str]:
    """What is to be known beside the numbers, in words."""
    if not log.live and not log.corrupt and log.windows:
        yield "no live record" + (" of its own: recovered ones alone" if log.recovered else "")
    if log.clearings:
        yield f"cleared {log.clearings:,} times"
    if len(log.files) >= MAX_FILES:
        yield f"in {MAX_FILES:,} files or more: problems and dirty flags of further ones are not counted"
    if runs and runs[0][0] > 1:
        why = "overwritten, cleared, archived or filtered"
        yield f"begins at number {runs[0][0]:,}: what was before is not here ({why})"
    if gaps > MAX_LISTED:
        yield f"{gaps:,} gaps in its numbers, the first {MAX_LISTED} listed"
    if log.ids.coarse:
        yield "too many gaps to be counted one by one: some are not counted"
    if log.shifted:
        yield f"{log.shifted:,} records have another number in their head than inside, as exported logs do"
    if log.back:
        yield f"time goes back by 5 minutes or more {log.back:,} times against the order of records"
    yield from (f"{word}: {count:,}" for word, count in sorted(log.notes.items()))


def _row(what: str, host: str, channel: str, says: str = "") -> dict[str, Any]:
    return {
        "what": what, "host": host, "channel": channel, "files": 0, "first": None, "last": None, "records": 0,
        "corrupt": 0, "undated": 0, "recovered": "", "oldest_id": None, "newest_id": None, "missing": None,
        "regained": 0, "gaps": [], "problems": 0, "dirty": 0, "cleared": [], "says": says, "not_seen": [],
    }  # fmt: skip


def channel_of(held: Held) -> str:
    """The channel that a log file's name stands for; files may have been renamed."""
    return held.name.removesuffix(".evtx").replace("%4", "/")


def _number(receipt: Receipt, name: str) -> int:
    value = receipt.counts.get(name, 0)
    return value if type(value) is int else 0


def _files(case: Case, found: Seen, receipts: dict[str, Receipt]) -> Iterator[dict[str, Any]]:
    """Log files without any record, and those that no parser read."""
    for content, receipt in receipts.items():
        if content in found.contents:
            continue
        held = case.place(content)
        name = (channel_of(held) if receipt.plugin == WINDOWS else held.path) if held is not None else content[:12]
        ended = f"{receipt.status}{f' ({receipt.code})' if receipt.code else ''}"
        what, says = "empty log", f"by its file's name; the parser ended {ended} and gave no record"
        if given := sum(_number(receipt, state) for state in ("live", "recovered", "corrupt")):
            what, says = "not read", f"{given:,} records were parsed and could not be read back: {name}"
        elif receipt.status in ("failed", "quarantined"):
            what = "not read"
        row, problems = _row(what, case.host, name, says), _number(receipt, "problems")
        yield row | {"files": 1, "problems": problems}
    for held in case.artefacts():
        if held.type == "file" and held.name.lower().endswith(".evtx") and held.sha256 not in receipts:
            says = f"{held.path}: {held.outcome or 'not stored'}" + ("; no parser gave a result" if held.sha256 else "")
            yield _row("not read", case.host, channel_of(held), says)


def _not_seen(case: Case, found: Seen) -> Iterator[dict[str, Any]]:
    expected = table("coverage")
    hosts = sorted({log.host for log in found.logs.values() if log.windows and log.live})
    for name in hosts:
        logs = (found.logs.get((name, channel.lower())) for channel in expected["windows"])
        there = [log is not None and bool(log.live or log.corrupt) for log in logs]
        lacking = [channel for channel, yes in zip(expected["windows"], there, strict=True) if not yes]
        if lacking:
            said = "; ".join(f"{channel} ({expected['windows'][channel]})" for channel in lacking)
            row = _row("not seen", name, f"{len(lacking)} of {len(there)} logs that hosts have")
            yield row | {"not_seen": lacking, "says": f"no live record of: {said}"}
    paths = [log.channel for log in found.logs.values() if not log.windows]
    if not paths:
        return
    for one in expected["linux"]:
        if not any(name in path.rpartition("/")[2] for path in paths for name in one["names"]):
            yield _row(
                "not seen", case.host, " or ".join(one["names"]), f"no record of it; it would show {one['says']}"
            )


def _audit(found: Seen) -> Iterator[dict[str, Any]]:
    """Audit subcategories of which no record was seen on a host whose Security log was."""
    names = table("coverage")["task"]
    for name in sorted(found.tasks):
        lacking = [words for number, words in names.items() if int(number) not in found.tasks[name]]
        if lacking:
            says = f"no record seen of {len(lacking)} of {len(names)} audit subcategories: {', '.join(lacking)}"
            row = _row("audit", name, "Security", f"{says}. Not written, overwritten, or nothing happened: not known")
            yield row | {"not_seen": lacking}


def coverage_table(
    case: Case, lacking: str, packs: tuple[str, ...] = (), found: Callable[[], Seen] | None = None
) -> Table:
    """The table of :func:`coverage_rows`.

    :param found: gives what one pass over the case saw, for several tables; None: a pass of its own.
    """
    notes: list[str] = []

    def make() -> Iterator[dict[str, Any]]:
        notes.clear()
        return coverage_rows(case, found() if found is not None else seen(case), notes, packs)

    return Table("coverage", make, lacking, notes)
