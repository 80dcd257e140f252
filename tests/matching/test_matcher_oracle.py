"""The matcher agrees with a slow oracle that knows nothing of its ways: one regex a pattern."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.stanzas import StanzaCollector
from forensics.acquisition.globs import GlobError, compile_glob, fold_text, folds
from forensics.acquisition.matcher import NO_HIT, Hit, Matcher
from forensics.errors import RuleInvalid
from forensics.model import Entry, Rule, SourcePath

ALPHABET = "aaabAB.é É\n[:"
NAMES = st.sampled_from(["a", "a", "A", "b", "ab", "aa", "B.a", "a.b", "é", "aÉ", "\n", ":", "[", "aab.", "a b"])


@dataclass(frozen=True)
class Written:
    """A pattern as written, what it means as a regex over ``/component/component``, and a path that fits."""

    text: str
    regex: str
    fits: str


def literal(char: str) -> Written:
    text = {"\n": r"\u{A}", "[": "[[]", ":": "[:]"}.get(char, char)
    return Written(text, re.escape(char), char)


CHARS = st.sampled_from(ALPHABET).map(literal)
CLASSES = (("[ab]", "[ab]", "b"), ("[!ab]", r"[^ab/\0]", "É"), ("[A-Z]", "[A-Z]", "B"), ("[]-]", r"[\]\-]", "]"))
CLASS = st.sampled_from([Written(*one) for one in CLASSES])
ONE = st.one_of(CHARS, CHARS, CLASS, st.just(Written("?", r"[^/\0]", "\n")))
STAR = Written("*", r"[^/\0]*", "aB")


def join(parts: list[Written], text: str = "", regex: str = "") -> Written:
    return Written(text.join(p.text for p in parts), regex.join(p.regex for p in parts), "".join(p.fits for p in parts))


@st.composite
def components(draw: st.DrawFn) -> Written:
    parts: list[Written] = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(("one", "one", "star", "braces")))
        if kind == "star":
            parts.append(STAR if not parts or not parts[-1].text.endswith("*") else draw(ONE))
        elif kind == "braces":
            arms = draw(st.lists(st.lists(ONE, min_size=1, max_size=2).map(join), min_size=2, max_size=3))
            regex = "(?:" + "|".join(arm.regex for arm in arms) + ")"
            parts.append(Written("{" + ",".join(arm.text for arm in arms) + "}", regex, arms[-1].fits))
        else:
            parts.append(draw(ONE))
    whole = join(parts)
    return whole if whole.text not in (".", "..") else STAR


@st.composite
def patterns(draw: st.DrawFn) -> Written:
    out: list[Written] = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(("component", "component", "deep", "wide")))
        if kind == "deep":
            out.append(Written("**", r"(?:/[^/\0]*)*", draw(st.sampled_from(("", "/a", "/b/a")))))
        elif kind == "wide":  # alternatives of different depth
            one, two, three = draw(components()), draw(components()), draw(components())
            regex = f"(?:/{one.regex}|/{two.regex}/{three.regex})"
            fits = draw(st.sampled_from((f"/{one.fits}", f"/{two.fits}/{three.fits}")))
            out.append(Written(f"{{{one.text},{two.text}/{three.text}}}", regex, fits))
        else:
            part = draw(components())
            out.append(Written(part.text, "/" + part.regex, "/" + part.fits))
    path = join(out, "/", "")
    if draw(st.booleans()):
        return path
    stream = draw(components())
    return Written(f"{path.text}:{stream.text}", f"{path.regex}\0{stream.regex}", f"{path.fits}\0{stream.fits}")


def oracle(pattern: Written, components: list[str], stream: str | None, fold: bool) -> bool:
    text = "".join("/" + part for part in components) + ("" if stream is None else "\0" + stream)
    return re.fullmatch(pattern.regex, text, re.DOTALL | (re.IGNORECASE if fold else 0)) is not None


PATHS = st.lists(NAMES, max_size=4)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(patterns(), min_size=1, max_size=6),
    st.lists(st.tuples(PATHS, st.none() | NAMES), max_size=12),
    st.booleans(),
)
def test_matcher_equals_oracle(written: list[Written], paths: list[tuple[list[str], str | None]], fold: bool) -> None:
    matcher = Matcher([Rule(str(n), (pattern.text,)) for n, pattern in enumerate(written)], {})
    met: set[str] = set()
    for pattern in written:  # paths that fit, and the same in the other case
        path, _, stream = pattern.fits.partition("\0")
        for change in (str, str.swapcase):
            paths = [*paths, (change(path).split("/")[1:], change(stream) or None)]
    for path, stream in paths:
        entry = Entry("v", SourcePath("/".join(path).encode(), stream=stream))
        expected = tuple(str(n) for n, pattern in enumerate(written) if oracle(pattern, path, stream, fold))
        assert matcher.match(entry, fold).rules == expected, (path, stream)
        met.update(expected)
    assert {out.rule for out in matcher.outcomes() if out.state == "matched"} == met


@given(st.text("*?[]{},/:!-\\ax", max_size=12))
def test_any_text_is_a_pattern_or_an_error(text: str) -> None:
    try:
        globs = compile_glob(text, fold=True)
    except GlobError:
        return
    assert globs


@given(st.text(max_size=20))
def test_folding_keeps_the_length(text: str) -> None:
    assert len(fold_text(text)) == len(text) and fold_text(fold_text(text)) == fold_text(text)


def hit(pattern: str, raw: bytes, *, stream: str | None = None, os: str = "", fold: bool = False) -> bool:
    matcher = Matcher([Rule("r", (pattern,), os=os)], {})
    return bool(matcher.match(Entry("v", SourcePath(raw, stream=stream)), fold))


@pytest.mark.parametrize(
    ("pattern", "raw", "expected"),
    [
        ("a/?", b"a/\xff", True),  # one byte that is no UTF-8 is one character
        ("a/??", b"a/\xc3\xa9", False),
        (r"a/\xFF", b"a/\xff", True),
        (r"a/\\b", b"a/\\b", True),
        (r"a\u{A}b", b"a\nb", True),
        ("a*b", b"a\nb", True),
        ("*", b"", False),
        ("**", b"", True),
        ("a/**", b"a", True),
        ("a/**/b", b"a/b", True),
        ("a/*/b", b"a/b", False),
        ("*/x", b"a//x", False),
        ("[[]x[]]", b"[x]", True),
        ("x,y", b"x,y", True),
        ("x[{]y[}]", b"x{y}", True),
        ("a*a", b"a", False),
        ("", b"a", None), ("/a", b"a", None), ("a//b", b"a", None), ("a**", b"a", None), ("{a", b"a", None),
        ("a}", b"a", None), ("[a", b"a", None), ("[z-a]", b"a", None), ("a\\b", b"a", None), ("C:/a", b"a", None),
        ("a:b/c", b"a", None), ("a:b:c", b"a", None), ("a/../b", b"a", None), ("[a/b]", b"a", None),
        ("{a,b}{c,d}" * 9, b"a", None), (r"\u{110000}", b"a", None), (r"\u{2F}", b"a", None), ("x" * 4097, b"a", None),
    ],
)  # fmt: skip
def test_pattern(pattern: str, raw: bytes, expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(RuleInvalid):
            hit(pattern, raw)
    else:
        assert hit(pattern, raw) is expected


def test_a_colon_is_a_stream_only_where_there_are_streams() -> None:
    assert hit("a:b", b"a", stream="b") and not hit("a:b", b"a:b") and not hit("a:b", b"a")
    assert hit("a:b", b"a:b", os="linux") and hit("a[:]b", b"a:b")
    assert hit("**:*", b"x/y", stream="z") and not hit("**", b"x/y", stream="z")
    assert hit("$EXTEND/$usnjrnl:$j", b"$Extend/$UsnJrnl", stream="$J", fold=True)


def test_case_folds_by_file_system_and_for_windows_rules_everywhere() -> None:
    assert hit("users/É", "USERS/é".encode(), fold=True) and not hit("users/x", b"Users/x")
    assert hit("users/x", b"Users/X", os="windows")
    assert folds("ntfs") and folds("FAT32") and folds("hfs+") and not folds("ext4") and not folds("xfs")


def test_rules_of_another_system_are_left_out_and_say_so() -> None:
    rules = [Rule("w", ("**",), os="windows"), Rule("l", ("**",), os="linux"), Rule("any", ("nothing",))]
    matcher = Matcher(rules, {"v": "linux"})
    assert matcher.match(Entry("v", SourcePath(b"a")), False) == Hit(("l",))
    assert [(out.rule, out.state, out.reason) for out in matcher.outcomes({"l": {"complete": 1}})] == [
        ("w", "excluded", "other-os"), ("l", "matched", ""), ("any", "absent", ""),
    ]  # fmt: skip
    assert Matcher(rules, {"v": "linux", "u": ""}).match(Entry("u", SourcePath(b"a")), False).rules == ("w", "l")


def test_kinds_states_and_exclusion() -> None:
    rules = [
        Rule("files", ("a/*",), kinds=("file",), states=("allocated",)),
        Rule("no", ("a/x",), exclude=True, code="why"),
    ]
    matcher = Matcher(rules, {})
    assert matcher.match(Entry("v", SourcePath(b"a/x")), False) == Hit(("files",), "no", "why")
    assert matcher.match(Entry("v", SourcePath(b"a/y"), kind="link"), False) is NO_HIT
    assert matcher.match(Entry("v", SourcePath(b"a/y"), state="deleted"), False) is NO_HIT
    assert not Matcher(rules[1:], {}).match(Entry("v", SourcePath(b"a/x")), False)  # nobody asked for it


def test_an_id_twice_is_refused() -> None:
    with pytest.raises(RuleInvalid, match="twice, also at one:1: two:2"):
        Matcher([Rule("r", ("a",), where="one:1"), Rule("r", ("b",), where="two:2")], {})


def test_hostile_trees_neither_hang_nor_fill_the_memory() -> None:
    matcher = Matcher([Rule("r", ("**/a*a*a*a*a*a*a*b", "**/x/**/y/**/z")), Rule("s", ("a/**/b/**",))], {})
    assert not matcher.match(Entry("v", SourcePath(b"a" * 100_000)), False)
    deep = b"/".join([b"x", b"y"] * 20_000)
    for n in range(20):
        assert matcher.match(Entry("v", SourcePath(deep + b"/%d/z" % n)), False).rules == ("r",)


def test_speed_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    rules = [
        *StanzaCollector().rules(),
        *(Rule(f"own{n}", (f"**/own{n}.*", f"srv/*/{n}/**/*.log")) for n in range(80)),
    ]
    matcher = Matcher(rules, {})
    entries = [Entry("v", SourcePath(b"usr/share/%d/%d/name-%d.dat" % (n % 40, n % 700, n))) for n in range(30_000)]
    begin = time.perf_counter()
    hits = sum(bool(matcher.match(entry, True)) for entry in entries)
    rate = len(entries) / (time.perf_counter() - begin)
    with capsys.disabled():
        print(f"\nmatcher: {rate:,.0f} entries/s, {len(rules)} rules")
    assert hits == 0
