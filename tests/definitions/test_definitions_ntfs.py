"""A realistic NTFS volume collected with stanzas, ForensicArtifacts and KAPE: every rule ends in a state."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from definition_tools import (
    DATA,
    MODERN,
    OLD,
    UNIX,
    fa_documents,
    fa_paths,
    fa_sample,
    kape_leaves,
    kape_regex,
    kape_sample,
)

from collectors.forensicartifacts.collector import ForensicArtifactsCollector
from forensics import Bag, collect, dry_run, open_source, verify

SIZE = 96 << 20
on_ntfs = pytest.mark.needs("root", "fuse", "mkntfs", "ntfs-3g")


class Planting:
    """Paths for a volume that folds case: one spelling for each folder, no file where a folder is."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.files: dict[str, str] = {}

    def add(self, path: str) -> bool:
        """Note a path; False if it lies where a file system has its own, or a file is in its way."""
        parts = path.split("/")
        if parts[0].startswith("$") and not parts[0].startswith("$Recycle"):
            return False
        above = ["/".join(parts[: n + 1]).lower() for n in range(len(parts) - 1)]
        if any(folder in self.files for folder in above) or path.lower() in self.names:
            return False
        shown = ""
        for folder, part in zip(above, parts[:-1], strict=True):
            shown = self.names.setdefault(folder, f"{shown}/{part}".lstrip("/"))
        self.files.setdefault(path.lower(), f"{shown}/{parts[-1]}".lstrip("/"))
        return True


@pytest.fixture(scope="module")
def planting(shared_data: Path) -> Planting:
    """Four fifths of what KAPE's triage asks for, nine tenths of ForensicArtifacts' Windows files, and decoys."""
    planting = Planting()
    for number, item in enumerate(kape_leaves(shared_data / "kape" / "Targets", "!SANS_Triage").values()):
        if number % 5:
            planting.add(kape_sample(item))
    for number, document in enumerate(fa_documents(DATA)):
        for path in fa_paths(document, "Windows") if number % 10 else ():
            planting.add(fa_sample(path, OLD if number % 4 == 0 else MODERN))
    for decoy in ("Windows/Prefetchx/A.pf", "Users/bob/Documents/letter.txt", "Windows/System32/winevtx/a.evtx"):
        planting.add(decoy)
    return planting


