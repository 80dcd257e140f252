"""YAML documents within bounds, from the parser's events: nothing is built that was not counted first.

Aliases are counted as what they stand for, a key that stands twice is an error (one of two selections
would be lost in silence), tags beyond YAML's own are refused, and what looks like a date stays text.
Source: YAML 1.1 (the core types of PyYAML).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from forensics.detect.fault import RuleFault, short

MAX_DEPTH = 32
#: values of one document, aliases expanded
MAX_NODES = 100_000
MAX_DOCUMENTS = 1_000
#: digits of a number: Python refuses to write very long ones, and one rule would cost the pack
MAX_DIGITS = 1_000
_TAG = "tag:yaml.org,2002:"
_WORDS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


@cache
def _resolver() -> Any:
    import yaml

    return yaml.resolver.Resolver()


def documents(data: bytes) -> Iterator[Any]:
    """Yield the documents of a YAML file as dicts, lists, text, numbers, booleans and None.

    :raises RuleFault: if it is no YAML, or beyond a bound; the documents before it were yielded.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    count = 0
    try:
        builder = _Builder()
        for event in yaml.parse(data, Loader=loader):
            if builder.take(event):
                count += 1
                if count > MAX_DOCUMENTS:
                    raise RuleFault(f"more than {MAX_DOCUMENTS} documents")
                yield builder.value
                builder = _Builder()
    except yaml.YAMLError as error:
        raise RuleFault(f"no YAML: {_said(error)}") from error


def _said(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    return f"{what} (line {mark.line + 1})" if mark is not None else str(what)


class _Open:
    """A list or mapping that is not at its end yet."""

    def __init__(self, value: list[Any] | dict[str, Any], anchor: str | None) -> None:
        self.value = value
        self.anchor = anchor
        self.key: str | None = None
        self.size = 1
        self.depth = 1


class _Builder:
    """One document."""

    def __init__(self) -> None:
        self.value: Any = None
        self.stack: list[_Open] = []
        #: anchor -> value, how many values it is, how deep
        self.anchors: dict[str, tuple[Any, int, int]] = {}
        self.size = 0

    def take(self, event: Any) -> bool:
        """Take the parser's next event; True at the document's end."""
        kind = type(event).__name__
        if kind == "ScalarEvent":
            self._put(_scalar(event), 1, 0, event.anchor)
        elif kind in ("SequenceStartEvent", "MappingStartEvent"):
            if event.tag not in (None, "!", _TAG + "seq", _TAG + "map"):
                raise RuleFault(f"the YAML tag {short(event.tag)} is not read")
            if len(self.stack) >= MAX_DEPTH:
                raise RuleFault(f"YAML nested deeper than {MAX_DEPTH}")
            self.stack.append(_Open([] if kind.startswith("Seq") else {}, event.anchor))
        elif kind in ("SequenceEndEvent", "MappingEndEvent"):
            done = self.stack.pop()
            self._put(done.value, done.size, done.depth, done.anchor)
        elif kind == "AliasEvent":
            if event.anchor not in self.anchors:
                raise RuleFault(f"the YAML alias {short(event.anchor)} stands for nothing that is complete")
            self._put(*self.anchors[event.anchor], None)
        return kind == "DocumentEndEvent"

    def _put(self, value: Any, size: int, depth: int, anchor: str | None) -> None:
        """Put a complete value where it belongs."""
        if anchor:
            self.anchors[anchor] = (value, size, depth)
        if not self.stack:
            self.value = value
            return
        top = self.stack[-1]
        top.size += size
        top.depth = max(top.depth, depth + 1)
        if top.size > MAX_NODES or len(self.stack) + depth > MAX_DEPTH:
            raise RuleFault(f"YAML of more than {MAX_NODES} values or {MAX_DEPTH} levels, aliases counted")
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.key is None:
            top.key = _key(value, top.value)
        else:
            top.value[top.key] = value
            top.key = None


def _key(value: Any, mapping: dict[str, Any]) -> str:
    """A key as text; a mapping or list is none, and none stands twice."""
    if isinstance(value, dict | list):
        raise RuleFault("a YAML key is no text")
    key = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if key == "<<":
        raise RuleFault("YAML merge keys (<<) are not read")
    if key in mapping:
        raise RuleFault(f"the YAML key {short(key)} stands twice")
    return key


def _scalar(event: Any) -> Any:
    """A scalar as text, number, boolean or None."""
    text: str = event.value
    tag = event.tag
    if tag in (None, "!"):
        if not event.implicit[0] or tag == "!":
            return text
        import yaml

        tag = _resolver().resolve(yaml.ScalarNode, text, (True, False))
    if not tag.startswith(_TAG):
        raise RuleFault(f"the YAML tag {short(tag)} is not read")
    return _typed(tag.removeprefix(_TAG), text)


def _typed(kind: str, text: str) -> Any:
    if kind == "null":
        return None
    if kind == "bool":
        return _WORDS.get(text.lower(), text)
    if kind in ("int", "float") and len(text) > MAX_DIGITS:
        raise RuleFault(f"no number: more than {MAX_DIGITS} digits")
    try:
        if kind == "int" and ":" not in text:
            return _integer(text.replace("_", "").lower())
        if kind == "float" and ":" not in text:
            return float(text.replace("_", "")) if text.strip("+-").lower() not in (".inf", ".nan") else text
    except ValueError as error:
        raise RuleFault(f"no number: {short(text)}") from error
    return text


def _integer(text: str) -> int:
    """YAML 1.1: a leading 0 is octal, 0x hexadecimal, 0b binary."""
    digits = text.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0" and digits[1] not in "xb":
        return int(digits, 8) * (-1 if text.startswith("-") else 1)
    return int(text, 0)
