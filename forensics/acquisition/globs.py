r"""Globs over the paths of a volume.

``*`` and ``?`` match inside one component, ``[a-z]`` and ``[!a-z]`` one character, ``**`` any
number of components (also none), ``{a,b}`` either text (it may hold slashes and further braces).
``path:stream`` names a named stream (of NTFS), ``path:*`` any of them; ``[:]`` is a plain colon.

A path is matched as characters, so that ``?`` is one character or one byte that is no UTF-8; a
pattern writes what a display escapes as the display does: ``\\``, ``\xHH``, ``\u{HEX}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

MAX_PATTERN = 4096
MAX_ALTERNATIVES = 1024
_FOLDING = ("ntfs", "vfat", "fat", "msdos", "exfat", "hfs", "apfs", "refs")
_ESCAPE = re.compile(r"\\(?:(\\)|x([0-9A-Fa-f]{2})|u\{([0-9A-Fa-f]{1,6})\})")


class GlobError(ValueError):
    """A pattern does not parse; the text says why."""


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a pattern: ``char`` (text: the character), ``class`` (text: a regex), or the mark itself."""

    kind: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What one component must be.

    :param kind: ``literal``, ``any`` (``*``), ``deep`` (``**``) or ``glob``.
    :param head: literal characters it begins with; *tail*: ends with.
    :param regex: whole test of a ``glob``; None where head and tail say it all.
    """

    kind: str
    head: str = ""
    tail: str = ""
    regex: re.Pattern[str] | None = None

    def matches(self, text: str) -> bool:
        """Whether one component (folded, if the pattern was) is what this part asks for."""
        if self.kind != "glob":
            return self.kind != "literal" or text == self.head
        if self.regex is not None:
            return self.regex.fullmatch(text) is not None
        return len(text) >= len(self.head) + len(self.tail) and text.startswith(self.head) and text.endswith(self.tail)


#: What one component may be: any of these.
Choice = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Glob:
    """One pattern: its components, and the stream's name if it asks for one."""

    parts: tuple[Choice, ...]
    stream: Choice | None = None


def folds(fs: str) -> bool:
    """Whether names on a file system of type *fs* differ by case only in how they are shown."""
    return fs.lower().startswith(_FOLDING)


def fold_text(text: str) -> str:
    """Return *text* with case folded character by character (the length stays, as in NTFS's $UpCase)."""
    if text.isascii():
        return text.lower()
    return "".join(map(_fold_char, text))


def _fold_char(char: str) -> str:
    upper = char.upper()
    lower = (upper if len(upper) == 1 else char).lower()
    return lower if len(lower) == 1 else char


def text_of(raw: bytes, enc: str = "bytes") -> str:
    """Return a component's bytes as characters; a byte that is no UTF-8 becomes one surrogate."""
    if raw.isascii():
        return raw.decode("ascii")
    if enc == "wtf-8":
        try:
            return raw.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            pass  # a source that does not keep its own promise: bytes, then
    return raw.decode("utf-8", "surrogateescape")


def compile_glob(pattern: str, *, fold: bool = False, streams: bool = True) -> tuple[Glob, ...]:
    """Return what *pattern* asks for, one :class:`Glob` for each alternative that spans components.

    :param fold: fold case; paths are then to be given folded.
    :param streams: a colon separates a stream's name; if False it is a character.
    :raises GlobError: with the reason, if it does not parse or passes a bound.
    """
    if not pattern or len(pattern) > MAX_PATTERN:
        raise GlobError(f"a pattern has 1 to {MAX_PATTERN} characters")
    if pattern.startswith("/"):
        raise GlobError("a pattern is relative to the volume's root: leave out the leading /")
    if re.match(r"[A-Za-z]:[/\\]", pattern):
        raise GlobError("a pattern is relative to the volume's root: leave out the drive letter")
    found = dict.fromkeys(tuple(tokens) for tokens in _expand(_mark(list(_tokens(pattern))), ("{", ",", "}")))
    return tuple(_glob(tokens, fold, streams) for tokens in found)


