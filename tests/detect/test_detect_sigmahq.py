"""SigmaHQ's rules: all for Windows compile but two, and every recording of theirs fires its rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from forensics.detect.ast import RuleSet
from forensics.detect.explain import explain
from forensics.detect.needs import could_fire, needs
from forensics.detect.reference import matches
from forensics.detect.rules import load_packs
from forensics.detect.view import View, view_of_text

PACKS = ("rules", "rules-emerging-threats", "rules-threat-hunting")

#: where info.yml states another number than there are: the records that the rule's own words describe, looked at by hand  # noqa: E501
BY_HAND = {
    # "user.conf" below \AppData\Roaming\AnyDesk\: Sysmon wrote user.conf.new twice and a user.conf~RF*.TMP, and
    # "TargetFilename|contains" holds all three. info.yml states 1.
    "Anydesk Temporary Artefact": (1, 3),
    # "\procdump": procdump64.exe, procdump64a.exe and procdump.exe were unpacked, one event each. info.yml states 1.
    "Cred Dump Tools Dropped Files": (1, 3),
    # one domain was put into the zone for https, http and *: three values set, none is the default that the
    # rule excludes. info.yml states 1.
    "IE Change Domain Zone": (1, 3),
}


@pytest.fixture(scope="module")
def ruleset(shared_data: Path) -> RuleSet:
    return load_packs([shared_data / "sigma" / name for name in PACKS]).ruleset


def windows_rules(folder: Path) -> Iterator[str]:
    """Ids of rules for Windows, read without our reader."""
    for name in PACKS:
        for path in (folder / "sigma" / name).rglob("*.yml"):
            for document in yaml.load_all(path.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
                if document["logsource"].get("product") == "windows":
                    yield document["id"]


def test_every_rule_runs_or_is_listed(ruleset: RuleSet, shared_data: Path) -> None:
    files = sum(1 for name in PACKS for _ in (shared_data / "sigma" / name).rglob("*.yml"))
    assert len(ruleset.rules) + len(ruleset.problems) == files, "a document a file, each with its outcome"
    wanted = set(windows_rules(shared_data))
    run = {rule.id for rule in ruleset.rules}
    assert len(wanted) >= 2_850
    listed = [one for one in ruleset.problems if "log source" not in one.reason]
    assert {one.reason for one in listed} == {"the placeholder %known_cdcs% has no value"}
    assert len(wanted - run) == len(listed) == 2
    others = Counter(one.reason for one in ruleset.problems if "log source" in one.reason)
    assert not any("windows" in reason for reason in others)


def test_placeholders_make_the_other_two_run(shared_data: Path) -> None:
    from forensics.detect.compile import Options

    packs = [shared_data / "sigma" / "rules-emerging-threats"]
    found = load_packs(packs, Options(placeholders={"known_cdcs": ("DC1", "DC2")})).ruleset
    assert not [one for one in found.problems if "placeholder" in one.reason]


def recordings(folder: Path) -> Iterator[tuple[str, str, int | None, Path]]:
    """Rule id, title, stated count, file."""
    for path in sorted((folder / "sigma" / "regression_data").rglob("info.yml")):
        info = yaml.safe_load(path.read_text("utf-8"))
        for test in info.get("regression_tests_info", []):
            if test["type"] == "evtx":
                for rule in info["rule_metadata"]:
                    yield rule["id"], rule["title"], test.get("match_count"), path.parent / Path(test["path"]).name


def views(path: Path) -> list[View]:
    import evtx

    rows = evtx.PyEvtxParser(str(path)).records_json()
    return [view_of_text(row["data"]) for row in rows if not isinstance(row, BaseException)]


def test_every_recording_fires_its_rule(ruleset: RuleSet, shared_data: Path) -> None:
    by_id = {rule.id: rule for rule in ruleset.rules}
    pairs = explained = 0
    for ident, title, stated, path in recordings(shared_data):
        rule = by_id[ident]
        seen = views(path)
        fired = [view for view in seen if matches(rule, view)]
        assert fired, title
        assert all(explain(rule, view) for view in fired), title
        assert could_fire(rule, {class_of(view) for view in seen})
        if title in BY_HAND:
            assert (stated, len(fired)) == BY_HAND[title], title
            explained += 1
        elif stated is not None:
            assert len(fired) == stated, title
        pairs += 1
    assert pairs >= 100 and explained == len(BY_HAND)


def class_of(view: View) -> tuple[str, str, str]:
    first = {name: (values[0] or "") for name, values in view.system.items()}
    return first.get("Channel", ""), first.get("Provider_Name", ""), first.get("EventID", "")


def test_a_rule_fires_on_nothing_that_it_does_not_need(ruleset: RuleSet, shared_data: Path) -> None:
    """The need is never narrower than the rule: asked of 150 records of many logs, over every rule."""
    seen = [
        view for path in sorted((shared_data / "evtx" / "attack").rglob("*.evtx"))[::4] for view in views(path)[:20]
    ]
    assert len(seen) >= 150
    wanted = {rule.index: needs(rule) for rule in ruleset.rules}
    fired = 0
    for view in seen[:150]:
        of = class_of(view)
        for rule in ruleset.rules:
            if matches(rule, view):
                fired += 1
                assert any(need.met_by(*of) for need in wanted[rule.index]), rule.title
    assert fired


def test_which_rules_could_not_have_fired(ruleset: RuleSet) -> None:
    security = {("Security", "Microsoft-Windows-Security-Auditing", event) for event in ("4624", "4688")}
    able = [rule for rule in ruleset.rules if could_fire(rule, security)]
    sources = Counter(rule.logsource[1:] for rule in able)
    assert sources["process_creation", ""] > 1_000 and not sources["registry_set", ""]
