"""Texts that every match of a regular expression contains, as far as they are plain to see.

Only the outermost level is read: what stands in groups, classes and alternatives counts for nothing.
Too few are a matter of speed; one too many would lose matches, so whatever is not understood ends
with none. ASCII alone, for lower case changes other letters by their neighbours.
"""

from __future__ import annotations

import re

_SHORTEST = 2
#: characters that logs hold so seldom that one of them is worth looking for
_TELLING = frozenset("`^~")
#: letters that something else than their other case matches without regard to case (U+017F, U+212A, U+0130)
_ODD = frozenset("iIkKsS")
_SKIP = {"x": 2, "u": 4, "U": 8}
_COUNT = re.compile(r"\{[0-9]*,?[0-9]*\}")


class _Reader:
    def __init__(self, pattern: str, ignore: bool) -> None:
        self.pattern = pattern
        self.ignore = ignore
        self.at = 0
        self.run = ""
        self.found: dict[str, None] = {}

    def flush(self, drop: int = 0) -> None:
        run = self.run[: len(self.run) - drop] if drop else self.run
        if len(run) >= _SHORTEST or run in _TELLING:
            self.found[run.lower()] = None
        self.run = ""

    def literal(self, char: str) -> None:
        if not char.isascii() or (self.ignore and char in _ODD):
            self.flush()
        else:
            self.run += char

    def escape(self) -> None:
        """Behind a backslash."""
        char = self.pattern[self.at + 1 : self.at + 2]
        self.at += 2
        if char and not char.isalnum():
            self.literal(char)
            return
        self.flush()
        if char in _SKIP:
            self.at += _SKIP[char]
        elif char.isdigit():
            behind = self.pattern[self.at : self.at + 2]
            self.at += len(behind) - len(behind.lstrip("0123456789"))

    def skip_class(self) -> None:
        """From ``[`` to behind its ``]``; the first character in it closes nothing."""
        self.at += 1
        if self.pattern[self.at : self.at + 1] == "^":
            self.at += 1
        first = True
        while self.at < len(self.pattern):
            char = self.pattern[self.at]
            self.at += 2 if char == "\\" else 1
            if char == "]" and not first:
                return
            first = False

    def skip_group(self) -> None:
        depth = 0
        while self.at < len(self.pattern):
            char = self.pattern[self.at]
            if char == "[":
                self.skip_class()
                continue
            self.at += 2 if char == "\\" else 1
            depth += {"(": 1, ")": -1}.get(char, 0)
            if depth == 0:
                return

    def read(self) -> tuple[str, ...]:
        while self.at < len(self.pattern):
            char = self.pattern[self.at]
            if char == "|":
                return ()
            if char == "\\":
                self.escape()
                continue
            if char in "[(":
                self.flush()
                self.skip_class() if char == "[" else self.skip_group()
                continue
            self.at += 1
            if char in "*?{":
                self.flush(drop=1)
                count = _COUNT.match(self.pattern, self.at - 1) if char == "{" else None
                self.at = count.end() if count else self.at
            elif char in "+^$.":
                self.flush()
            else:
                self.literal(char)
        self.flush()
        return tuple(self.found)


def necessary(pattern: re.Pattern[str]) -> tuple[str, ...]:
    """Return texts, in lower case, that stand in the lower-case text of whatever *pattern* matches; () = unknown."""
    if pattern.flags & re.VERBOSE or "(?#" in pattern.pattern or "\\N" in pattern.pattern:
        return ()
    return _Reader(pattern.pattern, bool(pattern.flags & re.IGNORECASE)).read()
