"""Every packaged stanza fires on its samples and is silent on the others; the samples are its own data."""

from __future__ import annotations

import pytest

from collectors.stanzas import Stanza, packaged_stanzas
from forensics.acquisition.matcher import Matcher
from forensics.model import Entry, SourcePath

STANZAS = list(packaged_stanzas())
IDS = [stanza.name for stanza in STANZAS]


def entry(path: str, stanza: Stanza) -> Entry:
    stream = None
    if stanza.rule.os == "windows" and ":" in path:
        path, _, stream = path.partition(":")
    return Entry("v", SourcePath(path.encode(), stream=stream), kind=stanza.rule.kinds[0])  # type: ignore[arg-type]


@pytest.mark.parametrize("stanza", STANZAS, ids=IDS)
def test_stanza_fires_and_is_silent(stanza: Stanza) -> None:
    matcher = Matcher([stanza.rule], {})
    fold = stanza.rule.os != "linux"
    missed = [path for path in stanza.fires if not matcher.match(entry(path, stanza), fold)]
    wrong = [path for path in stanza.silent if matcher.match(entry(path, stanza), fold)]
    assert (missed, wrong) == ([], [])


def test_no_stanza_is_an_orphan() -> None:
    assert [s.name for s in STANZAS if not (s.fires and s.silent and s.source)] == []
    assert len(set(IDS)) == len(IDS) >= 60
    assert {s.rule.os for s in STANZAS} == {"linux", "windows", "macos"}


def test_where_names_the_header_line() -> None:
    from importlib.resources import files

    import collectors.definitions

    for stanza in STANZAS:
        name, _, line = stanza.where.partition(":")
        lines = (files(collectors.definitions) / name).read_text("utf-8").splitlines()
        assert lines[int(line) - 1] == "[[artefact]]"
        assert lines[int(line)] == f'name = "{stanza.name}"'
