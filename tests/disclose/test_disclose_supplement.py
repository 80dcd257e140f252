"""A workspace sealed: its files as they are, naming the bags that they were made of."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from disclose_kit import files, ledger, run, sha256

from forensics import Bag, Key, verify
from forensics.errors import InputError, OutputInsideSource, OutputNotEmpty, StorageError
from forensics.model.event import Receipt
from forensics.transfer.supplement import seal_workspace
from forensics.workspace.work import Workspace


@pytest.fixture
def work(whole: Bag, tmp_path: Path) -> Path:
    """A workspace over one bag, with what an unfinished process leaves."""
    place = Workspace.open(tmp_path / "work", [whole.path])
    rows = tmp_path / "work/tmp/rows"
    rows.write_bytes(b"rows")
    place.take(Receipt("k", "linux.auth", "1", "c", "ok"), rows)
    place.write_rows("findings.jsonl", [{"title": "something"}])
    (tmp_path / "work/tmp/left").write_bytes(b"unfinished")
    (tmp_path / "work/.work.json.new").write_bytes(b"unfinished")
    return tmp_path / "work"


def test_every_result_under_its_own_path(whole: Bag, key: Key, work: Path, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<p>report")
    before = files(work)
    done = seal_workspace(work, tmp_path / "bag", report=tmp_path / "report.html", key=key, examiner="B. Lee")
    assert files(work) == before
    assert done.verdict.code == "VALID" and verify(str(tmp_path / "bag"), signer=key.fingerprint).code == "VALID"
    lines = ledger(tmp_path / "bag")
    assert lines[0]["supplements"] == [whole.seal_sha256] and lines[0]["case"] == "7"
    held = {line["path"]: line for line in lines if line["kind"] == "artefact"}
    assert all(line["type"] == "produced" for line in held.values())
    wanted = {name: data for name, data in before.items() if not name.startswith((".", "tmp/"))}
    assert set(held) == {*wanted, "report.html"} and done.files == len(held) == 5
    for name, data in wanted.items():
        digest = held[name]["sha256"]
        assert digest == sha256(data) and (tmp_path / f"bag/data/objects/{digest[:2]}/{digest}").read_bytes() == data
    (note,) = [line for line in lines if line["kind"] == "note"]
    assert (note["supplements_bag"], note["supplements_seal"]) == (whole.id, whole.seal_sha256)


@pytest.mark.needs("posix")
def test_what_is_no_file_is_stated_and_not_followed(work: Path, key: Key, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/secret").write_bytes(b"secret")
    (work / "link").symlink_to(tmp_path / "elsewhere/secret")
    (work / "folder").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(work / "fifo")
    (work / os.fsdecode(b"odd\n\xff")).write_bytes(b"odd")
    done = seal_workspace(work, tmp_path / "bag", key=key)
    held = {line["path"]: line for line in ledger(tmp_path / "bag") if line["kind"] == "artefact"}
    assert {name for name, line in held.items() if line["outcome"] == "not-regular"} == {"link", "folder", "fifo"}
    assert done.skipped == 3 and "odd\\u{A}\\xFF" in held
    assert b"secret" not in b"".join(data for name, data in files(tmp_path / "bag").items() if name.startswith("data"))


def test_a_bag_that_moved_is_said_and_another_in_its_place_is_refused(work: Path, whole: Bag, tmp_path: Path) -> None:
    row = json.loads((work / "work.json").read_text())
    row["bags"][0]["path"] = str(tmp_path / "moved")
    (work / "work.json").write_text(json.dumps(row))
    done = seal_workspace(work, tmp_path / "bag")
    assert done.not_looked_at == (str(tmp_path / "moved"),) and ledger(tmp_path / "bag")[0]["case"] == ""
    shutil.copytree(whole.path, tmp_path / "moved")
    (tmp_path / "moved/custody/seal.json").write_bytes(b"{}\n")
    with pytest.raises(InputError, match="another bag"):
        seal_workspace(work, tmp_path / "bag2")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"schema":"sealbag/work/1","bags":[]}', '{"schema":"sealbag/work/1","bags":[1]}', "[" * 99999,
     '{"schema":"sealbag/work/1","bags":[{"path":"x","id":"y","seal_sha256":""}]}'],
)  # fmt: skip
def test_what_is_no_workspace(tmp_path: Path, text: str) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w/work.json").write_text(text)
    with pytest.raises(InputError):
        seal_workspace(tmp_path / "w", tmp_path / "bag")
    assert not (tmp_path / "bag").exists()


def test_refused_and_nothing_left(work: Path, whole: Bag, tmp_path: Path) -> None:
    with pytest.raises(OutputInsideSource):
        seal_workspace(work, work / "bag")
    with pytest.raises(OutputInsideSource):
        seal_workspace(work, whole.path / "bag")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    with pytest.raises(OutputNotEmpty):
        seal_workspace(work, tmp_path / "full")

    def stop(phase: str, done: int, total: int) -> None:
        raise StorageError("full")

    with pytest.raises(StorageError):
        seal_workspace(work, tmp_path / "bag", on_step=stop)
    assert not (tmp_path / "bag").exists()


def test_the_command(work: Path, whole: Bag, tmp_path: Path) -> None:
    done = run("seal", work, "--out", tmp_path / "a", "--json", "--case", "8")
    row = json.loads(done.stdout)
    assert (done.returncode, row["verdict"], row["files"]) == (0, "VALID", 4), done.stdout
    assert row["supplements"] == [{"bag": whole.id, "seal_sha256": whole.seal_sha256, "looked_at": True}]
    text = run("seal", work, "--out", tmp_path / "b")
    assert text.returncode == 0 and f"adds to      {whole.id}" in text.stdout
    assert ledger(tmp_path / "a")[0]["case"] == "8"
