"""Numbers of rules and sentences in the documents are those of today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collectors.parsers.evtx.messages import catalogue
from forensics.detect.rules import load_packs

ROOT = Path(__file__).resolve().parents[2]


def said(page: str, pattern: str) -> list[tuple[int, ...]]:
    """The numbers of each place in *page* that fits *pattern*; there is one at least."""
    found = [
        tuple(int(one) for one in match.groups())
        for match in re.finditer(pattern, (ROOT / page).read_text(encoding="utf-8"))
    ]
    assert found, f"{page} does not say {pattern}"
    return found


def test_sigma_rules() -> None:
    ruleset = load_packs([ROOT / "rules" / "sigma"]).ruleset
    rules, correlations = len(ruleset.rules), len(ruleset.correlations)
    assert set(said("README.md", r"with (\d+) rules;")) == {(rules + correlations,)}
    assert set(said("README.md", r"(\d+) rules and correlations of our own")) == {(rules + correlations,)}
    for page in ("rules/sigma/README.md", "docs/changes/sigma-rules.added.md"):
        assert set(said(page, r"(\d+) rules and (\d+) correlations")) == {(rules, correlations)}


def test_yara_rules() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "rules" / "yara").rglob("*.yar")]
    count = sum(len(re.findall(r"^(?:private |global )*rule \w+", text, re.MULTILINE)) for text in texts)
    assert set(said("README.md", r"YARA: (\d+) rules of our own")) == {(count,)}
    assert set(said("docs/reference-yara.md", r"`rules/yara`, (\d+) rules")) == {(count,)}


@pytest.mark.parametrize(
    ("page", "pattern"),
    [
        ("docs/events.md", r"(\d+) provider and event id pairs"),
        ("docs/changes/messages.added.md", r"Sentences for (\d+) kinds"),
    ],
)
def test_sentences(page: str, pattern: str) -> None:
    assert said(page, pattern) == [(len(catalogue().known),)]
