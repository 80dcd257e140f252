"""Processing whole bags: parse and scan every content, once, with everything counted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from forensics.catalogue.reader import read
from forensics.custody.bag import BagWriter
from forensics.model.event import Receipt
from forensics.processing.contents import Content, contents_of
from forensics.processing.detecting import check_sigma
from forensics.processing.parsers import Parsers, load_parsers
from forensics.processing.plugins import Loaded, Plugins, load_plugins
from forensics.processing.scanning import check_packs
from forensics.processing.settings import SIGMA, YARA, OnStep, Settings
from forensics.processing.sinks import BagSink, receipt_from_line
from forensics.processing.stages import Processed, run_stages
from forensics.workspace.work import Workspace

SCANNERS = "forensics.scanners"


def held_receipts(bag: Path) -> list[Receipt]:
    """The receipts that a bag's own ``result`` lines state."""
    return [receipt_from_line(line) for line in read(bag) if line["kind"] == "result" and "parser" in line]


def _silent(phase: str, done: int, total: int, name: str) -> None:
    return


def check_settings(settings: Settings) -> None:
    """Refuse what cannot be run before anything is read or written.

    :raises PluginError: for a plug-in that is not registered.
    :raises RuleInvalid: for a rule pack that is not there, or of which no rule compiles.
    :raises FeatureUnavailable: for a verification that was asked for and needs an extra.
    """
    _, scanners = _plugins(settings)
    for scanner in scanners.loaded:
        if scanner.id == YARA and settings.packs:
            check_packs(scanner, settings.packs)
    if settings.detects and settings.sigma:
        check_sigma(settings.sigma)


def _plugins(settings: Settings) -> tuple[Parsers, Plugins]:
    wanted = tuple(id for id in settings.scanners if id != SIGMA)
    scanners = load_plugins(SCANNERS, wanted) if settings.scans else Plugins((), ())
    if not settings.parse and not settings.detects:
        return Parsers(), scanners
    return load_parsers(settings.parsers, settings.verify if settings.parse else "none"), scanners


def process_open_bag(bag: BagWriter, settings: Settings, step: OnStep = _silent) -> Processed:
    """Parse and scan what an open bag holds; results become payload with ``result`` lines.

    :raises StorageError: if the destination fails.
    """
    bag.commit()
    parsers, scanners = _plugins(settings)
    for loaded in (*parsers.loaded, *scanners.loaded):
        _plugin_line(bag, loaded)
    contents = list(contents_of(bag.path).values())
    done = run_stages(contents, BagSink(bag, held_receipts(bag.path)), settings, parsers, scanners, step)
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
    work.forget_damaged()
    merged: dict[str, Content] = {}
    for ref in work.bags:
        work.know(held_receipts(Path(ref.path)))
        for sha256, content in contents_of(Path(ref.path)).items():
            merged.setdefault(sha256, content)
    return run_stages(list(merged.values()), work, settings, parsers, scanners, step)


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