def _tokens(pattern: str) -> Iterator[Token]:
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            char, at = _unescape(pattern, at)
            yield Token("char", char)
        elif char == "[":
            regex, at = _class(pattern, at)
            yield Token("class", regex)
        else:
            yield Token(char) if char in "*?/:{}," else Token("char", char)
            at += 1


def _unescape(pattern: str, at: int) -> tuple[str, int]:
    match = _ESCAPE.match(pattern, at)
    if match is None:
        raise GlobError(f"character {at + 1}: a backslash stands for itself as \\\\; folders are separated by /")
    if match[1]:
        return "\\", match.end()
    # 0xHH that is no UTF-8 is one surrogate, see text_of; below 0x80 it is the character itself
    point = int(match[2] or match[3], 16)
    if match[2] and point >= 0x80:
        point += 0xDC00
    if point > 0x10FFFF or point == 0x2F:
        raise GlobError(f"character {at + 1}: {match[0]} is no character of a name")
    return chr(point), match.end()


def _class(pattern: str, at: int) -> tuple[str, int]:
    """Return the regex of the class that opens at *at*, and where it ends."""
    start, at = at, at + 1
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    chars: list[str] = []
    dashes: list[int] = []
    while at < len(pattern) and (pattern[at] != "]" or not chars):
        char, after = _unescape(pattern, at) if pattern[at] == "\\" else (pattern[at], at + 1)
        if char == "/":
            raise GlobError(f"character {at + 1}: a class holds no /")
        if pattern[at] == "-":
            dashes.append(len(chars))
        chars.append(char)
        at = after
    if at >= len(pattern):
        raise GlobError(f"character {start + 1}: [ without ]; a plain bracket is [[]")
    out, index = "", 0
    while index < len(chars):
        if index + 1 in dashes and index + 2 < len(chars):
            if chars[index] > chars[index + 2]:
                raise GlobError(f"character {start + 1}: a range runs upwards")
            out += f"{re.escape(chars[index])}-{re.escape(chars[index + 2])}"
            index += 3
        else:
            out += re.escape(chars[index])
            index += 1
    return f"[{'^' if negated else ''}{out}]", at + 1


def _mark(tokens: list[Token]) -> list[Token]:
    """Return *tokens* with the braces that stay inside one component written ``<|>``.

    Only those that hold a slash, a colon or ``**`` need a pattern for each alternative; the rest are
    a choice at their place, or three lists of ten names would be a thousand patterns.
    """
    out = list(tokens)
    wide = [False]
    marks: list[list[int]] = [[]]
    for at, token in enumerate(tokens):
        if token.kind == "{":
            wide.append(False)
            marks.append([at])
        elif token.kind == "," and len(marks) == 1:
            out[at] = Token("char", ",")
        elif token.kind in (",", "}"):
            if len(marks) == 1:
                raise GlobError("} without {; a plain one is [}]")
            marks[-1].append(at)
            if token.kind == "}":
                inner = wide.pop()
                wide[-1] |= inner
                for mark in marks.pop():
                    out[mark] = tokens[mark] if inner else Token({"{": "<", ",": "|", "}": ">"}[tokens[mark].kind])
        elif token.kind in "/:" or (token.kind == "*" and tokens[at - 1 : at] == [token]):
            wide[-1] = True
    if len(marks) > 1:
        raise GlobError("{ without }; a plain one is [{]")
    return out


