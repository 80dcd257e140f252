"""What ls, show and export share: which artefacts are meant, and text that a terminal can bear."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from forensics.acquisition.globs import Glob, GlobError, compile_glob, folds
from forensics.acquisition.machine import Machine
from forensics.catalogue.select import PathTest, Selection
from forensics.catalogue.text import raw_of, safe
from forensics.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

OUTCOMES = ("complete", "partial", "denied", "over-cap", "timed-out", "not-regular", "failed", "excluded")


def say(text: str) -> None:
    """Print a line of text that may come from evidence: nothing in it acts upon a terminal."""
    coding = sys.stdout.encoding or "utf-8"
    print(safe(text).encode(coding, "backslashreplace").decode(coding))


def filter_options(command: F) -> F:
    """--outcome, --path, --gaps."""
    for option in (
        click.option("--gaps", is_flag=True, help="Only what is missing in whole or in part."),
        click.option(
            "--path", "paths", multiple=True, metavar="GLOB",
            help="Only these paths: * ? ** {a,b}, from the volume's root; more than once.",
        ),
        click.option(
            "--outcome", "outcomes", multiple=True, type=click.Choice(OUTCOMES), metavar="NAME",
            help=f"Only this outcome; more than once: {', '.join(OUTCOMES)}.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def selection(outcomes: tuple[str, ...], paths: tuple[str, ...], gaps: bool) -> Selection:
    """The choice that the options describe.

    :raises UsageError: for a glob that does not parse.
    """
    return Selection(frozenset(outcomes), path_test(paths) if paths else None, gaps)


def path_test(globs: tuple[str, ...]) -> PathTest:
    """A test for *globs*; case is folded where the volume's file system folds it.

    A glob without a colon asks for every stream of the path; one with a colon for that stream,
    and for a plain colon in the name.

    :raises UsageError: for a glob that does not parse.
    """
    tests = {fold: _Globs(globs, fold) for fold in (False, True)}
    return lambda line, fs: tests[folds(fs)](line)


class _Globs:
    """Globs compiled for one way of comparing names."""

    def __init__(self, globs: tuple[str, ...], fold: bool) -> None:
        plain: list[tuple[int, Glob]] = []
        streams: list[tuple[int, Glob]] = []
        for number, text in enumerate(globs):
            try:
                plain += [(number, glob) for glob in compile_glob(text, fold=fold, streams=False)]
                streams += [(number, glob) for glob in _with_stream(text, fold)]
            except GlobError as error:
                raise UsageError(f"--path {text[:200]}: {error}") from error
        self._plain = Machine(plain, fold=fold)
        self._streams = Machine(streams, fold=fold) if streams else None

    def __call__(self, line: Mapping[str, Any]) -> bool:
        raw, enc, stream = _bytes(line["path"]), line.get("enc", "bytes"), line.get("stream")
        if self._plain.find(raw, enc, None):
            return True
        if self._streams is None or stream is None:
            return False
        return bool(self._streams.find(raw, enc, _bytes(stream).decode("utf-8", "surrogatepass")))


def _with_stream(text: str, fold: bool) -> tuple[Glob, ...]:
    try:
        return tuple(glob for glob in compile_glob(text, fold=fold) if glob.stream is not None)
    except GlobError:
        return ()  # its colons are none of a stream's


def _bytes(text: str) -> bytes:
    raw = raw_of(text)
    return text.encode("utf-8", "surrogatepass") if raw is None else raw
