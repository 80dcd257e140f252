"""KAPE targets: every file parses, traps of its masks, compounds, sizes."""

from __future__ import annotations

from pathlib import Path

import pytest
from definition_tools import kape_items, kape_leaves, kape_regex, kape_sample
from hypothesis import given
from hypothesis import strategies as st

from collectors.kape.collector import KapeCollector
from collectors.kape.masks import glob_of
from collectors.targets import NotUnderstood
from forensics.acquisition.globs import compile_glob
from forensics.acquisition.matcher import Matcher
from forensics.errors import ConfigError
from forensics.model import Entry, Facts, Match, Rule, SourcePath


def matches(glob: str, path: str) -> bool:
    """Whether the product's matcher says that *glob* asks for *path*."""
    name, _, stream = path.partition(":")
    entry = Entry("v", SourcePath(name.encode(), stream=stream or None))
    return bool(Matcher([Rule("x", (glob,), os="windows")], {}).match(entry, True))


@pytest.mark.parametrize(
    ("path", "mask", "fires", "silent"),
    [
        (r"C:\Users\%user%\AppData\Roaming\x", "*.log", "Users/bob/appdata/ROAMING/x/A.LOG", "Users/bob/x/A.log"),
        (r"C:\Users\%User%\x\\", "a.db*", "Users/bob/x/a.db-wal", "Users/x/a.db"),
        (r"C:\%Users%\x", "", "bob/x/anything", "bob/x/a/b"),
        ("C:\\\\Windows\\\\Tasks\\\\", "*.job", "Windows/Tasks/a.job", "Windows/a.job"),
        ("D:/x/y", "*.*", "x/y/no_dot", "x/no_dot"),
        (r"C:\$Extend", "$UsnJrnl:$J", "$Extend/$UsnJrnl:$J", "$Extend/$UsnJrnl"),
        ("C:\\", "$Secure:$SDS", "$Secure:$SDS", "$Secure:$SII"),
        (r"C:\a", r"regex:*.+\.(db|db-wal|db-shm)", "a/x.db-wal", "a/x.dat"),
        (r"C:\a", r"regex:.*\.(jpg|mp4|pdf|webp)", "a/x.pdf", "a/pdf"),
        (r"C:\a", r"Regex:*.\b[a-zA-Z0-9_-]{8}\b.compiled", "a/x.abcd_f-9.compiled", "a/x.compiled"),
        (r"C:\a", r"regex:(2019|DSC|Log).+\.(jpg|txt)", "a/DSC001.jpg", "a/001.jpg"),
        (r"C:\a", r"regex:^id_[er]\d?$", "a/id_r7", "a/xid_r7"),
        (r"C:\a", "{GUID},[1]", "a/{guid},[1]", "a/{guid},1"),
        (r"C:\WDI\{*", "*", "WDI/{86432a0b}/x", "WDI/86432a0b/x"),
    ],
)
def test_masks(path: str, mask: str, fires: str, silent: str) -> None:
    glob = glob_of(path, mask)
    assert matches(glob, fires) and not matches(glob, silent), glob


