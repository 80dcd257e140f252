"""Every vector against our verifier, with and without its hooks; the archives against their builder."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import adapter_verify
import pytest
import vector_all
import vector_judge
from testkit import check_needs, is_root, not_shown
from vector_stream import age, identity, repeats, zstd

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "vectors"
VECTORS = vector_judge.index(FOLDER)
CASES = [*map(str, range(1, 48)), "20b", "45b", "45c"]
#: put to the script itself, as somebody with nothing but Python would
BY_SCRIPT = ("signer", "checkpoint", "witness", "flip-payload", "added-to-root", "no-anchor", "torn-line",
             "manifest-parent", "citation", "subset")  # fmt: skip


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return {vector.name: vector for vector in vector_all.vectors()}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_vector(vector: dict[str, Any], tmp_path: Path) -> None:
    """With all that sealbag has: the answer; with the verifier's file alone: the answer without."""
    absent = vector_judge.system_lacks() & set(vector["needs"])
    if absent:
        not_shown(f"needs {', '.join(sorted(absent))} in file names and folders")
    root = vector_judge.unpack(FOLDER, vector, tmp_path)
    asked = vector_judge.request(vector, root)
    with as_nobody("unreadable" in vector["needs"], tmp_path):
        here = vector_judge.missing_here(vector, root)
        wrong = vector_judge.differences(vector, adapter_verify.judge(asked), here)
        if wrong is None:
            not_shown(f"needs {', '.join(sorted(here))}")
        assert wrong == [], vector["title"]
        alone = vector_judge.differences(vector, adapter_verify.judge(asked, alone=True), {*here, *LACKS})
    assert not alone, vector["title"]


LACKS = {"tsa", "krl", "age", "zstd"}


