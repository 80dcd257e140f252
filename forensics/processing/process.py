"""Processing whole bags: parse and scan every content, once, with everything counted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from forensics.catalogue.reader import read
from forensics.custody.bag import BagWriter
from forensics.errors import RuleInvalid
from forensics.model.event import Receipt
from forensics.processing.claiming import Claim, claim_all
from forensics.processing.completeness import Completeness
from forensics.processing.contents import Content, contents_of
from forensics.processing.gathering import gather_all
from forensics.processing.parsers import Parsers, Verify, load_parsers
from forensics.processing.parsing import Parsing
from forensics.processing.plugins import Loaded, Plugins, load_plugins
from forensics.processing.scan_report import ScanReport
from forensics.processing.scanning import check_packs, scan_contents
from forensics.processing.sinks import BagSink, Sink, receipt_from_line
from forensics.scan.folder import own_pack
from forensics.workspace.work import Workspace

YARA = "yara"
SCANNERS = "forensics.scanners"
#: told (phase, done, total, name)
OnStep = Callable[[str, int, int, str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run.

    :param parsers: ids; empty = all. :param scanners: likewise.
    :param packs: rule files and folders for YARA, in place of our own.
    :param parse: False leaves the parsers out; *scan* likewise the scanners.
    :param verify: how far other parsers check the records (:data:`forensics.processing.parsers.Verify`).
    """

    parsers: tuple[str, ...] = ()
    scanners: tuple[str, ...] = ()
    packs: tuple[str, ...] = ()
    parse: bool = True
    scan: bool = True
    verify: Verify = ""
    workers: int = field(default_factory=lambda: max(1, min(4, os.cpu_count() or 1)))


@dataclass(slots=True)
class Processed:
    """What a run gave: parsing, and one report a scanner."""

    parsing: Completeness
    scans: list[ScanReport] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)


def held_receipts(bag: Path) -> list[Receipt]:
    """The receipts that a bag's own ``result`` lines state."""
    return [receipt_from_line(line) for line in read(bag) if line["kind"] == "result" and "parser" in line]


def _silent(phase: str, done: int, total: int, name: str) -> None:
    return


def _counted(step: OnStep, phase: str, total: int) -> Callable[[str], None]:
    """A function to be told of each thing done in *phase*."""
    done = 0

    def one(name: str) -> None:
        nonlocal done
        done += 1
        step(phase, done, total, name)

    step(phase, 0, total, "")
    return one


def _parse(claims: list[Claim], sink: Sink, settings: Settings, found: Completeness, step: OnStep) -> Completeness:
    """Gather where parsers ask for it, then parse."""
    gathered = gather_all(claims, sink, workers=settings.workers, on_done=_counted(step, "gather", len(claims)))
    try:
        told = _counted(step, "process", len(claims))
        return Parsing(sink, found, workers=settings.workers, on_done=told, gathered=gathered).run(claims)
    finally:
        for one in gathered.values():
            if one.path is not None:
                one.path.unlink(missing_ok=True)


def _run(
    contents: dict[str, Content], sink: Sink, settings: Settings, parsers: Parsers, scanners: Plugins, step: OnStep
) -> Processed:
    total, found = len(contents), Completeness()
    claims = claim_all(parsers.loaded, contents.values(), found, parsers.quiet) if settings.parse else []
    parsing = _parse(claims, sink, settings, found, step)
    out = Processed(parsing, broken=[*parsers.broken, *scanners.broken])
    for name, (error, count) in parsing.no_claims.items():
        out.broken.append((name, f"it failed when asked about {count} contents, which it was not given: {error}"))
    for scanner in scanners.loaded:
        packs = _packs(scanner, settings)
        if packs is None:
            out.broken.append((scanner.id, "it brings no rules, and none were named for it"))
            continue
        scanned = _counted(step, "scan", total)
        try:
            scan = scan_contents(contents.values(), scanner, packs, sink, workers=settings.workers, on_done=scanned)
        except RuleInvalid as error:
            # what is parsed and what other scanners find stands; the user's own packs were checked before
            out.broken.append((scanner.id, str(error)[:300]))
            continue
        out.scans.append(scan)
    return out


def check_settings(settings: Settings) -> None:
    """Refuse what cannot be run before anything is read or written.

    :raises PluginError: for a plug-in that is not registered.
    :raises RuleInvalid: for a rule pack that is not there, or of which no rule compiles.
    """
    _, scanners = _plugins(settings)
    for scanner in scanners.loaded:
        if scanner.id == YARA and settings.packs:
            check_packs(scanner, settings.packs)


def _packs(scanner: Loaded, settings: Settings) -> tuple[str, ...] | None:
    """The packs of a scanner: named by the user (YARA), its own attribute ``packs``, ours; None if there are none."""
    if scanner.id == YARA and settings.packs:
        return settings.packs
    brought = tuple(str(path) for path in getattr(scanner.obj, "packs", ()))
    if brought or own_pack(scanner.id).is_dir():
        return brought
    return None


def _plugins(settings: Settings) -> tuple[Parsers, Plugins]:
    scanners = load_plugins(SCANNERS, settings.scanners) if settings.scan else Plugins((), ())
    return load_parsers(settings.parsers, settings.verify) if settings.parse else Parsers(), scanners


def process_open_bag(bag: BagWriter, settings: Settings, step: OnStep = _silent) -> Processed:
    """Parse and scan what an open bag holds; results become payload with ``result`` lines.

    :raises StorageError: if the destination fails.
    """
    bag.commit()
    parsers, scanners = _plugins(settings)
    for loaded in (*parsers.loaded, *scanners.loaded):
        _plugin_line(bag, loaded)
    done = _run(contents_of(bag.path), BagSink(bag, held_receipts(bag.path)), settings, parsers, scanners, step)
    for name, reason in done.broken:
        bag.line("note", {"text": f"plug-in {name} was not run: {reason}"})
    for sha256, reason in done.parsing.unread:
        bag.line("note", {"text": f"content {sha256} could not be read back for parsing: {reason}"})
    bag.commit()
    return done


def _plugin_line(bag: BagWriter, loaded: Loaded) -> None:
    plugin = loaded.plugin
    fields = {"group": plugin.group, "id": plugin.id, "distribution": plugin.distribution}
    bag.line("plugin", fields | {"version": plugin.version, "sha256": loaded.digest})


def process_workspace(work: Workspace, settings: Settings, step: OnStep = _silent) -> Processed:
    """Parse and scan every bag of a workspace; what a bag or the workspace holds already is skipped.

    :raises NotABag, FutureFormat, InputError, StorageError:
    """
    parsers, scanners = _plugins(settings)
    merged: dict[str, Content] = {}
    for ref in work.bags:
        work.know(held_receipts(Path(ref.path)))
        for sha256, content in contents_of(Path(ref.path)).items():
            merged.setdefault(sha256, content)
    return _run(merged, work, settings, parsers, scanners, step)


def statement(receipts: Iterable[Receipt]) -> dict[str, dict[str, dict[str, int]]]:
    """The completeness statement in numbers: {plugin: {artefacts{status}, events{state}}}."""
    table: dict[str, dict[str, dict[str, int]]] = {}
    for receipt in receipts:
        row = table.setdefault(receipt.plugin, {"artefacts": {}, "events": {}})
        row["artefacts"][receipt.status] = row["artefacts"].get(receipt.status, 0) + 1
        for name in ("live", "recovered", "corrupt", "problems", "findings"):
            count = receipt.counts.get(name)
            if isinstance(count, int):
                row["events"][name] = row["events"].get(name, 0) + count
    return dict(sorted(table.items()))
