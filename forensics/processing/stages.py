"""The stages of a run: gather, parse, scan, detect, arbitrate. What is done in one stays when a later one stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from forensics.errors import ChildError, RuleInvalid
from forensics.model.event import GatheringParser
from forensics.processing.arbitrating import arbitrate
from forensics.processing.claiming import Claim, claim_all
from forensics.processing.completeness import Completeness
from forensics.processing.contents import Content
from forensics.processing.detecting import brings_rules, detect
from forensics.processing.gathering import gathered_of
from forensics.processing.parsers import Parsers
from forensics.processing.parsing import Parsing
from forensics.processing.plugins import Loaded, Plugins
from forensics.processing.scan_report import ScanReport
from forensics.processing.scanning import scan_contents
from forensics.processing.settings import SIGMA, YARA, OnStep, Settings, counted
from forensics.processing.sinks import Store
from forensics.processing.targets import targets_of
from forensics.scan.folder import own_pack
from forensics.workspace.work import Workspace

_NO_RULES = "it brings no rules, and none were named for it"


@dataclass(slots=True)
class Processed:
    """What a run gave: parsing, and one report a scanner; that of detection is among them.

    :param broken: plug-ins that did not run, and why.
    :param not_judged: records behind alerts that other parsers were not asked about, for their number.
    """

    parsing: Completeness
    scans: list[ScanReport] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    not_judged: int = 0


def run_stages(
    contents: Sequence[Content], store: Store, settings: Settings, parsers: Parsers, scanners: Plugins, step: OnStep
) -> Processed:
    """Parse, scan and detect; what is there already is skipped."""
    found = Completeness()
    claims = claim_all(parsers.loaded, contents, found, parsers.quiet)
    out = Processed(found, broken=[*parsers.broken, *scanners.broken])
    if settings.parse:
        _parse(claims, store, settings, found, step)
    for name, (error, count) in found.no_claims.items():
        out.broken.append((name, f"it failed when asked about {count} contents, which it was not given: {error}"))
    for scanner in scanners.loaded:
        _scan(scanner, contents, store, settings, out, step)
    if settings.detects:
        _detect(claims, store, settings, out, step)
    return out


def _parse(claims: list[Claim], store: Store, settings: Settings, found: Completeness, step: OnStep) -> None:
    gathering = sum(isinstance(claim.parser.obj, GatheringParser) for claim in claims)
    asked = counted(step, "gather", gathering)
    with gathered_of(claims, store, workers=settings.workers, on_done=asked) as gathered:
        told = counted(step, "process", len(claims))
        Parsing(store, found, workers=settings.workers, on_done=told, gathered=gathered).run(claims)


def packs_of(scanner: Loaded, settings: Settings) -> tuple[str, ...] | None:
    """The packs of a scanner: named by the user (YARA), its own attribute ``packs``, ours; None if there are none."""
    if scanner.id == YARA and settings.packs:
        return settings.packs
    brought = tuple(str(path) for path in getattr(scanner.obj, "packs", ()))
    if brought or own_pack(scanner.id).is_dir():
        return brought
    return None


def _scan(
    scanner: Loaded, contents: Sequence[Content], store: Store, settings: Settings, out: Processed, step: OnStep
) -> None:
    packs = packs_of(scanner, settings)
    if packs is None:
        out.broken.append((scanner.id, _NO_RULES))
        return
    told = counted(step, "scan", len(contents))
    try:
        out.scans.append(scan_contents(contents, scanner, packs, store, workers=settings.workers, on_done=told))
    except RuleInvalid as error:
        # what is parsed and what other scanners find stands; the user's own packs were checked before
        out.broken.append((scanner.id, str(error)[:300]))


def _detect(claims: list[Claim], store: Store, settings: Settings, out: Processed, step: OnStep) -> None:
    if not settings.sigma and not brings_rules():
        out.broken.append((SIGMA, _NO_RULES))
        return
    results = [(one, path) for one in store.current() if (path := store.rows_of(one)) is not None]
    targets = targets_of(claims, results)
    if not targets:
        return  # no rule is made ready for nothing; that none ran is said where the results are summed up
    told = counted(step, "detect", len(targets))
    # a workspace stays, and keeps what was compiled; a bag's scratch must be empty when it is sealed
    cache = settings.cache or (store.scratch / "rules-cache" if isinstance(store, Workspace) else None)
    try:
        report = detect(targets, settings.sigma, store, workers=settings.workers, on_done=told, cache=cache)
    except (RuleInvalid, ChildError) as error:
        # an engine that does not even start costs detection alone
        out.broken.append((SIGMA, str(error)[:300]))
        return
    out.scans.append(report)
    if settings.parse:
        _arbitrate(claims, report, store, settings, out, step)


def _arbitrate(
    claims: list[Claim], report: ScanReport, store: Store, settings: Settings, out: Processed, step: OnStep
) -> None:
    """Have the records behind alerts judged, of this run's detection or of the same run made before."""
    store.current()  # a bag's rows lie in their place from here on
    receipt = store.find(report.key)
    rows = store.rows_of(receipt) if receipt is not None else None
    if rows is not None:
        told = counted(step, "arbitrate", 0)
        _, out.not_judged = arbitrate(claims, rows, store, workers=settings.workers, on_done=told)
