"""Syslog to the letter: frames, structured data, zones, and that what is fast says what is slow."""

from __future__ import annotations

import gzip
import io
import re
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opened_file import parse

from collectors.parsers import auth, syslog
from collectors.parsers.clock import iso_ns, local_ns, zone_of
from collectors.parsers.syslog import SyslogParser
from collectors.parsers.syslog_lines import head, structured_data
from collectors.parsers.wallclock import LATEST, doubt, fast_iso, minute_ns
from collectors.parsers.years import day_of
from forensics.model.event import Event, Problem

MTIME = int(datetime(2024, 6, 1, tzinfo=UTC).timestamp()) * 10**9


def read(tmp_path: Path, text: bytes, zone: str = "") -> tuple[list[Event], list[Problem], dict[str, int | str]]:
    path = tmp_path / "log"
    path.write_bytes(text)
    return parse(path, SyslogParser(), name="var/log/syslog", mtime=MTIME, zone=zone)


def when(event: Event) -> str:
    assert event.ts is not None
    return datetime.fromtimestamp(event.ts // 10**9, UTC).strftime("%m-%d %H:%M")


FRAMES = [
    b"<34>1 2024-01-01T00:00:00.123456789Z h app 7 ID1 - first\nsecond line",
    b"<13>Jan  2 00:00:00 h prog[9]: \xff bytes",
    b'<165>1 2024-01-03T00:00:00+02:00 h app - - [a@1 k="v \\"x\\" \\]"][b@2] \xef\xbb\xbftext',
]


@pytest.mark.parametrize("between", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_counted_frames(tmp_path: Path, between: bytes, packed: bool) -> None:
    """RFC 6587: a frame holds line feeds, and the next one follows with or without one."""
    text = b"".join(b"%d %s" % (len(one + between), one + between) for one in FRAMES)
    events, problems, told = read(tmp_path, gzip.compress(text) if packed else text)
    assert not problems and told["framing"] == "octet-counted" and len(events) == 3
    assert [int(one.locator[1:]) for one in events] == [
        text.index(one) - len(str(len(one + between))) - 1 for one in FRAMES
    ]
    assert events[0].ts is not None and events[0].ts % 10**9 == 123_456_789
    assert events[0].attrs["line"].endswith("first\nsecond line") and events[0].message.endswith(
        "first\\u{A}second line"
    )
    assert (events[1].ts_kind, events[1].attrs["raw"] != "") == ("inferred", True)
    assert events[2].attrs["structured"] == {"a@1": {"k": 'v "x" ]'}, "b@2": {}} and when(events[2]) == "01-02 22:00"


def test_frames_that_do_not_fit(tmp_path: Path) -> None:
    text = b"".join(b"%d %s" % (len(one), one) for one in FRAMES)
    events, problems, _ = read(tmp_path, text[:-5])
    assert len(events) == 3 and [one.code for one in problems] == ["frame"] and "cut off" in problems[0].detail
    events, problems, _ = read(tmp_path, text + b"no frame\n" + b"%d %s" % (len(FRAMES[1]), FRAMES[1]))
    assert len(events) == 4 and [one.code for one in problems] == ["frame"], "what is no frame is said and kept"
    assert events[2].attrs["more"] == [{"line": "no frame"}]
    huge = b"9999999 <13>Jan  2 00:00:00 h p: " + b"x" * 200_000
    events, problems, _ = read(tmp_path, huge)
    assert len(events) == 1 and {one.code for one in problems} == {"line-too-long"}
    # a line that only begins like a frame is a line
    events, problems, told = read(tmp_path, b"12 <34>x\nJan  2 00:00:00 h p: x\n" * 3)
    assert "framing" not in told and len(events) == 3


def test_structured_data() -> None:
    assert structured_data('[a x="1" y=""][b@3 z="\\\\"]') == {"a": {"x": "1", "y": ""}, "b@3": {"z": "\\"}}
    assert structured_data("[broken x=1] [") == {}
    long = structured_data("".join(f'[e{n} a="1"]' for n in range(1000)))
    assert len(long) == 64
    for text in ('[a x="' + "\\" * 60_000, "[a " + 'b="c" ' * 20_000, "[" * 60_000, '[a x="1"' * 8000):
        structured_data(text)
        assert head(f"<34>1 - h a - - {text}") is not None


def test_wall_times_in_doubt(tmp_path: Path) -> None:
    """31 March 2024, 02:30, never was in Berlin; 29 October 2023, 02:30, was two times."""
    text = b"Oct 29 02:30:00 h a: b\nMar 31 01:59:59 h a: b\nMar 31 02:30:00 h a: b\nMar 31 03:00:00 h a: b\n"
    text += b"2024-03-31T02:30:00 h a: b\n2024-03-31T02:30:00+02:00 h a: b\n2024-03-31T02:30:00Z h a: b\n"
    events, _, _ = read(tmp_path, text, zone="Europe/Berlin")
    assert [one.attrs.get("wall_clock") for one in events] == ["twice", None, "skipped", None, "skipped", None, None]
    assert [when(one) for one in events[-2:]] == ["03-31 00:30", "03-31 02:30"]
    assert [one.tz_basis for one in events] == ["host-zone"] * 5 + ["offset", "utc"]
    events, _, _ = read(tmp_path, text, zone="+01:00")
    assert not any("wall_clock" in one.attrs for one in events)
    assert doubt(9999, 12, 31, 23, 59, zone_of("Europe/Berlin")) in ("", "twice", "skipped")


ZONES = st.sampled_from(
    [None, zone_of("UTC"), zone_of("-03:30"), zone_of("Europe/Berlin"), zone_of("Australia/Lord_Howe")]
)
TEXTS = st.one_of(
    st.from_regex(
        r"(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9][T ]"
        r"[0-2][0-9]:[0-6][0-9]:[0-6][0-9]([.,][0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})?",
        fullmatch=True,
    ),
    st.text(max_size=30),
)


@settings(max_examples=300, deadline=None)
@given(TEXTS, ZONES)
def test_what_is_fast_says_what_is_slow(text: str, zone: tzinfo | None) -> None:
    """No offset is dropped on the short way: it gives what the long one gives."""
    assert fast_iso(text, zone) == iso_ns(text, zone)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 9999), st.integers(0, 13), st.integers(0, 32), st.integers(0, 25), st.integers(0, 61), ZONES)
