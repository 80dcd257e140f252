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
         ``{"rule": id, "ts": ns or null, "locator", "event_id", "fields": {...}}``; "" or absent = not written
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
``row-problems``; ``rules`` {rule id: matches} and ``more`` {rule id: matches without a finding}, at most 2,000
each (``rules_left_out``: how many rules more); ``classes`` [[provider, channel, event id, events, rules]...],
the 200 most frequent, and ``classes_left_out``; ``problems`` [{locator, code, detail}], at most 20.
"""

from __future__ import annotations
