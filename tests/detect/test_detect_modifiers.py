"""Every modifier: what fulfils it and what does not."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sigma_made import one_rule, view

from forensics.detect.compile import Options
from forensics.detect.explain import KEYWORD, MAX_FIELDS, MAX_VALUE, explain
from forensics.detect.necessary import necessary
from forensics.detect.reference import MAX_RE, expression, matches
from forensics.detect.texts import Wild, atom, parse
from forensics.detect.view import View

WIDE = "ping".encode("utf-16-le")

#: search identifier, events (fields) that fulfil it, events that do not
CASES: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = [
    ("A: foo", [{"A": "foo"}, {"A": "FOO"}, {"A": ["x", "foo"]}], [{"A": "foo "}, {"A": "xfoo"}, {"B": "foo"}, {"a": "foo"}, {}]),  # noqa: E501
    ("A: [foo, bar]", [{"A": "bar"}], [{"A": "foobar"}]),
    ("A: 4624", [{"A": 4624}, {"A": "4624"}], [{"A": 46240}, {"A": "0x1210"}]),
    ("A: true", [{"A": True}, {"A": "TRUE"}], [{"A": False}, {"A": 1}, {"A": "1"}]),
    ("A: 1", [{"A": 1}], [{"A": True}]),
    ("A: ''", [{"A": ""}, {"A": None}], [{"A": " "}, {}]),
    ("A: null", [{}, {"A": None}, {"A": ["x", None]}], [{"A": ""}, {"A": "null"}]),
    ("A: '*'", [{"A": "x"}, {"A": ""}, {"A": None}], [{}]),
    ("A: 'a*z'", [{"A": "az"}, {"A": "a\nb z".replace("b z", "z")}, {"A": "A1234Z"}], [{"A": "az "}, {"A": "xaz"}]),
    ("A: 'a?z'", [{"A": "abz"}], [{"A": "az"}, {"A": "abbz"}]),
    ("A: '*a*b*a'", [{"A": "aba"}, {"A": "xaxbxa"}], [{"A": "ab"}, {"A": "baa"}]),
    (r"A: 'a\*z'", [{"A": "a*z"}], [{"A": "abz"}, {"A": r"a\*z"}]),
    (r"A: 'a\?z'", [{"A": "a?z"}], [{"A": "abz"}]),
    (r"A: 'a\\*z'", [{"A": "a\\z"}, {"A": "a\\bcz"}], [{"A": "a*z"}, {"A": "abz"}]),
    (r"A: 'a\\\*z'", [{"A": "a\\*z"}], [{"A": "a\\bz"}]),
    (r"A: 'C:\Win\x'", [{"A": "c:\\win\\X"}], [{"A": "c:\\\\win\\\\x"}]),
    (r"A: '\\\\host\\x'", [{"A": r"\\host\x"}], [{"A": r"\\\\host\x"}]),
    ("A|contains: oo", [{"A": "FOOd"}], [{"A": "o o"}]),
    ("A|contains|all: [a, b]", [{"A": "xbxa"}], [{"A": "a"}, {"A": ["a", "c"]}]),
    ("A|startswith: ab", [{"A": "abc"}], [{"A": "cab"}]),
    ("A|endswith: '.exe'", [{"A": "x.EXE"}], [{"A": "x.exe1"}, {"A": "xexe"}]),
    ("A|endswith: '\\*.exe'", [{"A": "*.exe"}], [{"A": "x.exe"}]),
    ("A|contains|cased: Ab", [{"A": "xAbx"}], [{"A": "xabx"}]),
    ("A|cased: 'A*b'", [{"A": "Axb"}], [{"A": "axb"}]),
    ("A|re: 'a.c$'", [{"A": "xabc"}], [{"A": "abcd"}, {"A": "ABC"}, {"A": "a\nc"}, {}]),
    ("A|re|i: 'a.c$'", [{"A": "ABC"}], [{"A": "a\nc"}]),
    ("A|re|i|s: 'a.c'", [{"A": "A\nC"}], [{"A": "ac"}]),
    ("A|re|m: '^b$'", [{"A": "a\nb\nc"}], [{"A": "abc"}]),
    ("A|re: ['x{3}', 'y+z']", [{"A": "xxx"}, {"A": "yyz"}], [{"A": "xxy"}]),
    ("A|cidr: 10.0.0.0/8", [{"A": "10.255.0.1"}, {"A": "::ffff:10.1.1.1"}], [{"A": "11.0.0.1"}, {"A": "10.1"}, {"A": "10.0.0.1x"}, {}]),  # noqa: E501
    ("A|cidr: 'fe80::/10'", [{"A": "fe80::1%eth0"}, {"A": "FEBF::"}], [{"A": "fec0::1"}, {"A": "10.0.0.1"}, {"A": "-"}]),  # noqa: E501
    ("A|cidr: '::ffff:10.0.0.0/104'", [{"A": "10.0.0.9"}], [{"A": "11.0.0.9"}]),
    ("A|gt: 10", [{"A": 11}, {"A": "11"}, {"A": "0xB"}, {"A": "10.5"}], [{"A": 10}, {"A": "eleven"}, {"A": ""}, {}]),
    ("A|gte: 10", [{"A": 10}], [{"A": 9}]),
    ("A|lt: -1", [{"A": -2}], [{"A": -1}]),
    ("A|lte: '0x10'", [{"A": 16}], [{"A": 17}]),
    ("A|exists: true", [{"A": "x"}, {"A": None}], [{"B": "x"}]),
    ("A|exists: false", [{"B": "x"}], [{"A": ""}]),
    ("A|fieldref: B", [{"A": "x", "B": "X"}, {"A": ["y", "x"], "B": "x"}], [{"A": "x", "B": "xy"}, {"A": "x"}, {}]),
    ("A|fieldref|contains: B", [{"A": "axb", "B": "X"}], [{"A": "x", "B": "xy"}]),
    ("A|fieldref|startswith: B", [{"A": "xyz", "B": "xy"}], [{"A": "zxy", "B": "xy"}]),
    ("A|fieldref|endswith|cased: B", [{"A": "abC", "B": "bC"}], [{"A": "abc", "B": "bC"}]),
    ("A|windash|contains: ' -enc '", [{"A": "x /enc y"}, {"A": "x \u2014ENC y"}, {"A": " \u2015enc "}], [{"A": "x +enc y"}]),  # noqa: E501
    ("A|windash: 'a-b -c'", [{"A": "a-b /c"}], [{"A": "a/b /c"}]),
    ("A|base64: foobar", [{"A": "Zm9vYmFy"}], [{"A": "foobar"}, {"A": "Zm9vYmFy="}]),
    ("A|base64offset|contains: foobar", [{"A": b64encode(b"x" * n + b"foobar" + b"y" * n).decode()} for n in range(6)], [{"A": "foobar"}]),  # noqa: E501
    ("A|wide|base64offset|contains: ping", [{"A": b64encode(b"x" * n + WIDE + b"y" * n).decode()} for n in range(4)], [{"A": "cGluZw=="}]),  # noqa: E501
    ("A|utf16le|base64: ping", [{"A": b64encode(WIDE).decode()}], [{"A": "ping"}]),
    ("A|utf16be|base64: ping", [{"A": b64encode("ping".encode("utf-16-be")).decode()}], [{"A": b64encode(WIDE).decode()}]),  # noqa: E501
    ("A|utf16|base64: ping", [{"A": b64encode(b"\xff\xfe" + WIDE).decode()}], [{"A": b64encode(WIDE).decode()}]),
    ("A|wide: ab", [{"A": "a\0b\0"}], [{"A": "ab"}]),
    ("A|neq: x", [{"A": "y"}, {}], [{"A": "X"}]),
    ("A|contains|expand: 'at %site%!'", [{"A": "look at HOME!"}, {"A": "at work!"}], [{"A": "at %site%!"}]),
    ("A|cidr|expand: '%net%'", [{"A": "10.1.1.1"}], [{"A": "11.1.1.1"}]),
    # U+212A is a k in lower case, U+0130 an i and a combining dot; cased neither is
    ("A: token", [{"A": "to\u212aen"}], [{"A": "tolen"}]),
    ('A: "to\\u212aen"', [{"A": "TOKEN"}], [{"A": "toen"}]),
    ('A|contains: "\\u0130"', [{"A": "x\u0130y"}, {"A": "i\u0307"}], [{"A": "i"}, {"A": "I"}]),
    ("A|contains: i", [{"A": "\u0130"}], [{"A": "\u0131"}]),
    ("A|cased: token", [{"A": "token"}], [{"A": "to\u212aen"}]),
]  # fmt: skip
#: search identifiers that are no map of fields
KEYWORDS: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = [
    (" [whoami, 'net*user', 4624]", [{"A": "x WHOAMI y"}, {"B": ["a", "net 1 user"]}, {"C": 46245}], [{"A": "whoam"}]),
    ("\n  '|all': [foo, bar]", [{"A": "foo", "B": "xbarx"}], [{"A": "foo"}]),
    ("\n  '|re': ['^x[0-9]$']", [{"A": "x1"}], [{"A": "ax1"}]),
    ("\n  '|startswith': ab", [{"B": "abc"}], [{"B": "cab"}]),
    ("\n  '|cased': Ab", [{"B": "xAbx"}], [{"B": "xab"}]),
    (" whoami", [{"whoami": "whoami"}], [{"whoami": "x"}]),
    (" [{A: x}, word]", [{"A": "x"}, {"B": "a word"}], [{"A": "xx"}]),
    ("\n  '|cidr': 10.0.0.0/8", [{"Q": "10.0.0.1"}], [{"Q": "11.0.0.1"}]),
]
OPTIONS = Options({"site": ("home", "work"), "net": ("10.0.0.0/8",)})


ALL = [*(("\n  " + item, yes, no) for item, yes, no in CASES), *KEYWORDS]


@pytest.mark.parametrize(("item", "yes", "no"), ALL, ids=[item.strip() for item, _, _ in ALL])
def test_modifier(tmp_path: Path, item: str, yes: list[dict[str, Any]], no: list[dict[str, Any]]) -> None:
    rule = one_rule(tmp_path, f"sel:{item}", OPTIONS)
    for data in yes:
        assert matches(rule, view(**data)), data
        assert explain(rule, view(**data)).keys() <= {*data, KEYWORD}
    for data in no:
        assert not matches(rule, view(**data)), data
        assert explain(rule, view(**data)) == {}


@given(st.text(alphabet="a\\*?K\u212aİ", max_size=12))
def test_escapes_are_undone_once(text: str) -> None:
    """Whatever is written with every special character escaped is looked for as it stands."""
    written = re.sub(r"([\\*?])", r"\\\1", text)
    assert parse(written) == ((text,) if text else ())
    assert not any(isinstance(part, Wild) for part in parse(written))


@given(st.text(alphabet="ab*?", max_size=8), st.text(alphabet="ab", max_size=10))
def test_wildcards_are_what_a_naive_expression_says(pattern: str, value: str) -> None:
    naive = "".join({"*": ".*", "?": "."}.get(char, char) for char in pattern)
    found = atom("A", parse(pattern), False)
    said = {
        "eq": value == found.value, "contains": str(found.value) in value, "startswith": value.startswith(str(found.value)),  # noqa: E501
        "endswith": value.endswith(str(found.value)), "exists": True,
    }.get(found.op)  # fmt: skip
    if found.op == "wildcard":
        said = expression(str(found.value)).fullmatch(value) is not None
        if said:
            assert all(literal in value for literal in found.literals)
    assert said == (re.fullmatch(naive, value, re.S) is not None)


def test_many_stars_are_not_slow(tmp_path: Path) -> None:
    """Forty stars over 60,000 characters: a plain ``.*`` for each would not end."""
    rule = one_rule(tmp_path, "sel:\n  A: '" + "*a" * 40 + "*b'")
    assert not matches(rule, view(A="a" * 60_000))
    assert matches(rule, view(A="a" * 60_000 + "b"))


PATTERNS = [
    "foo+bar?baz", "(foo|bar)qux", "a{2}bcd", r"\bword\s+next", r"C:\\Win[dD]ows\\", "x*yzz", "one|two", r"\x41bcd\d+ef",  # noqa: E501
    "(?i)Kisses and hugs", "^start.*end$", "[]ab]cd", r"ab\.?cd", "(?x) a b c", "ab{c", "AB[^]x]+CD",
    r"(a(b)\)c)de", "(?:ab)?cde", "ab??cd", r"foo\*+bar", "İKs{2}xyz", r"(ab)\1cde",
]  # fmt: skip


@settings(max_examples=300)
@given(st.data())
def test_necessary_texts_stand_in_every_match(data: st.DataObject) -> None:
    pattern = re.compile(data.draw(st.sampled_from(PATTERNS)))
    value = data.draw(st.from_regex(pattern))
    for text in necessary(pattern):
        assert text in value.lower(), (pattern.pattern, value)


def test_necessary_texts_are_found() -> None:
    assert necessary(re.compile(r"C:\\Win[dD]ows\\Tmp.*\.exe")) == ("c:\\win", "ows\\tmp", ".exe")
    assert necessary(re.compile("(?i)powershell")) == ("power", "he", "ll") or "power" in necessary(
        re.compile("(?i)power")
    )
    assert necessary(re.compile("a|bcd")) == ()
    assert necessary(re.compile("(?x) abc")) == ()


def test_a_value_is_bounded_for_expressions(tmp_path: Path) -> None:
    rule = one_rule(tmp_path, "sel:\n  A|re: 'b'")
    assert matches(rule, view(A="a" * (MAX_RE - 1) + "b"))
    assert not matches(rule, view(A="a" * MAX_RE + "b")), "documented: what lies beyond is not looked at"


def test_explanation_is_bounded_and_leaves_out_what_is_excluded(tmp_path: Path) -> None:
    fields = "\n".join(f"  F{n}|contains: a" for n in range(50))
    rule = one_rule(tmp_path, f"sel:\n{fields}\nflt:\n  G: b\ncondition: sel and not flt")
    found = explain(rule, view(G="c", **{f"F{n}": "a" * 1_000 for n in range(50)}))
    assert len(found) == MAX_FIELDS and "G" not in found
    assert all(len(value) == MAX_VALUE and value.endswith("...") for value in found.values())


def test_explanation_names_the_value_that_fulfilled(tmp_path: Path) -> None:
    rule = one_rule(tmp_path, "sel:\n  A|startswith: b\nkey: ['|x', needle]\ncondition: sel or key")
    assert explain(rule, view(A=["aaa", "bbb"])) == {"A": "bbb"}
    assert explain(rule, view(Z="a needle here")) == {KEYWORD: "a needle here"}
    seen: View = view(A="zzz")
    assert explain(rule, seen) == {}
