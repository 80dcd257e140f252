"""Packs: what is read, what is left out, and a digest of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collectors.scanners.yara_finding import level_of, shown, wide_text
from collectors.scanners.yara_rules import compile_packs
from collectors.scanners.yara_source import split
from forensics.errors import RuleInvalid
from forensics.model.display import UNSAFE
from forensics.scan.packs import pack_digest, read_pack
from forensics.source import rule_files

RULE = b"rule a { condition: true }\n"


def folder(tmp_path: Path, **files: bytes) -> Path:
    root = tmp_path / "pack"
    for name, data in files.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def test_any_byte_and_any_name_changes_the_digest(tmp_path: Path) -> None:
    root = folder(tmp_path, a_yar=RULE, sub__b_yara=RULE, note_txt=b"1")
    first = read_pack(root, tmp_path / "1")
    assert (first.files, first.problems) == (2, ())
    (root / "note.txt").write_bytes(b"2")
    assert read_pack(root, tmp_path / "2").sha256 == first.sha256, "what is no rule does not count"
    seen = {first.sha256}
    for at in range(len(RULE)):
        changed = bytearray(RULE)
        changed[at] ^= 1
        (root / "a.yar").write_bytes(changed)
        seen.add(read_pack(root, tmp_path / f"c{at}").sha256)
    assert len(seen) == len(RULE) + 1
    (root / "a.yar").write_bytes(RULE)
    (root / "a.yar").rename(root / "c.yar")
    assert read_pack(root, tmp_path / "3").sha256 not in seen


def test_the_scanner_finds_the_same_digest_by_itself(tmp_path: Path) -> None:
    root = folder(tmp_path, z_yar=RULE, sub__b_yara=RULE, sub__a_yar=RULE)
    read = read_pack(root, tmp_path / "copy")
    assert (
        compile_packs([str(read.folder)]).packs[0].sha256 == read.sha256 == compile_packs([str(root)]).packs[0].sha256
    )


def test_the_copy_is_what_runs(tmp_path: Path) -> None:
    read = read_pack(folder(tmp_path, a_yar=RULE), tmp_path / "copy")
    assert [path.relative_to(read.folder).as_posix() for path in read.folder.rglob("*")] == ["a.yar"]
    assert (read.folder / "a.yar").read_bytes() == RULE


@pytest.mark.needs("posix")
def test_links_and_pipes_are_left_out_and_named(tmp_path: Path) -> None:
    root = folder(tmp_path, a_yar=RULE)
    (root / "link.yar").symlink_to("/etc/passwd")
    os.mkfifo(root / "pipe.yar")
    read = read_pack(root, tmp_path / "copy")
    assert [(one.where, one.reason) for one in read.problems] == [
        ("link.yar", "no regular file"), ("pipe.yar", "no regular file"),
    ]  # fmt: skip


def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder(tmp_path, a_yar=RULE, b_yar=RULE * 2, c_yar=RULE)
    monkeypatch.setattr(rule_files, "MAX_FILE", len(RULE))
    assert [one.where for one in read_pack(root, tmp_path / "1").problems] == ["b.yar"]
    monkeypatch.setattr(rule_files, "MAX_TOTAL", len(RULE))
    assert [one.where for one in read_pack(root, tmp_path / "2").problems] == ["b.yar", "c.yar"]
    monkeypatch.setattr(rule_files, "MAX_FILES", 2)
    with pytest.raises(RuleInvalid, match="more than 2 rule files"):
        read_pack(root, tmp_path / "3")


def test_digest_is_the_documented_one() -> None:
    import hashlib

    one, two = hashlib.sha256(b"1").hexdigest(), hashlib.sha256(b"2").hexdigest()
    text = b"a.yar\0" + one.encode() + b"\n" + b"b.yar\0" + two.encode() + b"\n"
    assert pack_digest([(b"b.yar", two), (b"a.yar", one)]) == hashlib.sha256(text).hexdigest()


def test_rules_are_told_apart_whatever_they_hold() -> None:
    text = (
        '// rule no { }\n/* rule neither { } */\nimport "pe"\n'
        'private global rule one : tag { strings: $a = "} rule x {" $b = { 00 ?? [1-3] ( 01 | 02 ) } $c = /\\/}{"/i\n'
        "condition: any of them }\nrule two\n{\n  condition: true\n}\n"
    )
    assert [(rule.name, rule.first_line, rule.last_line) for rule in split(text)] == [("one", 4, 5), ("two", 6, 9)]
    first = split(text)[0]
    assert text[first.start :].startswith("private global rule one")


def test_a_string_that_does_not_close_costs_its_rule_alone(tmp_path: Path) -> None:
    text = b'rule a { strings: $a = "x condition: $a }\n\nrule b { condition: true }\nrule c { condition: b }\n'
    (pack,) = compile_packs([str(folder(tmp_path, a_yar=text))]).packs
    assert [(one.where, one.rule) for one in pack.problems] == [("a.yar:1", "a")]
    assert pack.rules == 2


def test_bytes_that_are_not_utf8_are_stated(tmp_path: Path) -> None:
    (pack,) = compile_packs([str(folder(tmp_path, a_yar=b"// \n// caf\xe9\n" + RULE, b_yar=b"\0" + RULE))]).packs
    assert [(one.where, one.rule) for one in pack.problems] == [("a.yar:2", ""), ("b.yar:1", "")]
    assert pack.rules == 1


@example(b"\xee\x80\x80")  # U+E000, found by fuzzing
@given(st.binary(max_size=600))
def test_matches_are_shown_within_their_bound(raw: bytes) -> None:
    text = shown(raw)
    assert len(text) <= 256
    # what a display never holds (a character for private use is shown as it is)
    assert not re.search(f"[{UNSAFE}]", text)


@given(st.text(alphabet='rule a{}"/\\*\n$=:', max_size=80))
def test_splitting_never_fails_and_never_overlaps(text: str) -> None:
    end = 0
    for rule in split(text):
        assert end <= rule.start < rule.end <= len(text)
        assert 1 <= rule.first_line <= rule.last_line <= text.count("\n") + 1
        end = rule.end


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({}, ("warning", 0)), ({"level": "Alert"}, ("alert", 0)), ({"severity": "low", "score": 90}, ("notice", 90)),
        ({"score": 80}, ("alert", 80)), ({"score": 60}, ("warning", 60)), ({"score": 59}, ("notice", 59)),
        ({"score": 10**9}, ("alert", 100)), ({"score": -1}, ("notice", 0)), ({"score": "90"}, ("warning", 0)),
        ({"level": "nonsense", "severity": 7}, ("warning", 0)),
    ],
)  # fmt: skip
def test_levels(meta: dict[str, object], expected: tuple[str, int]) -> None:
    assert level_of(meta) == expected


def test_wide_matches_are_readable_too() -> None:
    assert wide_text("reg save".encode("utf-16-le")) == "reg save"
    assert wide_text("a\x1b[31m".encode("utf-16-le")) == "a\\u{1B}[31m"
    assert [wide_text(raw) for raw in (b"", b"reg save", b"\0\0\0\0", b"a\0b", "ĀĀĀ".encode("utf-16-le"))] == [""] * 5
