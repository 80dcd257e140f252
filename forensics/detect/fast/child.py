"""Detection inside a supervised child: rules made ready once, contents or rows in, finding rows out.

Both functions are targets of :func:`forensics.worker.batch.run_items` and take the same **options**:

======== ==========================================================================================
packs    absolute paths of Sigma packs, folders or files (``forensics.detect.rules.load_packs``)
cache    folder for compiled sets, made if it is not there; "" = none is read or written
sha256   of the rule set, as ``prepare`` answered it; "" for ``prepare`` itself. ``detect`` refuses
         (``RuleInvalid``) packs that have become others meanwhile
======== ==========================================================================================

``forensics.detect.fast.child:prepare`` (item ``{}``) answers: ``sha256``; ``packs`` [{name, sha256, rules}];
``rules``, ``correlations`` (numbers); ``problems`` [[where, rule, reason]...] (at most 2,000) and
``more_problems``; ``cached``: ``read``, ``written``, ``rebuilt`` (a bad file was there) or ``none``.

``forensics.detect.fast.child:detect`` takes one **item**: a content with a ``TextsParser``, or a row file of
events. Exactly one of ``path`` and ``rows`` is there.

======== ==========================================================================================
content  SHA-256 of the content, hex
parser   id of the parser whose events these are (``windows.evtx``): event ids are made of it
out      path for the finding rows, JSONL zstd (:func:`forensics.model.event_rows.finding_row`); not there
         if there are none
matches  path for the rows that correlations count, JSONL zstd, [] if no rule of a correlation matched:
         ``{"rule": id, "ts": ns or null, "locator", "event_id", "host", "fields": {...}}``, fields as
         :func:`forensics.detect.matches.keep`; "" or absent = not written
limit    findings kept of one rule in this item, default 1,000; the rest is counted in ``more``
-------- ------------------------------------------------------------------------------------------
path     the content's bytes, with: ``plugin`` (target of the TextsParser, as for ``parse_content:parse``),
         ``size``, ``inputs`` ({}), ``span`` ([from, before], absent = all)
-------- ------------------------------------------------------------------------------------------
rows     a partition (JSONL zstd) with its ``sha256`` ("" = nobody states it). Rows of state ``recovered`` are
         matched if their ``attrs.class`` begins with A; the others are counted by class and not matched
======== ==========================================================================================

The **answer**: ``status`` (``ok``, ``empty`` no event was seen, ``partial``, ``failed``), ``code``, ``detail``;
``rows`` and ``match_rows`` (numbers written); ``counts``: ``events`` seen, ``matched`` events, ``matches``
(event, rule) pairs, ``alert`` ``warning`` ``notice`` findings written, ``dropped`` findings beyond a bound,
``undated`` matches without a time, ``unreadable`` texts that are no JSON object, ``uncovered`` events to whose
log no rule applies, ``class-A1``... recovered rows by class, ``not-asked`` recovered rows of other classes,
``no-record`` rows of events without a native record (class E, a record's conflict with a live one), so not matched,
``row-problems``, ``not-given`` places of damage and records that the parser could not give (the status is then
``partial`` or ``failed``); ``rules`` {rule id: matches} and ``more`` {rule id: matches without a finding}, at most
2,000 each (``rules_left_out``: how many rules more); ``classes`` [[provider, channel, event id, events, rules]...],
the 200 most frequent, and ``classes_left_out``; ``problems`` [{locator, code, detail}], at most 20.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from forensics.detect.ast import RuleSet
from forensics.detect.fast import plan
from forensics.detect.fast.answer import Answer, Seen, SeenEvent
from forensics.detect.fast.arranged import Kept
from forensics.detect.fast.engine import Engine
from forensics.detect.fast.events import of_rows, of_texts
from forensics.detect.matches import only_counted, wanted_fields
from forensics.errors import RuleInvalid
from forensics.tasks.rowfile import RowsUnwritten
from forensics.worker.items import beat

#: problems of rules that one answer tells, as in forensics/tasks/scan_content.py
MAX_RULE_PROBLEMS = 2000
#: events between two signs of life
_BEAT = 256
#: a child makes few objects in circles and many that live long
_GC = (100_000, 50, 100)
Cached = Literal["read", "written", "rebuilt", "none"]
_engines: dict[str, Engine] = {}
_kept_classes: dict[str, Kept] = {}


def prepare(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Make the rules ready, and say what became of them; see the top of this file.

    :raises RuleInvalid: if a pack is not there, or has no rule file.
    """
    from forensics.detect.rules import pack_sha256

    packs = [(Path(path).name, pack_sha256(Path(path))) for path in options["packs"]]
    beat()
    ruleset, cached = _ruleset(options, [sha256 for _, sha256 in packs])
    told = ruleset.problems[:MAX_RULE_PROBLEMS]
    ran = Counter(one.pack_sha256 for one in ruleset.rules) + Counter(one.pack_sha256 for one in ruleset.correlations)
    return {
        "sha256": ruleset.sha256,
        "packs": [{"name": name[:256], "sha256": sha256, "rules": ran[sha256]} for name, sha256 in packs],
        "rules": len(ruleset.rules),
        "correlations": len(ruleset.correlations),
        "problems": [[one.where[:300], one.rule[:128], one.reason[:300]] for one in told],
        "more_problems": len(ruleset.problems) - len(told),
        "cached": cached,
    }


