"""ForensicArtifacts: every definition is accounted for; variables, depths, separators, groups, faults."""

from __future__ import annotations

from pathlib import Path

import pytest
from definition_tools import DATA, MODERN, OLD, UNIX, fa_documents, fa_paths, fa_sample
from hypothesis import example, given
from hypothesis import strategies as st

from collectors.forensicartifacts.collector import ForensicArtifactsCollector
from collectors.forensicartifacts.expand import glob_of
from collectors.targets import NotUnderstood
from forensics.acquisition.globs import compile_glob
from forensics.acquisition.matcher import Matcher
from forensics.errors import ConfigError
from forensics.model import Entry, Facts, Match, Rule, SourcePath


def rules_of(path: str, matcher: Matcher, *, fold: bool) -> set[str]:
    return set(matcher.match(Entry("v", SourcePath(path.encode())), fold).rules)


def test_every_definition_is_accounted_for() -> None:
    targets = list(ForensicArtifactsCollector().targets())
    listed = {target.rule.id.split(":")[1].split("/")[0] for target in targets}
    documents = list(fa_documents(DATA))
    assert listed == {document["name"] for document in documents} and len(documents) > 700
    assert [(target.rule.id, target.reason) for target in targets if target.state == "not-understood"] == []
    assert all(target.reason for target in targets if target.state == "excluded")
    ids = [target.rule.id for target in targets if target.kind != "group"]
    assert len(ids) == len(set(ids))
    for type, kind in (("WMI", "wmi"), ("COMMAND", "command"), ("ARTIFACT_GROUP", "group")):
        with_type = [d for d in documents if any(source["type"] == type for source in d["sources"])]
        assert len(with_type) == len([target for target in targets if target.kind == kind]) > 0


@pytest.mark.parametrize(("system", "folder", "floor"), [("Windows", "windows", 900), ("Linux", "linux", 700)])
def test_each_path_of_each_definition_matches_its_rule(system: str, folder: str, floor: int) -> None:
    """Paths as the YAML writes them, filled in by the test, on 7 and on XP."""
    rules = [rule for rule in ForensicArtifactsCollector().rules() if rule.os == folder]
    matcher = Matcher(rules, {})
    count = 0
    for document in fa_documents(DATA):
        names = {f"forensicartifacts:{document['name']}", f"forensicartifacts:{document['name']}/{folder}"}
        for path in fa_paths(document, system):
            for variables in (MODERN, OLD) if system == "Windows" else (UNIX,):
                sample = fa_sample(path, variables)
                if system == "Linux" and sample.startswith(("proc/", "sys/")):
                    continue
                assert names & rules_of(sample, matcher, fold=system == "Windows"), (document["name"], path, sample)
                count += 1
    assert count > floor


@pytest.mark.parametrize(
    ("path", "system", "fires", "silent"),
    [
        (r"%%users.localappdata%%\x", "windows", "Users/a/AppData/Local/x", "Users/a/x"),
        (r"%%users.localappdata%%\x", "windows", "Windows/ServiceProfiles/LocalService/AppData/Local/x", "AppData/x"),
        (r"%%users.localappdata%%\x", "windows", "Windows.old/Users/a/AppData/Local/x", "Old/Users/a/AppData/Local/x"),
        (
            r"%%users.appdata%%\x",
            "windows",
            "Documents and Settings/a/Application Data/x",
            "Documents and Settings/a/x",
        ),
        (r"%%users.homedir%%\x", "windows", "Windows/System32/config/systemprofile/x", "Windows/System32/x"),
        (r"%%environ_systemroot%%\**2", "windows", "WINNT/a/b", "WINNT/a/b/c"),
        (r"C:\a\**3\*.VBN", "windows", "a/1/2/3/q.vbn", "a/1/2/3/4/q.vbn"),
        (r"\$Recycle.Bin\**", "windows", "$Recycle.Bin/a/b/c/d/e/f", "Recycle.Bin/a"),
        (r"%%environ_systemdrive%%\x{a,b}", "windows", "x{a,b}", "xa"),
        ("%%users.homedir%%/.x", "linux", "bob/.x", "a/b/c/.x"),
        ("%%users.homedir%%/x", "linux", "root/x", "etc/x"),
        ("/var/run/utmp", "linux", "run/utmp", "x/run/utmp"),
        ("/var/log/gc.log.[0-9]", "linux", "log/gc.log.7", "var/log/gc.log.x"),
        ("/bin/x", "linux", "usr/bin/x", "usr/local/bin/x"),
        ("/var/db/x", "macos", "private/var/db/x", "db/x"),
    ],
)
def test_variables_depths_links(path: str, system: str, fires: str, silent: str) -> None:
    glob = glob_of(path, system, "\\" if system == "windows" else "/")
    matcher = Matcher([Rule("x", (glob,), os=system)], {})
    assert rules_of(fires, matcher, fold=system == "windows"), glob
    assert not rules_of(silent, matcher, fold=system == "windows"), glob


