"""How long it takes to say nothing: --help and import against a bare interpreter."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from benchmarks.measure import BIN, Figure, Result, Side, call, interleave

ROUNDS = 30
HEAVY = ("rich", "click", "importlib.metadata", "pytsk3", "cryptography", "zstandard")


def _quiet(*command: str) -> Callable[[], float | None]:
    def run() -> None:
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)

    return run


def _loaded(code: str) -> list[str]:
    """Heavy modules that *code* loads."""
    printed = call(BIN / "python", "-I", "-c", f"import sys\n{code}\nprint('\\n' + ' '.join(sys.modules))")
    names = set(printed.splitlines()[-1].split())
    return [name for name in HEAVY if name in names]


def run() -> Result:
    """Measure the console script and the import."""
    from statistics import median

    python = str(BIN / "python")
    bare, helping, importing = "python -c pass", "sealbag --help", "python -c 'import forensics'"
    sides = [
        Side(bare, _quiet(python, "-c", "pass")),
        Side(helping, _quiet(str(BIN / "sealbag"), "--help")),
        Side(importing, _quiet(python, "-c", "import forensics")),
    ]
    seconds = interleave(sides, ROUNDS)
    figures = []
    for name, limit in ((helping, 6.0), (importing, None)):
        times = median(seconds[name]) / median(seconds[bare])
        figures.append(
            Figure(
                name,
                f"{times:.2f}x of `{bare}`",
                "" if limit is None else f"< {limit:g}x",
                None if limit is None else times < limit,
                {bare: median(seconds[bare]), name: median(seconds[name])},
                {key: (min(seconds[key]), max(seconds[key])) for key in (bare, name)},
            )
        )
    loaded = _loaded("from forensics.cli.main import main\nmain(['--help'])") + _loaded("import forensics")
    text = [
        f"The same environment's interpreter and console script, {ROUNDS} rounds. Of {', '.join(HEAVY)} "
        f"`--help` and the import load: {', '.join(loaded) or 'none'}."
    ]
    return Result("startup", "Start", figures, text)
