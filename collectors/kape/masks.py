r"""Paths and file masks of KAPE targets as the matcher's globs.

Format: the KAPE documentation's "Targets" and the guides in the KapeFiles repository. What its
authors wrote is wider than that: ``regex:`` masks that are no valid expressions
(``regex:*.+\.(db|db-wal)``), ``%User%`` in any case, doubled backslashes, named streams in a mask
(``$Secure:$SDS``). An expression becomes the narrowest glob that is certainly not narrower than it;
what has none is not understood, and said to be.
"""

from __future__ import annotations

import re

from collectors.targets import NotUnderstood, component, escaped, joined

_DRIVE = re.compile(r"^[A-Za-z]:(?=[\\/]|$)")
_USER = re.compile(r"%users?%|%username%", re.IGNORECASE)
_MAX_REPEAT = 32
_MAX_NESTED = 8
#: what the matcher takes is twice this
_MAX_ALTERNATIVES = 512


def glob_of(path: str, mask: str, *, recursive: bool = False) -> str:
    """Return what a Path and a FileMask ask for as a glob from the volume's root.

    :param mask: "" asks for every file of the folder.
    :raises NotUnderstood: with the reason.
    """
    parts = [_name(part) for part in re.split(r"[\\/]+", _DRIVE.sub("", path.strip())) if part.strip()]
    if recursive and parts[-1:] != ["**"]:
        parts.append("**")
    return joined([*parts, _mask(mask)])


def _name(part: str) -> str:
    if part == "**":
        return part
    part = _USER.sub("*", part)
    unknown = re.search(r"%[A-Za-z][A-Za-z0-9_()]{1,40}%", part)
    if unknown:
        raise NotUnderstood(f"no variable is known as {unknown[0]}")
    return component(part.rstrip())


def _mask(mask: str) -> str:
    mask = mask.strip()
    if mask[:6].lower() == "regex:":
        return _Expression(mask[6:]).glob()
    # as everywhere on Windows *.* means every name, with a dot or without
    if mask in ("", "*", "*.*"):
        return "*"
    if re.search(r"[\\/]", mask):
        raise NotUnderstood("a mask names files of one folder: it holds no separator")
    name, colon, stream = mask.partition(":")
    if ":" in stream or (colon and not (name and stream)):
        raise NotUnderstood("a stream is written NAME:STREAM")
    return component(name) + (f":{component(stream)}" if colon else "")


class _Expression:
    """A regular expression over one name, read from left to right into the globs that it comes to."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def glob(self) -> str:
        """:raises NotUnderstood: for what no glob says."""
        text = self._text
        # .NET looks for the expression anywhere in the name, unless it is anchored
        self._at = int(text.startswith("^"))
        begins = "" if self._at else "*"
        ends = "" if text.endswith("$") and not text.endswith("\\$") else "*"
        found = self._several()
        if self._at < len(text):
            raise NotUnderstood(f"character {self._at + 1} of the expression: {text[self._at]}")
        globs = dict.fromkeys(re.sub(r"\*\*+", "*", f"{begins}{one}{ends}") for one in found)
        if "" in globs:
            raise NotUnderstood("an expression that is empty")
        return "*" if "*" in globs else next(iter(globs)) if len(globs) == 1 else "{" + ",".join(globs) + "}"

    def _several(self) -> list[str]:
        choices = self._sequence()
        while self._at < len(self._text) and self._text[self._at] == "|":
            self._at += 1
            choices += self._sequence()
        return choices

    def _sequence(self) -> list[str]:
        out = [""]
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            if self._text[self._at] == "$" and self._at == len(self._text) - 1:
                self._at += 1
                break
            atom = self._repeated(self._atom())
            if len(out) * len(atom) > _MAX_ALTERNATIVES:
                raise NotUnderstood(f"more than {_MAX_ALTERNATIVES} alternatives")
            out = [left + right for left in out for right in atom]
        return out

    def _atom(self) -> list[str]:
        char = self._text[self._at]
        if char == "[":
            return [self._class()]
        if char == "(":
            return self._group()
        if char == "\\":
            return [self._escaped()]
        if char == "/":
            raise NotUnderstood("an expression over more than the file's name")
        if char in "+?{}^$":
            raise NotUnderstood(f"character {self._at + 1} of the expression: {char}")
        self._at += 1
        # a star with nothing before it: what a glob means by it
        return [char if char == "*" else "?" if char == "." else escaped(char)]

    def _class(self) -> str:
        found = re.compile(r"\[\^?[A-Za-z0-9_ .$#~,-]+\]").match(self._text, self._at)
        if found is None:
            raise NotUnderstood("a class that no glob says")
        self._at = found.end()
        return escaped(found[0].replace("[^", "[!"), classes=True)

    def _group(self) -> list[str]:
        self._depth += 1
        if self._depth > _MAX_NESTED:
            raise NotUnderstood(f"groups nested deeper than {_MAX_NESTED}")
        self._at += 3 if self._text.startswith("(?:", self._at) else 1
        inner = self._several()
        if self._text[self._at : self._at + 1] != ")":
            raise NotUnderstood("a group that does not end")
        self._at += 1
        self._depth -= 1
        return inner

    def _escaped(self) -> str:
        following = self._text[self._at + 1 : self._at + 2]
        self._at += 2
        if following in ("b", "B"):
            return ""  # no character, a place: leaving it out asks for more, never for less
        classes = {"d": "[0-9]", "w": "?", "W": "?", "s": "?", "S": "?", "D": "?"}
        if following in classes:
            return classes[following]
        if not following or following.isalnum() or following in "\\/":
            raise NotUnderstood(f"\\{following} in an expression")
        return f"[{following}]" if following in "*?" else escaped(following)

    def _repeated(self, atom: list[str]) -> list[str]:
        found = re.compile(r"[*+?]\??|\{(\d{1,4})(,\d{0,4})?\}\??").match(self._text, self._at)
        if found is None:
            return atom
        self._at = found.end()
        if found[1] is None:
            # `X*` is any number of X, and where a glob was meant, X and anything: neither is lost
            return ["", *atom] if found[0][0] == "?" else [f"{one}*" for one in atom] if found[0][0] == "+" else ["*"]
        count = int(found[1])
        return ["*"] if found[2] or count > _MAX_REPEAT or len(atom) > 1 else [atom[0] * count]