def detect(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Match the events of *item*; see the top of this file.

    :raises RuleInvalid: if the packs have become others than those of ``options["sha256"]``.
    :raises OSError: if rows cannot be written.
    """
    engine = _engine(options)
    ruleset = engine.ruleset
    with Answer(item, ruleset, wanted_fields(ruleset), only_counted(ruleset)) as answer:
        source = of_rows(item, answer) if "rows" in item else of_texts(item, answer)
        try:
            _match(engine, source, answer)
        except (MemoryError, BrokenPipeError, RowsUnwritten):
            raise  # the child is to die of it and be replaced; the last one is not the content's fault
        except Exception as error:  # noqa: BLE001  the boundary to a plug-in: its failure is an outcome
            answer.ended(type(error).__name__, str(error))
    found = answer.row(engine)
    _kept_classes[options.get("sha256", "")].write()
    return found


def _match(engine: Engine, source: Iterator[Seen], answer: Answer) -> None:
    """Give every event to the engine; an event that cannot be read is counted, and the next one comes."""
    matched, classes, count = engine.matched, answer.classes, 0
    for count, event in enumerate(source, 1):
        if count % _BEAT == 0:
            beat()
        try:
            fired, of = matched(event.text)
        except ValueError as error:
            answer.unreadable(event, str(error))
            continue
        answer.counts["events"] += 1
        classes[of] += 1
        if fired:
            answer.fired(fired, SeenEvent(event, of, engine.data))
        if len(classes) > answer.MAX_CLASSES:
            answer.trim()


def _engine(options: dict[str, Any]) -> Engine:
    """The engine, made once in a child."""
    wanted = options.get("sha256", "")
    engine = _engines.get(wanted)
    if engine is None:
        gc.disable()  # nothing of what is made here is to go
        try:
            ruleset, _ = _ruleset(options, None)
            kept = _kept_classes[wanted] = Kept(options.get("cache", ""), wanted)
            engine = _engines[wanted] = Engine(ruleset, kept=kept)
        finally:
            gc.enable()
        gc.freeze()
        gc.set_threshold(*_GC)
    return engine


def _ruleset(options: dict[str, Any], packs: list[str] | None) -> tuple[RuleSet, Cached]:
    """The rule set from the cache, else from the packs.

    :param packs: digests of the packs as they are now; None = what was prepared is wanted.
    """
    from forensics.detect.rules import load_packs, set_sha256

    wanted = set_sha256(packs) if packs is not None else options["sha256"]
    folder = options.get("cache", "")
    bad = False
    if folder:
        try:
            if (kept := plan.load(folder, wanted)) is not None:
                return kept, "read"
        except plan.BadPlan:
            bad = True
    ruleset = load_packs([Path(path) for path in options["packs"]]).ruleset
    beat()
    if ruleset.sha256 != wanted:
        raise RuleInvalid("the rules have changed since they were prepared", where=str(options["packs"][0]))
    return ruleset, _kept(folder, ruleset, bad)


def _kept(folder: str, ruleset: RuleSet, bad: bool) -> Cached:
    """Keep the set; a cache that cannot be written costs time and nothing else."""
    if not folder:
        return "none"
    try:
        plan.keep(folder, ruleset)
    except (OSError, RecursionError):
        return "none"
    return "rebuilt" if bad else "written"
