"""Small rooms: the sizes that keep a file readable in one sitting."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FILE = 400
LONGEST_FUNCTION_P90 = 35


def sources() -> list[Path]:
    return [path for top in ("forensics", "collectors") for path in sorted((ROOT / top).rglob("*.py"))]


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield node.end_lineno - node.lineno + 1


def test_files_are_small() -> None:
    sizes = {path: lines(path) for path in sources()}
    # Empty __init__ files would flatter the median.
    counted = [size for size in sizes.values() if size > 3]
    assert median(counted) <= 150
    assert quantiles(counted, n=10)[-1] <= LONGEST_FILE
    # verifier.py is one file by design: it is copied into bags and read top to bottom.
    long = {str(p.relative_to(ROOT)): n for p, n in sizes.items() if n > LONGEST_FILE and p.name != "verifier.py"}
    assert not long


def test_functions_are_small() -> None:
    sizes = [size for path in sources() for size in functions(path)]
    assert quantiles(sizes, n=10)[-1] <= LONGEST_FUNCTION_P90
