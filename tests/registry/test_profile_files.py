"""Profiles: what loads, and what each mistake says: file, line, reason, nearest word."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from forensics.acquisition.matcher import Matcher
from forensics.errors import ConfigError, ProfileUnknown
from forensics.model import Entry, SourcePath
from forensics.profiles import Profile, load_profile, parse_profile, parse_size

FULL = """\
description = "mine"
collectors = ["stanzas", "full"]
digests = ["md5"]
max_file = "4 GiB"
max_total = 1000
max_seconds = 60
exclude = ["home/*/.cache"]
paths = ["srv/**"]
listing = false

[options.stanzas]
categories = ["logs"]
"""


def test_everything_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(FULL)
    profile = load_profile(file, paths=["opt/*"], exclude=["proc"], max_seconds=None, max_total="2 KiB")
    assert profile == Profile(
        "mine", hashlib.sha256(FULL.encode()).hexdigest(), str(file), ("stanzas", "full"),
        {"stanzas": {"categories": ["logs"]}}, ("md5",), 4 << 30, 2048, 60, ("home/*/.cache", "proc"),
        ("srv/**", "opt/*"), False,
    )  # fmt: skip


def test_registered_profiles_load() -> None:
    assert (load_profile("full").collectors, load_profile("triage").collectors) == (
        ("full",),
        ("volatile", "stanzas", "forensicartifacts"),
    )
    assert load_profile("triage").where == "triage.toml" and load_profile("triage").listing


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("max_file", "max_fiel", "no key max_fiel; did you mean max_file?: p.toml:4"),
        ('["md5"]', '["md4"]', "digests: md4 is none of md5, sha1; did you mean md5?: p.toml:3"),
        ('"full"]', '"ful"]', "no collector is called ful; did you mean full?: p.toml:2"),
        ('"4 GiB"', '"4 GB"', 'max_file: a size is an integer or text such as "512 MiB": p.toml:4'),
        ("1000", "-1", "max_total: a size lies between 0 and 2^53 bytes: p.toml:5"),
        ("1000", "true", "max_total: a size is"),
        ("60", "0.5", "max_seconds: seconds are a positive integer: p.toml:6"),
        ('["srv/**"]', '"srv/**"', "paths: must be an array of strings: p.toml:8"),
        ("false", "0", "listing: must be true or false: p.toml:9"),
        ("options.stanzas", "options.stanza", "did you mean stanzas?: p.toml:11"),
        ("[options.stanzas]", "[options", "p.toml:11"),
        ("[options.stanzas]\ncategories", "options", "options: must be tables"),
        ('collectors = ["stanzas", "full"]', 'collectors = []', "none of the profile's collectors"),
    ],
)  # fmt: skip
def test_each_mistake_names_line_and_reason(old: str, new: str, expected: str) -> None:
    assert old in FULL
    with pytest.raises(ConfigError) as caught:
        parse_profile(FULL.replace(old, new, 1).encode(), "p", "p.toml")
    assert expected in str(caught.value) and caught.value.exit == 78


def test_files_that_are_none(tmp_path: Path) -> None:
    for raw, expected in ((b"a = \xff\n", "not UTF-8"), (b"#" * (1 << 21), "larger than"), (b"", "at least one of")):
        (tmp_path / "x.toml").write_bytes(raw)
        with pytest.raises(ConfigError, match=expected):
            load_profile(tmp_path / "x.toml")
    for name in ("triagge", str(tmp_path / "absent.toml"), str(tmp_path)):
        with pytest.raises(ProfileUnknown):
            load_profile(name)
    with pytest.raises(ConfigError, match="cannot be read"):
        (tmp_path / "d.toml").mkdir()
        load_profile(tmp_path / "d.toml")
    with pytest.raises(TypeError, match="max_fil"):
        load_profile("full", max_fil=3)
    with pytest.raises(ConfigError, match="max-file"):
        load_profile("full", max_file="many")


@pytest.mark.parametrize(("text", "number"), [("0", 0), (7, 7), ("12 MiB", 12 << 20), ("1tib", 1 << 40)])
def test_sizes(text: object, number: int) -> None:
    assert parse_size(text) == number


def test_rules_of_paths_and_exclusions() -> None:
    profile = Profile("x", "", "", (), paths=("var/a:b", "**/*.log"), exclude=("home/bob", "**/*.log:*"))
    rules = profile.rules()
    assert [rule.id for rule in rules] == ["path:1", "path:2", "exclude:1", "exclude:2"]
    matcher = Matcher([*rules], {})

    def match(raw: bytes, stream: str | None = None) -> tuple[tuple[str, ...], str]:
        hit = matcher.match(Entry("v", SourcePath(raw, stream=stream)), False)
        return hit.rules, hit.excluded_by

    assert match(b"var/a:b") == (("path:1",), "") == match(b"var/a", "b")  # a name on Linux, a stream on NTFS
    assert match(b"x/y.log") == (("path:2",), "")
    assert match(b"home/bob/deep/y.log") == (("path:2",), "exclude:1")
    assert match(b"home/bobby/y.log") == (("path:2",), "")