def _expand(tokens: Iterable[Token], signs: tuple[str, str, str]) -> list[list[Token]]:
    """Return *tokens* without the groups that *signs* (open, next, close) delimit: every combination."""
    begin, follow, end = signs
    stack: list[tuple[list[list[Token]], list[list[Token]]]] = []
    done: list[list[Token]] = []  # alternatives of the open group that are complete
    now: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == begin:
            stack.append((done, now))
            done, now = [], [[]]
        elif token.kind == follow:
            done, now = done + now, [[]]
        elif token.kind == end:
            inner = done + now
            done, before = stack.pop()
            if len(before) * len(inner) > MAX_ALTERNATIVES:
                raise GlobError(f"more than {MAX_ALTERNATIVES} alternatives")
            now = [left + right for left in before for right in inner]
        else:
            for one in now:
                one.append(token)
        if len(done) > MAX_ALTERNATIVES:
            raise GlobError(f"more than {MAX_ALTERNATIVES} alternatives")
    return now


def _glob(tokens: tuple[Token, ...], fold: bool, streams: bool) -> Glob:
    path, stream = list(tokens), None
    colons = [index for index, token in enumerate(path) if token.kind == ":"] if streams else []
    if len(colons) > 1:
        raise GlobError("more than one colon; a plain one is [:]")
    if colons:
        path, behind = path[: colons[0]], path[colons[0] + 1 :]
        if any(token.kind == "/" for token in behind):
            raise GlobError("a stream's name stands at the end, behind the last component; a plain colon is [:]")
        stream = _choice(tuple(behind), fold)
        if stream[0].kind == "deep":
            raise GlobError("a stream's name is one component: * instead of **")
    parts: list[Choice] = []
    component: list[Token] = []
    for token in [*path, Token("/")]:
        if token.kind != "/":
            component.append(token)
            continue
        choice = _choice(tuple(component), fold)
        if not (choice[0].kind == "deep" and parts and parts[-1] == choice):
            parts.append(choice)
        component = []
    return Glob(tuple(parts), stream)


@lru_cache(1 << 13)  # the same few hundred components stand in thousands of patterns
def _choice(tokens: tuple[Token, ...], fold: bool) -> Choice:
    choice = tuple(_part(one, fold) for one in _expand(tokens, ("<", "|", ">")))
    if len(choice) > 1 and any(part.kind == "deep" for part in choice):
        raise GlobError("** stands alone between slashes")
    if choice in ((Part("literal", "."),), (Part("literal", ".."),)):
        raise GlobError(f"no component is called {choice[0].head}")
    return choice


def _part(tokens: list[Token], fold: bool) -> Part:
    kinds = [token.kind for token in tokens]
    if not kinds:
        raise GlobError("an empty component")
    if kinds in (["*"], ["*", "*"]):
        return Part("any" if len(kinds) == 1 else "deep")
    if any(kinds[index : index + 2] == ["*", "*"] for index in range(len(kinds))):
        raise GlobError("** stands alone between slashes")
    chars = [_char(token, fold) for token in tokens]
    wild = [index for index, char in enumerate(chars) if not char]
    if not wild:
        return Part("literal", "".join(chars))
    head, tail = "".join(chars[: wild[0]]), "".join(chars[wild[-1] + 1 :])
    simple = len(wild) == 1 and kinds[wild[0]] == "*"
    return Part("glob", head, tail, None if simple else _regex(tokens, chars, fold))


def _char(token: Token, fold: bool) -> str:
    """The character that a token stands for, "" for a wildcard."""
    char = token.text if token.kind == "char" else ":" if token.kind == ":" else ""
    return fold_text(char) if fold else char


def _regex(tokens: list[Token], chars: list[str], fold: bool) -> re.Pattern[str]:
    # Each run between two stars is taken where it first fits and never tried again (atomic group):
    # for globs that is enough, and a hostile name cannot make it backtrack.
    runs = [""]
    for token, char in zip(tokens, chars, strict=True):
        if token.kind == "*":
            runs.append("")
        else:
            wild = "." if token.kind == "?" else f"(?i:{token.text})" if fold else token.text
            runs[-1] += re.escape(char) if char else wild
    first, *middle, last = runs if len(runs) > 1 else [runs[0], ""]
    text = first + "".join(f"(?>.*?{run})" for run in middle) + (f".*{last}" if len(runs) > 1 else "")
    return re.compile(text, re.DOTALL)
