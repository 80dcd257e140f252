"""A rule's match as a finding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forensics.detect.ast import Correlation, Rule
from forensics.detect.words import words
from forensics.model.event import Finding, Level, Ref

#: what findings of rules are by
BY = "sigma"
LEVELS: dict[str, Level] = {
    "critical": "alert", "high": "alert", "medium": "warning", "low": "notice", "informational": "notice",
}  # fmt: skip
_NOT_PROOF = "A rule describes an event; it does not prove intent, nor that what was tried succeeded."
MAX_MATCHED = 256
_MAX_VALUE = 512


def finding_of(
    rule: Rule, ref: Ref, ts: int | None, fields: Mapping[str, str], *, state: str = "live", record_class: str = ""
) -> Finding:
    """Return the finding of one event.

    :param ref: content, locator and id of the event.
    :param ts: the event's own time, ns since 1970 UTC; None if it has none.
    :param fields: what matched, as :func:`forensics.detect.explain.explain` gives it.
    :param state: the event's; one that is not ``live`` is said, with *record_class* (A1...) of a recovered record.
    """
    attrs = _attrs(rule) | {"status": rule.status, "fields": shown(fields)}
    if state != "live":
        attrs |= {"state": state, "class": record_class}
    return Finding(
        by=BY, rule=rule.id, level=LEVELS[rule.level], title=rule.title, why=rule.description,
        not_proof=_not_proof(rule), refs=(ref,), ts=ts, matched=matched_of(fields), tags=rule.tags,
        rule_sha256=rule.sha256, pack_sha256=rule.pack_sha256, attrs=attrs,
    )  # fmt: skip


def correlation_finding(
    rule: Correlation, refs: tuple[Ref, ...], ts: int, attrs: Mapping[str, Any], matched: Mapping[str, str]
) -> Finding:
    """Return the finding of a correlation; *matched*: what its events have in common."""
    return Finding(
        by=BY, rule=rule.id, level=LEVELS[rule.level], title=rule.title, why=rule.description,
        not_proof=_not_proof(rule), refs=refs, ts=ts, matched=matched_of(matched), tags=rule.tags,
        rule_sha256=rule.sha256, pack_sha256=rule.pack_sha256, attrs=_attrs(rule) | dict(attrs),
    )  # fmt: skip


def _attrs(rule: Rule | Correlation) -> dict[str, Any]:
    return {"title": rule.title, "level": rule.level, "file": rule.file, "tags": list(rule.tags)}


def _not_proof(rule: Rule | Correlation) -> str:
    known = "; ".join(word for word in rule.falsepositives if word)
    return f"{_NOT_PROOF} The rule's author names as harmless causes: {known}"[:2048] if known else _NOT_PROOF


def shown(fields: Mapping[str, str]) -> dict[str, str]:
    """Return what matched as a finding's ``attrs.fields`` have it."""
    return {words(name, 128): words(value, _MAX_VALUE) for name, value in fields.items()}


def matched_of(fields: Mapping[str, str]) -> str:
    """Return what matched as a finding's ``matched`` has it."""
    return words(", ".join(f"{name}={value}" for name, value in fields.items()), MAX_MATCHED)
