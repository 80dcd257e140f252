"""Which programs a shell command starts: the first word of each simple command, behind the words that start others.

A guess by words, not a shell: quotes are taken off, nothing is expanded. Source: POSIX.1-2017, Shell Command Language.
"""

from __future__ import annotations

import re

_CUT = re.compile(r"[;&|\n()`{}]+|\bthen\b|\bdo\b|\belse\b|\$\(")
_ASSIGN = re.compile(r"^[A-Za-z_]\w*=")
#: words behind which another command stands; with the options that take a word
_BEFORE = frozenset((
    "exec", "nohup", "sudo", "doas", "env", "nice", "ionice", "setsid", "time", "timeout", "flock", "stdbuf", "chrt",
    "taskset", "sh", "bash", "dash", "zsh", "ksh", "ash", "python", "python2", "python3", "perl", "php", "ruby", "node",
    "source", ".", "eval", "command", "builtin", "if", "while", "until", "!",
    "run-parts", "su", "runuser", "start-stop-daemon",
))  # fmt: skip
MAX_TEXT, MAX_FOUND = 8192, 32


def _words(part: str) -> list[str]:
    return [word.strip("\"'") for word in part.split()[:64]]


def programs(command: str) -> list[str]:
    """Return the absolute paths of programs that *command* starts, at most 32."""
    found: list[str] = []
    for part in _CUT.split(command[:MAX_TEXT].replace("\\\n", " ")):
        behind = False
        for word in _words(part):
            if not word or _ASSIGN.match(word):
                continue
            name = word.rpartition("/")[2]
            if word.startswith("/"):
                found.append(word)
            if name in _BEFORE:
                behind = True
            elif not (behind and (word.startswith("-") or word.isdigit())):
                # the first word that is neither a prefix nor an option of one is the program
                break
    return list(dict.fromkeys(found))[:MAX_FOUND]
