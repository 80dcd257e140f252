"""No example that does not run: fenced blocks of the documents, executed.

- ```` ```console ````: lines that start with ``$ `` are run by ``bash -e`` one after the other
  in one empty folder a document, with the environment's programs first on PATH; the lines
  below a command are its output (standard error included), ``...`` stands for anything. A
  command that may end with another code than 0 says so: ``$ cmd || echo "exit $?"``.
- ```` ```python ```` whose first line is ``# run``: run as a file, without a __main__ guard, in
  the same folder. A last line ``# prints: TEXT`` is compared in the same way.

A block marked otherwise (```` ```text ````) is not executed.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(?P<info>\S[^\n]*)\n(?P<body>.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
SECONDS = 120


@dataclass(frozen=True)
class Block:
    kind: str
    line: int
    body: str


def documents() -> list[Path]:
    docs = ROOT / "docs"
    pages = (ROOT / "README.md", *sorted(docs.glob("*.md")))
    return [path for path in pages if path.exists() and blocks(path.read_text(encoding="utf-8"))]


def blocks(text: str) -> list[Block]:
    found = []
    for match in FENCE.finditer(text):
        kind, body = match["info"].split()[0], match["body"]
        if kind == "console" or (kind == "python" and body.startswith("# run\n")):
            found.append(Block(kind, text.count("\n", 0, match.start()) + 1, body))
    return found


def commands(body: str) -> Iterator[tuple[str, str]]:
    """Yield (command, expected output); a command goes on after a trailing backslash."""
    command: list[str] = []
    output: list[str] = []
    for line in body.splitlines():
        if command and command[-1].endswith("\\"):
            command.append(line.removeprefix("> "))
        elif line.startswith("$ "):
            if command:
                yield "\n".join(command), "\n".join(output)
            command, output = [line[2:]], []
        else:
            assert command, f"output before the first command: {line!r}"
            output.append(line)
    if command:
        yield "\n".join(command), "\n".join(output)


def fits(expected: str, got: str) -> bool:
    """True if *got* is *expected*, where ``...`` stands for any text, line ends included."""
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("..."))
    return re.fullmatch(pattern, got.strip(), re.DOTALL) is not None


def run(command: list[str], folder: Path) -> str:
    programs = Path(sys.executable).parent
    keep = {name: os.environ[name] for name in ("SYSTEMROOT", "LANG", "TMPDIR") if name in os.environ}
    env = {**keep, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "NO_COLOR": "1"}
    result = subprocess.run(
        command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert result.returncode == 0, f"exit {result.returncode}: {command[-1]}\n{result.stdout}"
    return result.stdout


def check(block: Block, folder: Path) -> None:
    if block.kind == "python":
        script = folder / f"example-{block.line}.py"
        script.write_text(block.body, encoding="utf-8")
        got = run([sys.executable, str(script)], folder)
        prints = re.search(r"^# prints: (.*)\Z", block.body.strip(), re.MULTILINE)
        assert prints is None or fits(prints[1], got), got
        return
    for command, expected in commands(block.body):
        got = run(["bash", "-e", "-c", command], folder)
        assert not expected.strip() or fits(expected, got), f"$ {command}\n{got}"


@pytest.mark.skipif(
    importlib.util.find_spec("forensics.cli.main") is None, reason="forensics.cli.main is not written yet"
)
@pytest.mark.skipif(sys.platform == "win32", reason="not shown: needs bash")
@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_examples_run(document: Path, tmp_path: Path) -> None:
    for block in blocks(document.read_text(encoding="utf-8")):
        try:
            check(block, tmp_path)
        except AssertionError as error:
            raise AssertionError(f"{document.name}:{block.line}: {error}") from error


GOOD = """
```console
$ echo one; echo two
one
...o
$ printf '%s\\n' a \\
>   b
a
b
$ false || echo "exit $?"
exit 1
```
```python
# run
print("digest", "ab" * 4)
# prints: digest ab...
```
```text
$ exit 9
```
"""


def test_the_reader_of_examples(tmp_path: Path) -> None:
    found = blocks(GOOD)
    assert [(block.kind, block.line) for block in found] == [("console", 2), ("python", 13)]
    for block in found:
        check(block, tmp_path)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("console", "$ echo one\ntwo\n"),
        ("console", "$ echo one; echo two\none\n"),
        ("console", "$ exit 3\n"),
        ("python", "# run\nprint(1)\n# prints: 2\n"),
        ("python", "# run\nraise SystemExit(1)\n"),
    ],
)
def test_a_wrong_example_fails(tmp_path: Path, kind: str, body: str) -> None:
    with pytest.raises(AssertionError):
        check(Block(kind, 1, body), tmp_path)
