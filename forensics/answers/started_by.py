"""Which programs a shell command starts: the first word of each simple command, behind the words that start others.

A guess by words, not a shell: quotes are taken off, nothing is expanded.
Source: POSIX.1-2017, Shell Command Language; the manuals of the words in ``_BEFORE``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_CUT = re.compile(r"[;&|\n()`{}]+|\bthen\b|\bdo\b|\belse\b|\$\(")
_ASSIGN = re.compile(r"^[A-Za-z_]\w*=")
#: word behind which another command stands -> (options that take a word, operands before the command)
_BEFORE: dict[str, tuple[str, int]] = {
    **dict.fromkeys(("exec", "nohup", "setsid", "time", "source", ".", "eval", "command", "builtin", "if"), ("", 0)),
    **dict.fromkeys(("while", "until", "!", "run-parts"), ("", 0)),
    **dict.fromkeys(("sh", "bash", "dash", "zsh", "ksh", "ash"), ("oO", 0)),
    **dict.fromkeys(("python", "python2", "python3", "perl", "php", "ruby", "node"), ("WXI", 0)),
    "sudo": ("ugUhpCTrtD", 0), "doas": ("uC", 0), "env": ("uCS", 0), "nice": ("n", 0), "ionice": ("cnp", 0),
    "timeout": ("sk", 1), "flock": ("wE", 1), "stdbuf": ("ioe", 0), "chrt": ("TPD", 1), "taskset": ("", 1),
    "runuser": ("ugsw", 0), "su": ("gswc", 0),
}  # fmt: skip
MAX_TEXT, MAX_FOUND, MAX_WORDS = 8192, 32, 64


def _of(words: list[str]) -> Iterator[str]:
    """Yield the absolute paths of one simple command's program, and of those that prefixes of it are."""
    values, operands = "", 0
    skip = False
    for word in words:
        if skip or not word or _ASSIGN.match(word):
            skip = False
        elif word.startswith("-") and (values or operands or len(word) > 1) and word != "-":
            # "-u bob" takes the next word, "-ubob" does not
            skip = len(word) == 2 and word[1] in values
        elif operands:
            operands -= 1
        else:
            if word.startswith("/"):
                yield word
            name = word.rpartition("/")[2]
            if name not in _BEFORE:
                return
            values, operands = _BEFORE[name]


def programs(command: str) -> list[str]:
    """Return the absolute paths of programs that *command* starts, at most 32."""
    found: list[str] = []
    for part in _CUT.split(command[:MAX_TEXT].replace("\\\n", " ")):
        found += _of([word.strip("\"'") for word in part.split()[:MAX_WORDS]])
    return list(dict.fromkeys(found))[:MAX_FOUND]
