"""No text of a rule becomes code."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from fast_made import NODES, SYSMON, record, ruleset
from hypothesis import given, settings

from forensics.detect.ast import And, Atom, Node, Or
from forensics.detect.fast.code import generable, source_of
from forensics.detect.fast.engine import Engine

ATTACKS = (
    "'); __import__('os').system('touch PWNED'); ('", '"""\n__import__("os")\n"""', "\nraise SystemExit\n", "k0",
    "v0) or True #", "{__import__('os')}", "%s{0.__class__}", "\\", "\0", "rule", "o0 is None)\n return True\n(",
)  # fmt: skip
_WORDS = {"def", "rule", "if", "type", "is", "str", "else", "text", "None", "lower", "return", "and", "or", "not", "in",
          "startswith", "endswith", "True", "False"}  # fmt: skip


def tokens_are_ours(text: str) -> None:
    assert set(text) <= set(string.ascii_letters + string.digits + "_()[]:,.= \n"), text
    for word in re.findall(r"[A-Za-z_][A-Za-z_0-9]*", text):
        assert word in _WORDS or re.fullmatch(r"[kvol][0-9]+", word), word


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_values(attack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wild = Atom("A", "wildcard", re.escape(attack.lower()), literals=(attack.lower(),))
    conditions: list[Node] = [
        Atom(attack, "eq", attack.lower()), Atom("A", "contains", attack.lower()), Atom("A", "fieldref", attack),
        Or((Atom(attack, "contains", "a"), Atom(attack, "contains", attack), Atom("A", "re", re.escape(attack)))),
        And((wild, Atom("B", "cidr", "10.0.0.0/8"))),
    ]  # fmt: skip
    for condition in conditions:
        tokens_are_ours(source_of(condition).text)
    engine = Engine(ruleset(*conditions))
    first, second = engine.match_many([record(SYSMON, {"A": attack, attack: attack}), record(SYSMON, {"A": "b"})])
    assert {0, 1, 2, 3} <= set(first)
    assert second == ()
    assert not list(tmp_path.iterdir())


@settings(max_examples=200, deadline=None)
@given(NODES)
def test_any_source_is_made_of_our_pieces(node: Node) -> None:
    if generable(node):
        tokens_are_ours(source_of(node).text)
