"""A YARA match as a finding: level and words from the rule's meta, places from its strings."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from forensics.model.display import display
from forensics.model.event import Finding, Level, Ref, Strength

#: characters of a match that are kept
MAX_MATCHED = 256
#: string matches of one rule that are listed
MAX_PER_RULE = 64
MAX_TEXT = 1000
#: offset in the content, length, the string's name, its first bytes
Place: TypeAlias = tuple[int, int, str, bytes]
NOT_PROOF = (
    "a rule match is a lead: these bytes are there. It does not prove that they ever ran, who put them there, "
    "or that the file is malicious; text about an attack matches like the attack."
)
_WORDS: dict[str, Level] = {
    "critical": "alert", "high": "alert", "alert": "alert", "medium": "warning", "moderate": "warning",
    "warning": "warning", "low": "notice", "info": "notice", "informational": "notice", "notice": "notice",
}  # fmt: skip


def shown(raw: bytes) -> str:
    """*raw* as display, whole characters, at most 256 of them."""
    raw = raw[:MAX_MATCHED]
    while len(text := display(raw)) > MAX_MATCHED:
        raw = raw[: min(len(raw) - 1, len(raw) * MAX_MATCHED // len(text))]
    return text


def wide_text(raw: bytes) -> str:
    """The text of a match in UTF-16 little-endian, as display; "" if it is none.

    ``matched`` keeps the very bytes, and half of such bytes are NULs that hide the words.
    """
    pairs = raw[: min(len(raw), MAX_MATCHED) // 2 * 2]
    if len(pairs) < 4 or any(pairs[1::2]) or not all(pairs[::2]):
        return ""
    return shown(pairs.decode("utf-16-le").encode())


def _say(meta: Mapping[str, Any], *names: str) -> str:
    """The first text of *names*, safe to show; its backslashes stay single, it is no name."""
    for name in names:
        value = meta.get(name)
        if isinstance(value, str) and value.strip():
            raw = value.strip().encode("utf-8", "surrogateescape")
            return display(raw).replace("\\\\", "\\")[:MAX_TEXT]
    return ""


def level_of(meta: Mapping[str, Any]) -> tuple[Level, int]:
    """Level and score by ``level``, else ``severity`` (words), else ``score``: from 80 alert, from 60 warning.

    Without any of them: warning. A score beyond 0..100 is cut to that.
    """
    said = meta.get("score")
    score = max(0, min(said, 100)) if type(said) is int else 0
    for name in ("level", "severity"):
        word = str(meta.get(name, "")).lower()
        if word in _WORDS:
            return _WORDS[word], score
    if type(said) is int:
        return "alert" if score >= 80 else "warning" if score >= 60 else "notice", score
    return "warning", score


def places_of(match: Any, start: int, known: int, limit: int) -> tuple[int, list[Place]]:
    """How many string matches there are, and the first *limit* of them by offset.

    :param start: offset of the window in the content.
    :param known: what ends within the first *known* bytes of the window is left out.
    """
    total = 0

    def fresh() -> Iterator[Place]:
        nonlocal total
        for string in match.strings:
            for one in string.instances:
                if one.offset + one.matched_length > known:
                    total += 1
                    raw = bytes(one.matched_data[:MAX_MATCHED])
                    yield start + one.offset, one.matched_length, string.identifier, raw

    places = heapq.nsmallest(limit, fresh())  # of perhaps a million
    return total, places


def finding_of(
    match: Any,
    places: list[Place],
    total: int,
    *,
    content: str,
    strength: Strength,
    file: str,
    rule_sha256: str,
    pack_sha256: str,
) -> Finding:
    """One finding for one rule.

    :param match: a ``yara.Match``.
    :param places: the string matches to list; *total*: how many there were.
    :param file: pack and rule file.
    """
    meta: Mapping[str, Any] = match.meta
    level, score = level_of(meta)
    first = places[0] if places else None
    attrs: dict[str, Any] = {"file": file, "matches": total}
    if first and (words := wide_text(first[3])):
        attrs["text"] = words
    if places:
        attrs["strings"] = [
            {"offset": offset, "length": length, "id": name[:128], "matched": shown(raw)}
            for offset, length, name, raw in places
        ]
    for name in ("author", "reference", "date", "license", "id"):
        if text := _say(meta, name):
            attrs[name] = text
    return Finding(
        by="yara",
        rule=str(match.rule)[:256],
        level=level,
        title=_say(meta, "description", "desc", "title") or f"matches the YARA rule {str(match.rule)[:256]}",
        why=_say(meta, "why"),
        not_proof=_say(meta, "not_proof") or NOT_PROOF,
        refs=(Ref(content),),
        offset=first[0] if first else None,
        length=first[1] if first else 0,
        matched=shown(first[3]) if first else "",
        score=score,
        tags=tuple(str(tag)[:128] for tag in match.tags[:64]),
        strength=strength,
        rule_sha256=rule_sha256,
        pack_sha256=pack_sha256,
        attrs=attrs,
    )