@pytest.mark.parametrize(
    ("path", "mask", "reason"),
    [
        (r"C:\%SystemRoot%\x", "*", "no variable is known as %SystemRoot%"),
        (r"C:\a\..\b", "*", "no component is called .."),
        (r"C:\a", r"sub\*.log", "no separator"),
        (r"C:\a", "x:y:z", "NAME:STREAM"),
        (r"C:\a", r"regex:(?!x).*", "character 2 of the expression"),
        (r"C:\a", r"regex:(a|b", "does not end"),
        (r"C:\a", r"regex:a)b", "character 2"),
        (r"C:\a", r"regex:\p{L}", r"\p in an expression"),
        (r"C:\a", "regex:" + "(a|b)" * 12, "alternatives"),
        (r"C:\a", "regex:" + "(" * 5000, "nested deeper"),
        (r"C:\a", "x" * 5000, "more than 4096"),
    ],
)
def test_what_is_not_understood_says_why(path: str, mask: str, reason: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        glob_of(path, mask)
    assert reason in str(caught.value)


@given(
    st.text(alphabet="C:\\/%user*?[]{}.,$ ab", max_size=40), st.text(alphabet="*?.[]{}()|+\\^$:,regxab01-", max_size=40)
)
def test_a_glob_that_is_made_always_compiles(path: str, mask: str) -> None:
    for text in (mask, f"regex:{mask}"):
        try:
            glob = glob_of(path, text, recursive=len(path) % 2 == 0)
        except NotUnderstood:
            continue
        compile_glob(glob, fold=True)


def write(folder: Path, name: str, *items: str) -> None:
    """A target of *items* (the keys of each, `;` between)."""
    lines = ["Description: t", "Targets:"]
    for item in items:
        lines += ["  -", *(f"    {key.strip()}" for key in item.split(";"))]
    (folder / name).write_text("\r\n".join(lines), newline="")


def test_compounds_cycles_and_what_is_missing(tmp_path: Path) -> None:
    write(tmp_path, "!SANS_Triage.tkape", "Path: A.tkape", "Path: b.TKAPE", "Path: none.tkape")
    write(tmp_path, "A.tkape", r"Path: C:\a", "Path: !SANS_Triage.tkape", "Path: A.tkape")
    write(tmp_path, "B.tkape", "Path: C:\\b;FileMask: regex:(?<x>y)", "Name: no path", "Path: C:\\c;Colour: red")
    (tmp_path / "Broken.tkape").write_text("Targets:\n  - Path: 'x\n")
    write(tmp_path, "Unreached.tkape", r"Path: C:\u")
    collector = KapeCollector({"folder": str(tmp_path)})
    rules = {rule.id: rule for rule in collector.rules()}
    assert rules["kape:A/1"].patterns == ("a/*",) and rules["kape:A/1"].where == "A.tkape:4"
    assert {id: (rule.code, rule.exclude) for id, rule in rules.items() if not rule.patterns} == {
        "kape:!SANS_Triage/3": ("no-such-target", False),
        "kape:B/1": ("not-understood", False),
        "kape:B/2": ("not-understood", False),
        "kape:B/3": ("not-understood", False),
    }
    listed = {target.rule.id: target for target in collector.every()}
    assert listed["kape:Broken"].state == "not-understood" and listed["kape:Broken"].rule.where == "Broken.tkape:3"
    assert listed["kape:B/3"].reason == "an entry has no key Colour" and listed["kape:B/3"].rule.where == "B.tkape:10"
    assert listed["kape:A"].members == ("!SANS_Triage", "A") and "kape:Unreached/1" in listed
    chosen = KapeCollector({"folder": str(tmp_path), "targets": ["unreached", "a"], "without": ["A"]}).rules()
    assert {rule.id: rule.code for rule in chosen if rule.id in ("kape:Unreached/1", "kape:A/1")} == {
        "kape:Unreached/1": "", "kape:A/1": "left-out",
    }  # fmt: skip


def test_sizes_are_kept_and_folders_are_needed(tmp_path: Path) -> None:
    write(
        tmp_path,
        "S.tkape",
        "Path: C:\\a;MinSize: 10;MaxSize: 100",
        "Path: C:\\a\\;FileMask: big*",
        "Path: C:\\;MinSize: x",
    )
    collector = KapeCollector({"folder": str(tmp_path), "cap": "1 MiB"})
    matcher = Matcher(collector.rules(), {})

    def taken(name: str, size: int | None) -> list[str]:
        entry = Entry("v", SourcePath(name.encode()), size=size)
        plan = collector.plan(iter([Match(entry, matcher.match(entry, True).rules)]), Facts())
        return [rule for candidate in plan for rule in candidate.why]

    assert taken("a/x", 9) == taken("a/x", 101) == []
    assert taken("a/x", 10) == taken("a/x", 100) == taken("a/x", None) == ["kape:S/1"]
    assert taken("a/big", 5000) == ["kape:S/2"]
    assert {rule.cap for rule in collector.rules() if rule.patterns} == {1 << 20}
    for options, reason in (
        ({}, "needs the option folder"),
        ({"folder": str(tmp_path / "none")}, "cannot be read"),
        ({"folder": str(tmp_path), "targets": ["T"]}, "no KAPE target is called T"),
        ({"folder": str(tmp_path), "target": ["S"]}, "did you mean targets"),
        ({"folder": str(tmp_path), "cap": "much"}, "a size is an integer"),
    ):
        with pytest.raises(ConfigError, match=reason):
            KapeCollector(options)


def test_every_real_target_parses(shared_data: Path) -> None:
    folder = shared_data / "kape" / "Targets"
    targets = list(KapeCollector({"folder": str(folder)}).every())
    files = {target.rule.where.rpartition(":")[0] for target in targets}
    assert len(files) == len(kape_items(folder)) == 377
    assert len([file for file in files if not file.startswith("!Disabled")]) == 366
    assert [(target.rule.id, target.reason) for target in targets if target.state == "not-understood"] == []
    items = sum(len(items) for _, items in kape_items(folder).values())
    compounds = sum(len(target.members) for target in targets if target.kind == "group")
    assert len([target for target in targets if target.state == "evaluated"]) + compounds == items


def test_real_rules_match_what_their_files_say(shared_data: Path) -> None:
    """Each of !SANS_Triage's entries against an expression made from the file's text by other means."""
    folder = shared_data / "kape" / "Targets"
    leaves = kape_leaves(folder, "!SANS_Triage")
    rules = {rule.id.removeprefix("kape:"): rule for rule in KapeCollector({"folder": str(folder)}).rules()}
    assert set(rules) == set(leaves) and len(leaves) > 1200
    by_expression = {id for id, item in leaves.items() if str(item.get("FileMask", "")).lower().startswith("regex:")}
    samples = {id: kape_sample(item) for id, item in leaves.items() if id not in by_expression}
    matcher = Matcher(list(rules.values()), {})
    exact = {id: kape_regex(leaves[id]) for id in samples}
    for path in sorted({*list(samples.values())[::7], "Windows/Prefetchx/a.pf", "Users/bob/x"}):
        name, _, stream = path.partition(":")
        hit = matcher.match(Entry("v", SourcePath(name.encode(), stream=stream or None)), True)
        found = {rule.removeprefix("kape:") for rule in hit.rules} - by_expression
        assert found == {id for id, regex in exact.items() if regex.fullmatch(path)}, path
    for id, path in samples.items():
        assert exact[id].fullmatch(path), (id, path)
