"""Cases of what a command line names: a bag, or a workspace with its bags."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from forensics.answers.bagcase import BagCase, open_case
from forensics.errors import NotABag
from forensics.events.partitions import Partition, partitions_below
from forensics.model.event import Problem
from forensics.workspace.work import Workspace

WORK = "work.json"


def cases(place: Path) -> Iterator[BagCase]:
    """Yield one case a bag; a workspace's results go to each bag whose contents they are of.

    :raises NotABag: if it is neither; the hint says what it looks like.
    :raises FutureFormat, InputError: if a bag cannot be read.
    """
    if (place / "custody").is_dir():
        yield open_case(place)
        return
    if not (place / WORK).is_file():
        raise NotABag("neither a bag nor a workspace", where=str(place), hint=_hint(place))
    work = Workspace.open(place)
    parts = [
        Partition(place / receipt.stored, receipt.plugin, receipt.content, receipt.sha256)
        for receipt in work.latest()
        if receipt.stored
    ]
    stray = _stray(work)
    for ref in work.bags:
        case = open_case(Path(ref.path), parts, receipts=work.latest())
        case.problems += stray
        yield case


def _stray(work: Workspace) -> list[Problem]:
    """Row files that no receipt names: a run that was interrupted leaves one; a receipts file that was cut, many."""
    known = {receipt.stored for receipt in work.own_receipts()}
    found = [part for part in partitions_below(work.path / "events") if _stored(part) not in known]
    if not found:
        return []
    what = f"{len(found)} row files have no receipt and are not read, {_stored(found[0])} first: process again"
    return [Problem("", "no-receipt", what)]


def _stored(part: Partition) -> str:
    return f"events/{part.parser}/{part.path.name}"


def _hint(place: Path) -> str:
    """What to do about a place that is no case: the folder of a triage, loose logs."""
    if (place / "work" / WORK).is_file():
        return f"It is a triage's folder: name {place / 'work'}."
    if (place / "bag" / "custody").is_dir():
        return f"It is a triage's folder: name {place / 'bag'}."
    if place.exists():
        return (
            "Loose logs: sealbag scan matches Sigma rules with them; "
            "sealbag triage --profile full --source ... puts them into a bag, of which tables are made."
        )
    return "Name a bag (it holds custody/ledger.jsonl) or a workspace (it holds work.json)."
