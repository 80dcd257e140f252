"""Findings of answers: texts, levels and reasons are data (``data/findings.toml``); code names them."""

from __future__ import annotations

import importlib.resources
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from forensics.answers.case import NotEvaluated
from forensics.model.event import Finding, Level, Ref

MAX_REFS = 32
MAX_SUBJECT = 300
_LEVELS: tuple[Level, ...] = ("notice", "warning", "alert")


@cache
def table(name: str) -> dict[str, Any]:
    """Return ``data/<name>.toml``, read once."""
    with importlib.resources.files("forensics.answers").joinpath("data", f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def level_of(reasons: Collection[str]) -> Level:
    """The highest level of the reasons; ``alert`` for some that come together.

    :raises KeyError: for a reason that the table has not.
    """
    known = table("findings")
    ranks = [_LEVELS.index(known["reason"][reason]["level"]) for reason in reasons]
    if any(set(row) <= set(reasons) for row in known["together"]["alert"]):
        return "alert"
    return _LEVELS[max(ranks, default=0)]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about.

    :param text: behind the title; cut at 300 characters.
    :param ts: ns since 1970 UTC, None if it has no time.
    :param attrs: what else is known, as JSON values.
    """

    text: str
    refs: tuple[Ref, ...] = ()
    ts: int | None = None
    matched: str = ""
    attrs: tuple[tuple[str, Any], ...] = ()


def finding(answer: str, rule: str, subject: Subject, reasons: Iterable[str], *, why: str = "") -> Finding:
    """Return a finding of ``data/findings.toml``'s *rule*, graded by *reasons*.

    :param why: in place of the rule's own.
    """
    known = table("findings")
    texts = known["rule"][f"{answer.removeprefix('answers.')}.{rule}"]
    given = tuple(dict.fromkeys(reasons))
    text = subject.text if len(subject.text) <= MAX_SUBJECT else subject.text[: MAX_SUBJECT - 1] + "…"
    attrs: dict[str, Any] = {"reasons": {reason: known["reason"][reason]["says"] for reason in given}}
    attrs |= {name: value for name, value in subject.attrs if value not in (None, "", [], {})}
    refs = tuple(dict.fromkeys(subject.refs))
    if len(refs) > MAX_REFS:
        attrs["more_refs"] = len(refs) - MAX_REFS
    return Finding(
        by=answer,
        rule=rule,
        level=level_of(given),
        title=f"{texts['title']}: {text}" if text else texts["title"],
        why=why or texts["why"],
        not_proof=texts["not_proof"],
        refs=refs[:MAX_REFS],
        ts=subject.ts,
        matched=subject.matched[:256],
        attrs=attrs,
    )


def missing(answer: str, what: str, reason: str) -> NotEvaluated:
    """A part of an answer that could not be said."""
    return NotEvaluated(answer, what, reason)