def test_minutes(year: int, month: int, day: int, hour: int, minute: int, zone: tzinfo | None) -> None:
    slow, basis = local_ns((year, month, day, hour, minute, 0), 0, zone)
    if slow is None or slow > LATEST:
        slow, basis = None, "none"
    assert minute_ns(year, month, day, hour, minute, zone)[:2] == (slow, basis)


LINES = st.sampled_from([
    b"Jan  1 00:00:00 h a: b", b"Dec 31 00:00:00 h a[1]: b", b"<13>Mar  1 00:00:00.5 h a: b",
    b"\0\0Feb 29 00:00:00 h x",
    b"Jan  1 2023 00:00:00 h a: b", b"2024-01-01T00:00:00Z h a: b", b"Jan  1 00:00:00 h", b"Nov 2 text", b"", b"\tmore",
    b"Feb  9 00:00:00  two", b"Apr 31 00:00:00 \xc2\xa0h y", b"x" * 70_000,
])  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, max_size=40), st.sampled_from([b"\n", b"\r\n"]), st.integers(1, 300))
def test_days_are_those_of_the_heads(lines: list[bytes], end: bytes, block: int) -> None:
    """The first pass, over blocks, sees the days that the second one, over lines, reads."""
    text = end.join(lines)
    heads = [head(line.lstrip(b"\0").decode("utf-8", "surrogateescape")) for line in lines]
    days = [day_of(found.month, found.day) for found in heads if found and found.month and not found.year]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(syslog, "_BLOCK", block)
        seen = list(syslog._days(io.BytesIO(text)))

    def steps(found: list[int]) -> list[int]:
        return [day for at, day in enumerate(found) if not at or day != found[at - 1]]

    assert steps(seen) == steps(days)


PROGRAMS = ["sshd", "sudo", "su", "useradd", "CRON", "kernel", "login", "systemd-logind", "passwd", "other", "gpasswd"]
BEGINS = sorted({start for rules in auth._rules().values() for rule in rules for start in rule.starts})


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(PROGRAMS),
    st.sampled_from(BEGINS),
    st.text("Failed paswordfri1.:()' =;", max_size=40),
    st.integers(0, 9),
)
def test_chosen_rules_are_those_that_fit(program: str, begin: str, rest: str, cut: int) -> None:
    """Which rules are tried is chosen by a message's first letters; none that fits is passed over."""
    message = (begin[: len(begin) - cut] + rest).strip()
    rules = (*auth._rules().get(program.lower(), ()), *auth._rules()["*"])
    fits = next((rule.action for rule in rules if rule.pattern.match(message)), "")
    assert auth.said(program, message).action == fits


