"""The collectors made of rules: options, mistakes in definitions, and the plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.full import FullCollector
from collectors.stanzas import StanzaCollector, read_stanzas
from forensics import registry
from forensics.acquisition.matcher import Matcher
from forensics.errors import ConfigError, RuleInvalid
from forensics.model import Collector, Entry, Facts, Match, SourcePath

GOOD = """\
# of our own
[[artefact]]
name = "own.one"
description = "first"
category = "own"
paths = ["srv/one/*", "srv/two"]
priority = 2
cap = 100

[[artefact]]
name = "own.two"
description = "second"
category = "own"
os = "windows"
paths = ["srv/one/b"]
streams = true
priority = 6
kinds = ["file"]
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("priority = 6", "prioritty = 6", "no key prioritty; did you mean priority?: d.toml:17"),
        ("priority = 6", "priority = 10", "priority: must be an integer from 0 to 9: d.toml:17"),
        ('"windows"', '"windoze"', "windoze is none of linux, windows, macos; did you mean windows?: d.toml:14"),
        ('["file"]', '["fil"]', "did you mean file?: d.toml:18"),
        ("streams = true", "streams = 1", "streams: must be true or false: d.toml:16"),
        ('name = "own.two"', "", "needs the key name: d.toml:10"),
        ('["srv/one/b"]', "[]", "paths: must be an array of one or more strings: d.toml:15"),
        ("[[artefact]]\nname = \"own.two\"", "[[artefakt]]\nname = \"own.two\"", "did you mean artefact?: d.toml:10"),
        ('"second"', '"second', "d.toml:12"),
    ],
)  # fmt: skip
def test_each_mistake_in_a_stanza_names_file_line_and_reason(old: str, new: str, expected: str) -> None:
    assert old in GOOD
    with pytest.raises(RuleInvalid) as caught:
        read_stanzas(GOOD.replace(old, new).encode(), "d.toml")
    assert expected in str(caught.value)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(GOOD)
    packaged = StanzaCollector({}).rules()
    assert len(StanzaCollector({"files": [str(file)]}).rules()) == len(packaged) + 2
    one, two = StanzaCollector({"files": [str(file)], "packaged": False}).rules()
    assert (one.id, one.where, two.where) == ("stanzas:own.one", f"{file}:2", f"{file}:10")
    assert two.patterns == ("srv/one/b", "srv/one/b:*")
    with pytest.raises(RuleInvalid, match=r"own.one is defined twice, also at .*own.toml:2: .*own.toml:2"):
        StanzaCollector({"files": [str(file), str(file)]})
    with pytest.raises(RuleInvalid, match=r"cannot be read: .*absent.toml"):
        StanzaCollector({"files": [str(tmp_path / "absent.toml")]})
    file.write_text(GOOD.replace("srv/two", "srv/**x"))
    with pytest.raises(RuleInvalid, match=r"own.one: pattern 'srv/\*\*x': .* stands alone .*: .*own.toml:2"):
        Matcher(StanzaCollector({"files": [str(file)]}).rules(), {})


def test_selection() -> None:
    logs = {rule.id for rule in StanzaCollector({"categories": ["logs"], "without": ["linux.journal"]}).rules()}
    assert "stanzas:linux.auth-logs" in logs and not {"stanzas:linux.journal", "stanzas:linux.cron"} & logs
    assert [rule.id for rule in StanzaCollector({"only": ["windows.mft"]}).rules()] == ["stanzas:windows.mft"]
    for options, expected in (
        ({"only": ["windows.mtf"]}, "did you mean windows.mft"),
        ({"category": ["logs"]}, "no option category; did you mean categories"),
        ({"packaged": "no"}, "option packaged .*must be true or false"),
    ):
        with pytest.raises(ConfigError, match=expected):
            StanzaCollector(options)
    with pytest.raises(ConfigError, match="full has no option x"):
        FullCollector({"x": 1})


def matches(matcher: Matcher, *entries: Entry) -> Iterator[Match]:
    for entry in entries:
        hit = matcher.match(entry, True)
        if hit and not hit.excluded_by:
            yield Match(entry, hit.rules)


def test_plan_takes_the_earliest_priority_and_the_largest_cap(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(GOOD)
    collector: Collector = StanzaCollector({"files": [str(tmp_path / "own.toml")], "packaged": False})
    matcher = Matcher([*collector.rules(), *FullCollector().rules()], {})
    a, b = (Entry("v", SourcePath(raw)) for raw in (b"srv/one/a", b"srv/one/b"))
    stream, other = Entry("v", SourcePath(b"srv/one/b", stream="s")), Entry("v", SourcePath(b"else"))
    plan = list(collector.plan(matches(matcher, a, b, stream, other), Facts()))
    assert [(c.what, c.why, c.priority, c.cap) for c in plan] == [
        (a, ("stanzas:own.one",), 2, 100),
        (b, ("stanzas:own.one", "stanzas:own.two"), 2, None),
        (stream, ("stanzas:own.two",), 6, None),
    ]


def test_full_takes_all_but_folders_and_bad_clusters() -> None:
    collector: Collector = registry.load("forensics.collectors", "full")({})
    matcher = Matcher(collector.rules(), {"v": "windows"})
    ads = Entry("v", SourcePath(b"a/b", stream="x"))
    taken = (
        Entry("v", SourcePath(b"a/b")), ads, Entry("v", SourcePath(b"x"), kind="fifo", state="deleted"),
        Entry("v", SourcePath(b"a", stream="x"), kind="dir"), Entry("v", SourcePath(b"", stream="x"), kind="dir"),
    )  # fmt: skip
    bad = Entry("v", SourcePath(b"$BadClus", stream="$Bad"))
    left = (Entry("v", SourcePath(b"a"), kind="dir"), Entry("v", SourcePath(b""), kind="dir"), bad)
    assert [c.what for c in collector.plan(matches(matcher, *taken, *left), Facts())] == list(taken)
    hit = matcher.match(bad, True)
    assert (hit.rules, hit.excluded_by, hit.code) == (("full:everything",), "full:bad-clusters", "ntfs-badclus")
