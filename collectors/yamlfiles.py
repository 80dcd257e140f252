"""YAML of others, read as text with line numbers: no tags, no objects, bounds on everything.

Nodes are composed, never constructed, so that ``!!python/...`` is a word and ``no`` is no false.
Format: YAML 1.1 as PyYAML reads it, libyaml where it is there (measured: six times faster).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import yaml

MAX_FILE = 4 << 20
_MAX_NODES = 200_000
_MAX_DEPTH = 24
#: The pure Python reader takes about a second for 100 kB: a document that only it can read is smaller.
_MAX_SLOW = 128 << 10
_MARK = re.compile(rb"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fault:
    """What could not be read, and where.

    :param line: in the file, from 1.
    """

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the line that it begins on.

    :param what: text, a tuple of nodes, or a mapping of text to nodes.
    """

    what: str | tuple[Node, ...] | Mapping[str, Node]
    line: int

    def text(self) -> str:
        """:raises FormatError: if it is no text."""
        if not isinstance(self.what, str):
            raise FormatError("must be text", self.line)
        return self.what.strip()

    def items(self) -> tuple[Node, ...]:
        """:raises FormatError: if it is no list."""
        if not isinstance(self.what, tuple):
            raise FormatError("must be a list", self.line)
        return self.what

    def texts(self) -> tuple[str, ...]:
        """The texts of a list."""
        return tuple(item.text() for item in self.items())

    def table(self) -> Mapping[str, Node]:
        """:raises FormatError: if it is no mapping."""
        if isinstance(self.what, (str, tuple)):
            raise FormatError("must be a mapping", self.line)
        return self.what


Document: TypeAlias = Node | Fault


class FormatError(ValueError):
    """A value is not what the format asks for; *line* in the file, 0 if not known."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.line = line


def documents(raw: bytes) -> Iterator[Document]:
    """Yield each document of a file, a :class:`Fault` for one that cannot be read; the others stand."""
    if len(raw) > MAX_FILE:
        yield Fault(1, f"larger than {MAX_FILE} bytes")
        return
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    starts = [0, *(match.start() for match in _MARK.finditer(raw))]
    line = 1
    for start, end in zip(starts, [*starts[1:], len(raw)], strict=True):
        part = raw[start:end]
        if any(
            row.strip() and not row.lstrip().startswith(b"#") and row.strip() != b"---" for row in part.split(b"\n")
        ):
            yield _document(part, line)
        line += part.count(b"\n")


def _document(part: bytes, line: int) -> Document:
    import yaml

    try:
        text = part.decode("utf-8")
    except UnicodeDecodeError as error:
        return Fault(line + part.count(b"\n", 0, error.start), f"not UTF-8: {error.reason}")
    try:
        found = _compose(text)
        if found is None:
            return Fault(line, "an empty document")
        return _Converter(line).convert(found)
    except FormatError as error:
        return Fault(error.line or line, str(error))
    except yaml.MarkedYAMLError as error:
        place = error.problem_mark or error.context_mark
        return Fault(line + (place.line if place else 0), f"not YAML: {error.problem or error.context}")
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return Fault(line, f"not YAML: {' '.join(str(error).split())[:200] or type(error).__name__}")


def _compose(text: str) -> yaml.Node | None:
    import yaml

    # libyaml refuses what PyYAML's own reader takes, such as `{paths:['/x']}`: asked second.
    quick = getattr(yaml, "CSafeLoader", None)
    if quick is not None:
        try:
            return yaml.compose(text, Loader=quick)
        except yaml.YAMLError:
            if len(text) > _MAX_SLOW:
                raise
    if len(text) > MAX_FILE // 4:
        raise FormatError("too large for the slow reader; libyaml is not here")
    return yaml.compose(text, Loader=yaml.SafeLoader)


class _Converter:
    """Counts nodes, for an alias may stand for a thousand."""

    def __init__(self, line: int) -> None:
        self._line = line
        self._left = _MAX_NODES

    def convert(self, node: yaml.Node, depth: int = 0) -> Node:
        import yaml

        line = self._line + node.start_mark.line
        self._left -= 1
        if self._left < 0 or depth > _MAX_DEPTH:
            raise FormatError("too many or too deep values", line)
        if isinstance(node, yaml.ScalarNode):
            # `Path: !Name.tkape` without quotes is a tag on nothing; what was meant is its text
            meant = node.tag if node.tag.startswith("!") and len(node.tag) > 1 and not node.value else node.value
            return Node(_clean(meant), line)
        if isinstance(node, yaml.SequenceNode):
            return Node(tuple(self.convert(item, depth + 1) for item in node.value), line)
        table: dict[str, Node] = {}
        for key, value in node.value:
            name = self.convert(key, depth + 1).text()
            if name in table:
                raise FormatError(f"the key {name[:80]} stands twice", self._line + key.start_mark.line)
            table[name] = self.convert(value, depth + 1)
        return Node(table, line)


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