STARTS = {
    r"Accepted (?P<a>\S+)": {"Accepted "}, "ab?c": {"ac", "abc"}, "ab|cd": {""}, "(?:a|b)c": {"ac", "bc"}, "[|]x": {""},
    "a[]|]b": {"a"}, "abc": {"abc"}, "ab*c": {"a"}, "ab{0}c": {"a"}, r"a(?:b\d|c)?e": {"ab", "ac", "a"},
    r"a\(b": {"a(b"}, r"a\wb": {"a"}, "a(?=b)": {"a"}, "a(?:b|c)+d": {"a"}, "a(?P<n>b(?:c|d))e": {"abce", "abde"},
    "a(?:b(?:c|))d": {"abcd", "abd"}, r"a(?:\)|x)": {"a)", "ax"}, "(?i)ab": {""},
    "(?:a|b)" * 5: {f"{a}{b}{c}{d}" for a in "ab" for b in "ab" for c in "ab" for d in "ab"},
}  # fmt: skip


def test_starts_of_patterns() -> None:
    assert {pattern: set(auth.literal_starts(pattern)) for pattern in STARTS} == STARTS


WITHIN = {
    r"(?:\[\d+\] )?Linux (?P<a>\S+)": "Linux ", "ab|cd": "", "abc+d": "ab", "ab{2}cde": "cde", "a[bc]de(?:fgh)": "de",
    r"a\(b": "a(b", "(?i)ab": "", "ab??cdx": "cdx", r"a\db": "a",
}  # fmt: skip


def test_what_patterns_hold() -> None:
    assert {pattern: auth.literal_within(pattern) for pattern in WITHIN} == WITHIN


PIECES = st.sampled_from(["a", "b", "(?:", "(", ")", "|", "?", "*", r"\(", r"\d", "[ab]", "[|)]", " ", "{1}", "1", "."])


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=9), st.lists(st.sampled_from("ab1( |)"), max_size=9))
def test_what_fits_begins_so(pieces: list[str], text: list[str]) -> None:
    """Whatever a pattern looks like, no message that fits it begins otherwise than was told."""
    pattern, message = "".join(pieces), "".join(text)
    try:
        made = re.compile(pattern)
    except re.error:
        return
    if made.match(message):
        assert message.startswith(auth.literal_starts(pattern)), (pattern, message)
        assert auth.literal_within(pattern) in message, (pattern, message)


MESSAGES = [b"2024-01-01T00:00:0%d+01:00 h app[1]: message %d \xff" % (n % 10, n) for n in range(8)]


@settings(max_examples=60, deadline=None)
@given(st.permutations(MESSAGES), st.sampled_from([b"\n", b"\r\n"]), st.integers(0, 420), st.binary(max_size=5))
def test_order_cuts_and_line_ends(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], end: bytes, cut: int, junk: bytes
) -> None:
    """Where the time stands in the line, order changes nothing; a cut costs the line that it goes through."""
    tmp_path = tmp_path_factory.mktemp("syslog")
    events, problems, _ = read(tmp_path, end.join(lines) + end)
    assert not problems and sorted((one.ts or 0, one.message) for one in events) == sorted(
        (one.ts or 0, one.message) for one in read(tmp_path, b"\n".join(MESSAGES))[0]
    )
    text = (b"\n".join(lines))[:cut] + junk
    events, problems, told = read(tmp_path, text)
    held = sum(1 + len(one.attrs.get("more", [])) for one in events)
    assert (
        held + len(problems) >= sum(bool(line.strip(b"\0 \t\r")) for line in text.split(b"\n"))
        and told["lines"] is not None
    )


def test_a_long_line_of_zeros_and_text(tmp_path: Path) -> None:
    text = b"\0" * (1 << 20) + b"\nJan  1 00:00:00 h a: b\n" + b"Jan  1 00:00:01 h a: " + b"\xc3" * (1 << 20) + b"\n"
    events, problems, _ = read(tmp_path, text)
    assert len(events) == 2 and [one.code for one in problems] == ["line-too-long"] * 2
    assert len(events[1].message) <= 1000
