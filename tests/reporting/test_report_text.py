"""The summary on a terminal."""

from __future__ import annotations

import io
import re

import pytest
from report_hostile import HOSTILE, hostile_data
from report_rows import report_data, verdict

from forensics.model.display import UNSAFE
from forensics.reporting.data import Checked, ReportData
from forensics.reporting.text import render_text, wants_colour


def test_it_fits_and_ends_in_a_block_for_the_case_file() -> None:
    text = render_text(report_data())
    words, _, block = text.partition("for the case file")
    assert max(map(len, words.splitlines())) <= 80
    assert text.startswith("VALID\n") and "▲ alert: A process runs from a deleted file" in words
    facts = dict(line.split(":", 1) for line in block.splitlines() if ":" in line)
    data = report_data()
    assert facts["verdict"].strip() == "VALID"
    assert facts["seal digest"].strip() == data.verdict.seal_sha256
    assert facts["findings"].strip() == "13 alert, 2 warning, 1 notice"


@pytest.mark.parametrize("colour", [False, True])
def test_colour_changes_no_word(colour: bool) -> None:
    text = render_text(report_data(), colour=colour)
    assert ("\x1b[" in text) is colour
    assert re.sub(r"\x1b\[[\d;]*m", "", text) == render_text(report_data())


def test_nothing_of_the_evidence_reaches_the_terminal() -> None:
    text = render_text(hostile_data(), unicode=False)
    assert text.isascii() and not re.search(f"[{UNSAFE}]", text.replace("\n", ""))
    assert HOSTILE[3] in text


def test_what_was_not_given_is_not_claimed() -> None:
    text = render_text(ReportData(verdict()))
    assert "gaps:        not stated" in text and "artefacts:   not stated" in text


def test_nothing_found() -> None:
    assert "No findings: 74 rules ran over 1,212 artefacts" in render_text(
        ReportData(verdict(), checked=Checked(74, 1212))
    )
    bad = render_text(ReportData(verdict("INVALID")))
    assert bad.startswith("INVALID\n") and "First bad place" in bad


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert wants_colour(Terminal()) and not wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Terminal())
