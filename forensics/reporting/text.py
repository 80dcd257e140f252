"""The same summary for a terminal: the same words and levels, and a last block for the case file."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from typing import TextIO

from forensics.reporting.clean import cell, clean
from forensics.reporting.data import ReportData
from forensics.reporting.page import cards, finding_rows, verify_command
from forensics.reporting.summary import MEANS, by_level, no_findings, summary

#: kinds of finding that are named
MAX_SHOWN = 20
_MARKS = {"alert": "▲", "warning": "◆", "notice": "●"}
_PLAIN = {"alert": "!!", "warning": "! ", "notice": "- "}
_COLOURS = {
    "alert": "31;1",
    "warning": "33",
    "notice": "36",
    "good": "32;1",
    "doubt": "33;1",
    "bad": "31;1",
    "dim": "2",
}
_VERDICTS = {"VALID": "good", "UNTRUSTED": "doubt", "INCOMPLETE": "doubt"}


def wants_colour(stream: TextIO) -> bool:
    """True for a terminal, unless NO_COLOR is set (no-color.org) or TERM is ``dumb``."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class _Paint:
    def __init__(self, colour: bool, unicode: bool) -> None:
        self.colour = colour
        self.marks = _MARKS if unicode else _PLAIN

    def __call__(self, kind: str, text: str) -> str:
        return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if self.colour else text


def _wrapped(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    indent = first if rest is None else rest
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)


def _findings(data: ReportData, paint: _Paint, width: int) -> Iterator[str]:
    if not data.findings:
        yield from _wrapped(no_findings(data), width)
        return
    groups = cards(finding_rows(data.findings))
    for card in groups[:MAX_SHOWN]:
        times = f" ({card.count:,} times)" if card.count > 1 else ""
        word = f"{paint.marks[card.level]} {card.level}"
        lines = _wrapped(f"{word}: {card.title}{times}", width, "", "    ")
        lines[0] = paint(card.level, lines[0][: len(word)]) + lines[0][len(word) :]
        yield from lines
        if card.places and card.places[0][1]:
            yield from _wrapped(card.places[0][1], width, "    ")
    if len(groups) > MAX_SHOWN:
        yield f"    {len(groups) - MAX_SHOWN:,} more kinds of finding are in the report"


def _case_file(data: ReportData) -> Iterator[str]:
    """What is pasted into a case file: one fact a line, no colour, never wrapped."""
    verdict, about = data.verdict, data.about
    for name in ("case", "exhibit", "host", "examiner", "started", "ended", "tool"):
        if about.get(name):
            yield f"{name + ':':<13}{cell(about[name])}"
    levels = ", ".join(f"{len(found)} {level}" for level, found in by_level(data.findings).items())
    covered = data.covered
    counts = sorted(covered.counts.items()) if covered else []
    words = ", ".join(f"{count:,} {cell(name)}" for name, count in counts) or "none"
    yield f"{'artefacts:':<13}{words if covered else 'not stated'}"
    yield f"{'gaps:':<13}{len(covered.gaps) if covered else 'not stated'}"
    yield f"{'findings:':<13}{levels}"
    yield f"{'bag:':<13}{cell(verdict.bag) or 'unknown'}"
    yield f"{'sealed by:':<13}{clean(verdict.signer) or 'nobody'}"
    yield f"{'vouched by:':<13}{', '.join(map(clean, verdict.anchor)) or 'nobody'}"
    yield f"{'seal digest:':<13}{cell(verdict.seal_sha256) or 'none'}"
    yield f"{'verdict:':<13}{verdict.code}"
    yield f"{'check with:':<13}{clean(verify_command(data))}"


def render_text(data: ReportData, *, colour: bool = False, width: int = 80, unicode: bool = True) -> str:
    """Return the summary as lines; only digests and commands may be longer than *width*.

    :param colour: see :func:`wants_colour`; words and marks say the same without it.
    :param unicode: False where the terminal's encoding has no marks.
    """
    paint, code = _Paint(colour, unicode), data.verdict.code
    lines = [paint(_VERDICTS.get(code, "bad"), code), *_wrapped(MEANS.get(code, ""), width)]
    if data.verdict.first is not None:
        lines += _wrapped(f"First bad place: {cell(data.verdict.first.why)}", width)
    for sentence in summary(data):
        lines += ["", *_wrapped(sentence, width)]
    lines += ["", *_findings(data, paint, width)]
    for text in data.blind:
        lines += _wrapped(f"Could not be seen: {cell(text)}", width, "", "    ")
    lines += ["", paint("dim", "for the case file " + "-" * (width - 18)), *_case_file(data), paint("dim", "-" * width)]
    text = "\n".join(lines) + "\n"
    return text if unicode else text.encode("ascii", "backslashreplace").decode()
