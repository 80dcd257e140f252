"""A record's fields under one set of names, whichever parser gave them, and what differs.

A name is the way to the value: ``System/EventID``, ``System/Provider@Name``, ``EventData/LogonType``
(``Data`` elements by their ``Name``; unnamed ones together, ``EventData/Data``). Equal names under one
parent are told apart as ``evtx`` does: ``name``, ``name_1``...
Source: [MS-EVEN6] 2.2.12 and the event schema; docs/agreement.md names every rule.
"""

from __future__ import annotations

import xml.parsers.expat
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from collectors.parsers.evtx.agreement.rules import CONTROLS, LIST, loose, plain, rule

MAX_DEPTH = 64
MAX_NODES = 20_000
Fields = dict[str, str]
#: a field's name, our value, the other's; None = the field is not there
Difference = tuple[str, str | None, str | None]


class NoFields(ValueError):
    """What a parser gave cannot be read as a record's XML or JSON."""


def _leaf(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, list):
        return LIST.join(_leaf(one) for one in value)
    return str(value)


def from_json(record: Mapping[str, Any]) -> Fields:
    """Return the fields of a record as ``evtx`` gives it.

    :raises NoFields: if it is nested too deeply.
    """
    found: Fields = {}
    event = record.get("Event")
    waiting: list[tuple[str, Any, int]] = [("", event, 0)]
    while waiting:
        path, node, depth = waiting.pop()
        if not isinstance(node, dict):
            found[path] = _leaf(node)
            continue
        if depth > MAX_DEPTH:
            raise NoFields(f"nested more than {MAX_DEPTH} deep")
        for name, one in node.items():
            if name == "#attributes" and isinstance(one, dict):
                for key, value in one.items():
                    found[f"{path}@{key}"] = _leaf(value)
            elif name == "#text":
                found[path] = _leaf(one)
            else:
                waiting.append((f"{path}/{name}" if path else name, one, depth + 1))
    return found


class _Reader:
    """Handlers for expat: no namespaces (records use prefixes that nobody declares)."""

    def __init__(self) -> None:
        self.found: Fields = {}
        self.nodes = 0
        #: of each open element: its path, the names met in it, its text, whether it has children
        self.open: list[tuple[str, Counter[str], list[str], list[bool]]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.nodes += 1
        if len(self.open) > MAX_DEPTH or self.nodes > MAX_NODES:
            raise NoFields(f"nested more than {MAX_DEPTH} deep, or more than {MAX_NODES} elements")
        if not self.open:
            path = ""
        else:
            parent, names, _, inside = self.open[-1]
            inside[0] = True
            name = attributes.pop("Name", tag) if tag == "Data" else tag
            unnamed = tag == "Data" and name == "Data"
            again = 0 if unnamed else names[name]
            names[name] += 1
            path = f"{parent}/" * bool(parent) + (f"{name}_{again}" if again else name)
        for key, value in attributes.items():
            self.found[f"{path}@{key}"] = value
        self.open.append((path, Counter(), [], [False]))

    def text(self, text: str) -> None:
        if self.open:
            self.open[-1][2].append(text)

    def end(self, _: str) -> None:
        path, _names, parts, inside = self.open.pop()
        text = "".join(parts)
        if inside[0]:
            text = text.strip()
            if not text:
                return
        self.found[path] = f"{self.found[path]}{LIST}{text}" if path in self.found else text


def from_xml(text: str) -> Fields:
    """Return the fields of a record's XML (libevtx, python-evtx).

    :raises NoFields: if it is no XML, or nested too deeply.
    """
    reader = _Reader()
    parser = xml.parsers.expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(CONTROLS.sub("", text).encode("utf-8"), True)
    except xml.parsers.expat.ExpatError as error:
        raise NoFields(f"no XML: {error}") from error
    return reader.found


class _Sources(_Reader):
    """Also notes where the source of each element's content begins and ends, in bytes."""

    def __init__(self, parser: xml.parsers.expat.XMLParserType) -> None:
        super().__init__()
        self.parser = parser
        self.begins: list[int] = []
        self.ranges: dict[str, tuple[int, int]] = {}

    def _here(self) -> None:
        if self.begins and self.begins[-1] < 0:
            self.begins[-1] = self.parser.CurrentByteIndex

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._here()
        super().start(tag, attributes)
        self.begins.append(-1)

    def text(self, text: str) -> None:
        self._here()

    def end(self, tag: str) -> None:
        self._here()
        self.ranges[self.open[-1][0]] = (self.begins.pop(), self.parser.CurrentByteIndex)
        super().end(tag)


def sources(text: str, wanted: Collection[str]) -> dict[str, str]:
    """Return the source between the tags of the elements named *wanted*, of XML that :func:`from_xml` can read."""
    data = CONTROLS.sub("", text).encode("utf-8")
    parser = xml.parsers.expat.ParserCreate("utf-8")
    reader = _Sources(parser)
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    parser.Parse(data, True)
    ranges = {name: reader.ranges[name] for name in wanted if name in reader.ranges}
    return {name: data[begin:end].decode("utf-8") for name, (begin, end) in ranges.items()}


def unescaped(found: list[Difference], text: str) -> set[str]:
    """Return the fields whose text libevtx put into its XML as markup, letter by letter.

    Such a text (a SOAP envelope in LiveId's log) reads as elements that the record does not have.
    """
    wanted = [name for name, value, _ in found if value and "<" in value]
    if not wanted:
        return set()
    given = sources(text, wanted)
    values = {name: value or "" for name, value, _ in found}
    return {name for name, source in given.items() if plain(source) == plain(values[name])}


def differences(ours: Fields, theirs: Fields, applied: Counter[str], *, third: bool = False) -> list[Difference]:
    """Return what differs after the named rules.

    :param applied: counts the rules that made two spellings one.
    :param third: *theirs* are python-evtx', whose spellings need :func:`rules.loose` besides.
    """
    found: list[Difference] = []
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        value, other = ours.get(name), theirs.get(name)
        if value == other:
            continue
        why = rule(name, value, other) or (loose(value, other) if third else "")
        if why:
            applied[why] += 1
        else:
            found.append((name, value, other))
    return found
