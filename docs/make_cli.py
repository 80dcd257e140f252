"""docs/cli.md from the commands' own --help: `make docs` writes it, a test compares it.

Run as a file: ``python docs/make_cli.py`` writes, ``--check`` compares (exit 1 if they differ).
"""

from __future__ import annotations

import difflib
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

PAGE = Path(__file__).resolve().parent / "cli.md"
HEAD = """# Commands

Written by `make docs` from `--help`; do not edit. Exit codes: README.md. The fields of
`--json`: docs/schema/.
"""


def names() -> Iterator[list[str]]:
    """Yield the words of every command, the program alone first."""
    yield []
    for name, (target, _) in sorted(importlib.import_module("forensics.cli.main").COMMANDS.items()):
        module, _, attribute = target.partition(":")
        yield from below([name], getattr(importlib.import_module(module), attribute))


def below(words: list[str], command: click.Command) -> Iterator[list[str]]:
    """Yield a command and, of a group, its subcommands."""
    yield words
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from below([*words, name], inner)


def help_text(words: list[str]) -> str:
    """Return what ``sealbag WORDS --help`` prints on a terminal of 80 columns."""
    env = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    code = "import sys; from forensics.cli.main import main; sys.argv[0] = 'sealbag'; sys.exit(main())"
    command = [sys.executable, "-I", "-c", code, *words, "--help"]
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for words in names():
        title = " ".join(["sealbag", *words])
        parts.append(f"\n## {title}\n\n```text\n{help_text(words)}\n```\n")
    return "".join(parts)


def main() -> int:
    new = page()
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(new, encoding="utf-8")
        print(f"{PAGE.name}: {new.count('## sealbag')} commands")
        return 0
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), "docs/cli.md", "--help"))
    return int(old != new)


if __name__ == "__main__":
    sys.exit(main())