@pytest.fixture(scope="module")
def image(planting: Planting, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The volume, made by mkntfs and written through ntfs-3g."""
    mkntfs, mount = (shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin") for name in ("mkntfs", "ntfs-3g"))
    folder = tmp_path_factory.mktemp("definitions")
    image, root = folder / "disk.raw", folder / "mounted"
    image.touch()
    os.truncate(image, SIZE)
    root.mkdir()
    subprocess.run([str(mkntfs), "-Q", "-F", str(image)], check=True, capture_output=True)
    command = [str(mount), "-o", "streams_interface=windows", str(image), str(root)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        for path in planting.files.values():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(path.encode())
    finally:
        subprocess.run(["umount", str(root)], check=True)
    yield image
    image.unlink()


@pytest.fixture(scope="module")
def bag(image: Path, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Bag:
    """Collected with a profile file, as a user would."""
    folder = tmp_path_factory.mktemp("bag")
    profile = folder / "all.toml"
    kape = json.dumps(str(shared_data / "kape" / "Targets"))
    profile.write_text(
        f'collectors = ["stanzas", "forensicartifacts", "kape"]\nmax_file = "1 MiB"\n[options.kape]\nfolder = {kape}\n'
    )
    with open_source(image) as source:
        return collect(source, folder / "bag", profile=profile)


@pytest.fixture(scope="module")
def states(bag: Bag) -> dict[str, tuple[str, str]]:
    """Rule -> (state, reason), from the ledger's coverage."""
    return {rule.rule: (rule.state, rule.reason) for rule in bag.coverage.rules}


@on_ntfs
def test_the_tree_is_there_and_the_bag_is_valid(bag: Bag, planting: Planting) -> None:
    assert len(planting.files) > 1000
    assert bag.counts["complete"] > 1000
    assert verify(bag.path).code in ("VALID", "UNTRUSTED")


@on_ntfs
def test_every_rule_of_sans_triage_ends_as_its_file_says(
    states: dict[str, tuple[str, str]], planting: Planting, shared_data: Path
) -> None:
    leaves = kape_leaves(shared_data / "kape" / "Targets", "!SANS_Triage")
    found = {rule.removeprefix("kape:"): state for rule, state in states.items() if rule.startswith("kape:")}
    assert set(found) == set(leaves)
    assert Counter(state for state, _ in found.values())["matched"] > 700
    own = ["$MFT", "$LogFile", "$Boot", "$MFTMirr", "$Secure:$SDS", "$Bitmap"]
    paths = [*planting.files.values(), *own]
    for id, item in leaves.items():
        if str(item.get("FileMask", "")).lower().startswith("regex:") or str(item["Path"]).startswith("C:\\$Extend"):
            assert found[id][0] in ("matched", "absent")
            continue
        regex = kape_regex(item)
        expected = "matched" if any(regex.fullmatch(path) for path in paths) else "absent"
        assert found[id] == (expected, ""), (id, item)


@on_ntfs
def test_every_file_definition_is_accounted_for(states: dict[str, tuple[str, str]], planting: Planting) -> None:
    documents = {document["name"]: document for document in fa_documents(DATA)}
    planted = set(planting.files)
    matched = 0
    for name, document in documents.items():
        ids = {id for id in states if id.split(":")[1].split("/")[0] == name and id.startswith("forensicartifacts:")}
        windows = fa_paths(document, "Windows")
        if not ids:
            assert {source["type"] for source in document["sources"]} == {"ARTIFACT_GROUP"}, name
        elif windows:
            id = f"forensicartifacts:{name}/windows"
            state = states[id if id in states else f"forensicartifacts:{name}"]
            samples = {fa_sample(path, table).lower() for path in windows for table in (MODERN, OLD)}
            assert state[0] == "matched" if samples & planted else state[0] in ("matched", "absent"), name
            matched += state[0] == "matched"
        elif fa_paths(document, "Linux"):
            # no volume of the image is Linux': nothing was missed, and the ledger says so
            assert all(states[id] == ("excluded", "other-os") for id in ids), name
    assert matched > 120


@on_ntfs
def test_decoys_are_left_and_reasons_are_kept(bag: Bag, states: dict[str, tuple[str, str]]) -> None:
    taken = {line["path"]: line["why"] for line in map(json.loads, ledger(bag)) if line["kind"] == "artefact"}
    assert "Windows/Prefetchx/A.pf" not in taken and "Windows/System32/winevtx/a.evtx" not in taken
    (prefetch,) = [why for path, why in taken.items() if path.lower().startswith("windows/prefetch/") and len(why) > 2]
    assert {rule.partition(":")[0] for rule in prefetch} == {"stanzas", "forensicartifacts", "kape"}
    assert states["stanzas:windows.mft"][0] == "matched" and states["stanzas:linux.auth-logs"][0] == "excluded"


@on_ntfs
def test_what_asks_for_no_file_is_excluded_with_its_reason(states: dict[str, tuple[str, str]]) -> None:
    expected = {
        target.rule.id: ("excluded", target.rule.code)
        for target in ForensicArtifactsCollector().targets()
        if target.state == "excluded" and target.rule.os in ("", "windows")
    }
    assert expected and {id: states[id] for id in expected} == expected


def ledger(bag: Bag) -> list[str]:
    """The ledger's lines."""
    return (bag.path / "custody" / "ledger.jsonl").read_text("utf-8").splitlines()


@pytest.mark.needs("posix")
def test_every_linux_file_definition_is_accounted_for_on_a_tree(tmp_path: Path) -> None:
    root, profile = tmp_path / "root", tmp_path / "p.toml"
    profile.write_text('collectors = ["forensicartifacts"]\n')
    planted: dict[str, bool] = {}
    for document in fa_documents(DATA):
        for path in fa_paths(document, "Linux"):
            sample = root / fa_sample(path, UNIX)
            pseudo = sample.relative_to(root).parts[0] in ("proc", "sys")
            planted[document["name"]] = planted.get(document["name"], False) or not pseudo
            if pseudo or sample.exists() or any(above.is_file() for above in sample.parents):
                continue
            sample.parent.mkdir(parents=True, exist_ok=True)
            sample.touch()
    with open_source(root) as source:
        found = dry_run(source, profile=profile)
    states = {row["rule"].removeprefix("forensicartifacts:"): row["state"] for row in found["rules"]}
    assert len(planted) > 200
    for name, there in planted.items():
        state = states.get(f"{name}/linux", states.get(name))
        assert state is not None and (state == "matched") == there, name


def test_a_definition_that_is_not_understood_is_a_gap(tmp_path: Path, planted: Path) -> None:
    (tmp_path / "k").mkdir()
    (tmp_path / "k" / "A.tkape").write_text("Targets:\n  - Path: C:\\var\\log\n  - Path: C:\\%x1%\n")
    profile = tmp_path / "p.toml"
    profile.write_text(f'collectors = ["kape"]\n[options.kape]\nfolder = {json.dumps(str(tmp_path / "k"))}\n')
    with open_source(planted) as source:
        bag = collect(source, tmp_path / "bag", profile=profile)
    found = {rule.rule: (rule.state, rule.reason) for rule in bag.coverage.rules}
    assert found == {"kape:A/1": ("matched", ""), "kape:A/2": ("not-evaluated", "not-understood")}
    assert [gap.outcome for gap in bag.coverage.gaps] == ["not-evaluated"]