@contextmanager
def as_nobody(wanted: bool, folder: Path) -> Iterator[None]:
    """As root: read as somebody who may not read everything."""
    if not wanted or not is_root():
        yield
        return
    for place in (folder, *folder.parents):
        if place.stat().st_uid == 0 and place != Path(place.anchor):
            os.chmod(place, place.stat().st_mode | 0o755)
            if place.name.startswith("pytest-of-"):
                break
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.parametrize("name", BY_SCRIPT)
def test_by_the_script(name: str, tmp_path: Path) -> None:
    """``python -I -S verify.py``: exit code, the line verdict:, and the first bad place."""
    vector = next(one for one in VECTORS if one["id"] == name)
    asked = vector_judge.request(vector, vector_judge.unpack(FOLDER, vector, tmp_path))
    options = [f"--{key}={value}" for key, value in asked["anchors"].items()]
    script = ROOT / "forensics" / "verifier.py"
    command = [sys.executable, "-I", "-S", "-B", str(script), *options, "--json", "--", asked["path"]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = json.loads(done.stdout)
    assert (done.returncode, said["verdict"]) == (vector["exit"], vector["verdict"]), done.stderr
    undone = sorted({text.partition(":")[0] for text in said["not_checked"]})
    notes = sorted({text.partition(":")[0] for text in said["notes"]})
    got = {**said, "not_checked": undone, "notes": notes}
    assert vector_judge.differences(vector, got, set()) == []


@pytest.mark.parametrize("name", ["token-over-another-digest", "revoked-by-krl", "revoked-after-the-token"])
def test_by_the_command(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``sealbag verify`` with its hooks, as it is called."""
    from forensics.cli.main import main

    vector = next(one for one in VECTORS if one["id"] == name)
    asked = vector_judge.request(vector, vector_judge.unpack(FOLDER, vector, tmp_path))
    options = [f"--{key}={value}" for key, value in asked["anchors"].items()]
    code = main(["verify", *options, "--json", "--no-progress", asked["path"]])
    assert (code, json.loads(capsys.readouterr().out)["verdict"]) == (vector["exit"], vector["verdict"])


def test_archives_are_what_the_builder_makes(made: dict[str, Any]) -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.tar.gz" for name in made} | {"index.json", "README.md"}
    changed = [one.name for one in made.values()
               if gzip.decompress((FOLDER / f"{one.name}.tar.gz").read_bytes()) != one.tar()]  # fmt: skip
    assert changed == []
    assert (FOLDER / "index.json").read_text(encoding="utf-8") == vector_all.index_text(made.values())


def test_every_case_has_its_vector() -> None:
    assert {one["case"] for one in VECTORS} - {""} == set(CASES)
    assert len({one["id"] for one in VECTORS}) == len(VECTORS)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_000_000


def test_the_builder_knows_nothing_of_ours() -> None:
    """No import of forensics, collectors or another test's builder in what makes the vectors."""
    for path in (*HERE.glob("vector_*.py"), HERE / "make.py", HERE / "runner.py"):
        names = re.findall(r"^\s*(?:from|import)\s+([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        ours = [name for name in names if re.match(r"(forensics|collectors|builder|testkit)\b", name)]
        assert ours == [], path.name


def test_no_expected_verdict_is_better_without() -> None:
    """A check that was not made is named: nothing is VALID without saying what was left out."""
    for one in (one for one in VECTORS if "without" in one and one["without"]["verdict"] != one["verdict"]):
        if one["needs"] != ["unreadable"]:
            assert one["without"]["not_checked"], one["id"]


def test_age_and_zstd_of_the_builder(tmp_path: Path) -> None:
    """The programs read what the builder writes by hand."""
    check_needs("age", "zstd")
    data = b"x" * 100_000 + bytes(range(256)) * 300
    (tmp_path / "key").write_bytes(identity("recipient one"))
    (tmp_path / "stream").write_bytes(age(zstd(data), "recipient one", "recipient two"))
    packed = subprocess.run(["age", "-d", "-i", "key", "stream"], cwd=tmp_path, capture_output=True, check=True).stdout
    assert subprocess.run(["zstd", "-dc"], input=packed, capture_output=True, check=True).stdout == data
    twice = zstd(bytes(range(256)) * 2)[:-3] + repeats(2) + zstd(b"")[6:]
    got = subprocess.run(["zstd", "-dc"], input=twice, capture_output=True, check=True).stdout
    assert got == bytes(range(256)) * 2 * (1 + (2 << 17) // 512)


def test_tokens_of_the_vectors_by_openssl(tmp_path: Path) -> None:
    """openssl ts agrees: sound, over other bytes, of another authority."""
    check_needs("openssl")
    for name, holds in (("token", True), ("token-over-another-digest", False), ("token-of-another-authority", False)):
        root = vector_judge.unpack(FOLDER, next(one for one in VECTORS if one["id"] == name), tmp_path)
        command = ["openssl", "ts", "-verify", "-in", "bag/custody/seal.tsr", "-data", "bag/custody/seal.json.sig",
                   "-CAfile", "roots.pem"]  # fmt: skip
        assert (subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 0) is holds, name


def test_keys_of_the_vectors_by_ssh_keygen(tmp_path: Path) -> None:
    """ssh-keygen agrees on a seal by a plain key, by a FIDO key and by a certified one, and on the KRL."""
    check_needs("ssh-keygen")
    for name in ("trust", "fido-trust"):
        root = vector_judge.unpack(FOLDER, next(one for one in VECTORS if one["id"] == name), tmp_path)
        command = ["ssh-keygen", "-Y", "verify", "-f", "signers", "-I", "anna", "-n", "sealbag-seal-v1", "-s",
                   "bag/custody/seal.json.sig"]  # fmt: skip
        with (root / "bag/custody/seal.json").open("rb") as seal:
            subprocess.run(command, cwd=root, stdin=seal, capture_output=True, check=True)
    root = vector_judge.unpack(FOLDER, next(one for one in VECTORS if one["id"] == "certificate"), tmp_path)
    command = ["ssh-keygen", "-L", "-f", "bag/custody/keys/signer-cert.pub"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    assert "user certificate" in listed and "anna@hq" in listed


ECHO = """import json, sys
for line in sys.stdin:
    print(json.dumps({"id": json.loads(line)["id"], "verdict": "VALID", "exit": 0, "first": None, "not_checked": []}))
"""


def test_the_runner_sees_a_difference(tmp_path: Path) -> None:
    (tmp_path / "echo.py").write_text(ECHO, encoding="utf-8")
    command = [sys.executable, str(HERE / "runner.py"), "--verifier", f"{sys.executable} {tmp_path / 'echo.py'}"]
    right = subprocess.run([*command, "seal-digest"], capture_output=True, text=True, check=False)
    assert (right.returncode, right.stdout.splitlines()[-1]) == (0, "1 agrees")
    wrong = subprocess.run([*command, "seal-digest", "flip-payload"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout.splitlines()[-1]) == (1, "1 agrees, 1 differs")
    assert "verdict 'VALID', not 'INVALID'" in wrong.stdout