def test_homes_that_a_source_shows_come_on_top() -> None:
    collector = ForensicArtifactsCollector({"only": ["BashShellHistoryFile"], "homes": ["export/h/*"]})
    facts = Facts(homes=(b"/srv/[x]/bob", b"D:\\Profiles\\ann", b"/data/c\xff"))
    matcher = Matcher(collector.rules(facts), {})
    for raw in (b"srv/[x]/bob", b"export/h/q", b"home/u", b"root", b"data/c\xff"):
        assert matcher.match(Entry("v", SourcePath(raw + b"/.bash_history")), False).rules, raw
    assert not matcher.match(Entry("v", SourcePath(b"srv/x/bob/.bash_history")), False).rules
    assert any("Profiles/ann" in pattern for rule in collector.rules(facts) for pattern in rule.patterns)


OWN = """\
name: Good
doc: first line
  second
aliases: [Fine]
sources:
- type: FILE
  attributes: {paths: ['/a/*', '%%users.shoesize%%/b']}
- type: REGISTRY_KEY
  attributes: {keys: ['HKEY_LOCAL_MACHINE\\x']}
- type: TELEPATHY
  attributes: {}
supported_os: [Linux]
---
name: Ring
sources:
- type: ARTIFACT_GROUP
  attributes: {names: [Ring2, Good, Ghost]}
---
name: Ring2
sources:
- type: ARTIFACT_GROUP
  attributes: {names: [Ring]}
---
sources: []
---
name: Empty
sources: []
---
name: Good
sources:
- type: FILE
  attributes: {paths: ['/again']}
  supported_os: [Linux]
---
name: Heavy
sources:
- type: PATH
  attributes: {paths: ['/heavy/*']}
  supported_os: [Linux, Plan9]
"""


def test_faults_groups_and_options(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN)
    collector = ForensicArtifactsCollector({"folder": str(tmp_path), "without": ["Heavy", "Gone"], "cap": 4096})
    found = {
        t.rule.id.removeprefix("forensicartifacts:"): (t.state, t.rule.code, t.rule.where) for t in collector.targets()
    }
    assert found == {
        "Good": ("evaluated", "", "own.yaml:1"),
        "Good#2": ("evaluated", "", "own.yaml:29"),
        "Good/linux/not-understood": ("not-understood", "not-understood", "own.yaml:6"),
        "Good/registry": ("excluded", "not-a-file", "own.yaml:1"),
        "Good/not-understood": ("not-understood", "not-understood", "own.yaml:10"),
        "Ring": ("group", "", "own.yaml:14"),
        "Ring/Ghost/not-understood": ("not-understood", "not-understood", "own.yaml:14"),
        "Ring2": ("group", "", "own.yaml:19"),
        "own.yaml:24/not-understood": ("not-understood", "not-understood", "own.yaml:24"),
        "Empty/not-understood": ("not-understood", "not-understood", "own.yaml:26"),
        "Heavy": ("excluded", "left-out", "own.yaml:35"),
        "Heavy/other": ("excluded", "other-system", "own.yaml:35"),
        "Gone": ("excluded", "left-out", "option without"),
    }
    assert {rule.cap for rule in collector.rules() if rule.patterns} == {4096}
    ring = ForensicArtifactsCollector({"folder": str(tmp_path), "only": ["Ring"]})
    assert {rule.patterns for rule in ring.rules() if rule.patterns} == {("a/*",), ("again",)}
    alias = ForensicArtifactsCollector({"folder": str(tmp_path), "only": ["Fine"]})
    assert {rule.id: rule for rule in alias.rules()}["forensicartifacts:Good"].description == "first line second"
    for options, reason in (
        ({"only": ["BashShellHistoryFil"]}, "did you mean BashShellHistoryFile"),
        ({"folder": str(tmp_path / "none")}, "cannot be read"),
        ({"onyl": ["x"]}, "did you mean only"),
    ):
        with pytest.raises(ConfigError, match=reason):
            ForensicArtifactsCollector(options)


def test_a_folder_that_a_path_names_is_matched_and_not_taken() -> None:
    collector = ForensicArtifactsCollector({"only": ["DockerRootDirectory"]})
    matcher = Matcher(collector.rules(), {})
    entry = Entry("v", SourcePath(b"var/lib/docker/overlay2"), kind="dir")
    hit = matcher.match(entry, False)
    assert "forensicartifacts:DockerRootDirectory/linux" in hit.rules
    assert list(collector.plan(iter([Match(entry, hit.rules)]), Facts())) == []


@example("[]", "windows")  # both found by fuzzing
@example("a[!]b", "linux")
@given(
    st.text(alphabet="%users.homedir\\/*123[]-{},:.?~ab", max_size=50),
    st.sampled_from(["windows", "linux", "macos"]),
)
def test_a_glob_that_is_made_always_compiles(path: str, system: str) -> None:
    for text in (path, f"%%users.homedir%%/{path}", f"/x/**5/{path}/**"):
        try:
            glob = glob_of(text, system)
        except NotUnderstood:
            continue
        compile_glob(glob, fold=system == "windows", streams=system == "windows")
