"""A subset: what it holds, what it does not tell, and that it is refused where it would lie."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from disclose_kit import files, judge, ledger, run, sha256
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forensics import Bag, Key, collect, disclose, open_source, verify
from forensics.errors import InputError, OutputInsideSource, OutputNotEmpty, StorageError, UsageError

SECRET = "confessional"
Seq = Callable[[str], int]


@pytest.fixture(scope="module")
def subset(whole: Bag, key: Key, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("subset") / "s"
    done = disclose(
        whole.path, out, where=["path~txt"], key=key, signer=whole.signer,
        purpose="for the court", examiner="A. Jones",
    )  # fmt: skip
    assert done.verdict is not None and done.verdict.code == "INCOMPLETE" and done.origin_verdict == "VALID"
    return out


def test_it_proves_what_it_holds_and_says_that_it_is_not_whole(whole: Bag, subset: Path) -> None:
    assert judge(subset) == []
    own, origin = ledger(subset), ledger(whole.path)
    assert own[0]["subset"] == whole.id and own[0]["subset_seal"] == whole.seal_sha256
    assert (own[0]["case"], own[0]["exhibit"]) == ("7", "HD1")
    told = {line["origin_seq"] for line in own if "origin_seq" in line}
    assert told == {line["seq"] for line in origin if line["kind"] == "artefact" and "txt" in line["path"]}
    lines = [json.loads(line) for line in (subset / "custody/origin/lines.jsonl").read_bytes().splitlines()]
    assert [origin[line["seq"]] for line in lines] == lines
    assert {line["kind"] for line in lines} == {"open", "source", "artefact"}
    note = next(line for line in own if line["kind"] == "note")
    assert (note["purpose"], note["disclosed"], note["of"]) == ("for the court", len(lines), len(origin))
    for line in own:
        if line["kind"] == "artefact" and "sha256" in line and "parts" not in line:
            data = (subset / f"data/objects/{line['sha256'][:2]}/{line['sha256']}").read_bytes()
            assert sha256(data) == line["sha256"] == origin[line["origin_seq"]]["sha256"]
    for name in ("seal.json", "seal.json.sig"):
        assert (subset / "custody/origin" / name).read_bytes() == (whole.path / "custody" / name).read_bytes()


def test_case_25_a_subset_shown_as_the_whole(whole: Bag, subset: Path, key: Key) -> None:
    found = verify(str(subset), signer=key.fingerprint, origin=whole.seal_sha256)
    assert (found.code, found.exit) == ("INCOMPLETE", 2)
    count = len((subset / "custody/origin/lines.jsonl").read_bytes().splitlines())
    assert f"{count} of {whole.lines}" in " ".join([*found.notes, found.first.why if found.first else ""])
    assert verify(str(subset), seal=whole.seal_sha256).code == "INVALID"
    done = run("verify", subset, "--signer", key.fingerprint)
    assert done.returncode == 2 and done.stdout.rstrip().endswith("verdict: INCOMPLETE")


def test_every_anchor_of_the_origin_counts(whole: Bag, key: Key, tmp_path: Path) -> None:
    (tmp_path / "revoked").write_text(f"{whole.signer}\n")
    last = max((whole.path / "custody/checkpoints").iterdir())
    (tmp_path / "last.note").write_bytes(last.read_bytes())
    words = ["disclose", whole.path, "--where", "path~txt", "--quiet", "--out", tmp_path / "s"]
    done = run(*words, "--signer", whole.signer, "--revoked", tmp_path / "revoked")
    assert done.returncode == 65 and "nothing was disclosed" in done.stderr and not (tmp_path / "s").exists()
    assert run(*words, "--checkpoint", tmp_path / "none").returncode == 78 and not (tmp_path / "s").exists()
    assert run(*words, "--checkpoint", tmp_path / "last.note").returncode == 0 and (tmp_path / "s").exists()


@pytest.mark.needs("ssh-keygen")
def test_the_origins_signature_is_ssh_keygens_too(subset: Path, key: Key, tmp_path: Path) -> None:
    (tmp_path / "allowed").write_text(f"examiner {' '.join(key.public_line.split()[:2])}\n")
    with (subset / "custody/origin/seal.json").open("rb") as seal:
        subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-f", tmp_path / "allowed", "-I", "examiner", "-n", "sealbag-seal-v1",
             "-s", subset / "custody/origin/seal.json.sig"], stdin=seal, check=True, capture_output=True,
        )  # fmt: skip


def test_nothing_is_told_of_what_is_not_disclosed(whole: Bag, subset: Path) -> None:
    told = {json.loads(line)["seq"] for line in (subset / "custody/origin/lines.jsonl").read_bytes().splitlines()}
    everything = b"\0".join([name.encode() + b"\0" + data for name, data in files(subset).items()])
    assert SECRET.encode() not in everything
    hidden = [line for line in ledger(whole.path) if line["seq"] not in told]
    assert len(hidden) > 15
    for line in hidden:
        unique = [line["salt"]]
        if line["kind"] == "artefact" and line["path"] not in ("link", "empty"):
            unique += [value for name, value in line.items() if name in ("path", "sha256", "address", "parts")]
        for value in unique:
            for text in value if isinstance(value, list) else [value]:
                assert text.encode() not in everything or text in ("empty",), (line["seq"], text)
    for line in (whole.path / "custody/ledger.jsonl").read_bytes().splitlines():
        assert json.loads(line)["seq"] in told or line[60:] not in everything


@given(st.data())
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_selection_is_proved(whole: Bag, key: Key, tmp_path: Path, data: st.DataObject) -> None:
    shutil.rmtree(tmp_path / "s", ignore_errors=True)
    seqs = data.draw(st.sets(st.integers(0, whole.lines - 1), min_size=1, max_size=12))
    done = disclose(whole.path, tmp_path / "s", seqs=seqs, key=key)
    assert judge(tmp_path / "s") == []
    assert done.origin_verdict == "UNTRUSTED"
    lines = {json.loads(line)["seq"] for line in (tmp_path / "s/custody/origin/lines.jsonl").read_bytes().splitlines()}
    assert seqs | {0} <= lines and done.lines == len(lines)


def test_equal_bytes_parts_links_and_results_of_nothing(whole: Bag, key: Key, seq_of: Seq, tmp_path: Path) -> None:
    names = ["open-1.txt", "twice.txt", "open-2.txt", "linked.txt", "empty", "long.bin", "link"]
    done = disclose(whole.path, tmp_path / "s", seqs={seq_of(name) for name in names}, key=key)
    own = {line["path"]: line for line in ledger(tmp_path / "s") if line["kind"] == "artefact"}
    assert judge(tmp_path / "s") == [] and done.artefacts == len(names) == len(own)
    assert own["link"].get("sha256") == ledger(whole.path)[seq_of("link")].get("sha256")
    assert len(own["long.bin"].get("parts", ["x"])) >= 1
    same = [own[name].get("same_as") for name in ("open-2.txt", "linked.txt")]
    assert sorted(value is None for value in same) == [False, True]


def test_the_command(whole: Bag, seq_of: Seq, tmp_path: Path) -> None:
    words = ["disclose", whole.path, "--out", tmp_path / "s", "--path", "open-*.txt", "--where", "path~1", "--json"]
    dry = run(*words, "--dry-run")
    assert dry.returncode == 0 and not (tmp_path / "s").exists()
    done = run(*words, "--seal", whole.seal_sha256)
    assert done.returncode == 0, done.stderr + done.stdout
    row, plan = json.loads(done.stdout), json.loads(dry.stdout)
    assert (row["verdict"], row["origin_verdict"], plan["dry_run"]) == ("INCOMPLETE", "VALID", True)
    assert row["artefacts"] == plan["artefacts"] == 3 and row["of"] == whole.lines  # 1, 10, 11
    text = run("disclose", whole.path, "--out", tmp_path / "t", "--seq", seq_of("open-3.txt"))
    assert text.returncode == 0 and "a subset is never whole" in text.stdout
    assert "nobody vouched for it here" in text.stdout
    assert run("disclose", whole.path, "--out", tmp_path / "u").returncode == 64
    assert run("disclose", whole.path, "--out", tmp_path / "u", "--where", "nonsense").returncode == 64
    assert run("disclose", whole.path, "--out", tmp_path / "u", "--where", "path=nowhere").returncode == 64
    assert run("disclose", whole.path, "--out", tmp_path / "u", "--redact", "x").returncode == 64
    assert not (tmp_path / "u").exists()


def test_refused_before_anything_is_written(whole: Bag, key: Key, seq_of: Seq, subset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for words in ({"seqs": {whole.lines}}, {"where": ["path=nowhere"]}, {}):
        with pytest.raises(UsageError):
            disclose(whole.path, out, **words)
    with pytest.raises(InputError, match="INVALID"):
        disclose(whole.path, out, seqs={0}, origin_seal="0" * 64)
    with pytest.raises(InputError, match="UNTRUSTED"):
        disclose(whole.path, out, seqs={0}, signer=Key.one_off().fingerprint)
    with pytest.raises(InputError):
        disclose(subset, out, seqs={0})
    with pytest.raises(OutputInsideSource):
        disclose(whole.path, whole.path / "data" / "s", seqs={0})
    assert not out.exists()
    out.mkdir()
    (out / "x").touch()
    with pytest.raises(OutputNotEmpty):
        disclose(whole.path, out, seqs={0})


def test_a_damaged_or_unsealed_origin_is_refused(changed: Path, tmp_path: Path) -> None:
    place = next(path for path in (changed / "data/objects").rglob("*") if path.is_file() and path.stat().st_size)
    place.write_bytes(b"?" + place.read_bytes()[1:])
    with pytest.raises(InputError, match="INVALID"):
        disclose(changed, tmp_path / "out", seqs={0})
    (changed / "custody/seal.json.sig").unlink()
    with pytest.raises(InputError):
        disclose(changed, tmp_path / "out", seqs={0})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, StorageError("full")])
@pytest.mark.parametrize("made", [False, True])
def test_stopped_half_way_it_leaves_nothing(whole: Bag, tmp_path: Path, kind: BaseException, made: bool) -> None:
    def stop(phase: str, done: int, total: int) -> None:
        if phase == "disclose" and done == 3:
            assert (tmp_path / "out/custody/origin/lines.jsonl").exists()
            raise kind

    if made:
        (tmp_path / "out").mkdir()
    with pytest.raises(kind if isinstance(kind, type) else type(kind)):
        disclose(whole.path, tmp_path / "out", where=["path~txt"], on_step=stop)
    assert (tmp_path / "out").exists() is made and not list(tmp_path.glob("out/*"))


def test_gone_in_the_origin_is_stated_not_hidden(tree: Path, key: Key, tmp_path: Path) -> None:
    gone = sha256((tree / "open-4.txt").read_bytes())

    def remove(bag: object) -> None:
        (tmp_path / f"bag/data/objects/{gone[:2]}/{gone}").unlink()

    with open_source(tree) as source:
        bag = collect(source, tmp_path / "bag", profile="full", key=key, before_seal=remove)
    done = disclose(bag.path, tmp_path / "s", where=["path~open-"], key=key)
    assert done.artefacts == 12 and judge(tmp_path / "s") == []
    (line,) = [line for line in ledger(tmp_path / "s") if line["kind"] == "correct"]
    assert line["sha256"] == gone and line["flags"] == ["removed-after-store"]
    told = [json.loads(line) for line in (tmp_path / "s/custody/origin/lines.jsonl").read_bytes().splitlines()]
    assert [line["sha256"] for line in told if line["kind"] == "correct"] == [gone]


def test_time_tokens_of_the_origin_go_along(changed: Path, key: Key, tmp_path: Path) -> None:
    (changed / "custody/first.tsr").write_bytes(b"a token that nobody here can check")
    (changed / "custody/seal.json.mldsa.sig").write_bytes(b"another signature")
    done = disclose(changed, tmp_path / "s", seqs={0}, key=key)
    assert (tmp_path / "s/custody/origin/first.tsr").read_bytes() == b"a token that nobody here can check"
    assert judge(tmp_path / "s") == [] and done.statements == 0
    assert not list((tmp_path / "s").rglob("*mldsa*"))


def test_a_segment_of_an_image_keeps_its_place(key: Key, tmp_path: Path) -> None:
    (tmp_path / "disk.raw").write_bytes(bytes(range(256)) * 1024)
    done = run("image", tmp_path / "disk.raw", "--out", tmp_path / "bag", "--exhibit", "HD2", "--segment", "100KiB")
    assert done.returncode == 0, done.stderr
    lines = [line for line in ledger(tmp_path / "bag") if line.get("method") == "image"]
    assert len(lines) == 3
    disclose(tmp_path / "bag", tmp_path / "s", seqs={lines[1]["seq"]}, key=key)
    (own,) = [line for line in ledger(tmp_path / "s") if line["kind"] == "artefact"]
    assert own["stored"] == lines[1]["stored"] and own["image_offset"] == lines[1]["image_offset"]
    assert sha256((tmp_path / "s" / own["stored"]).read_bytes()) == lines[1]["sha256"]
    assert judge(tmp_path / "s") == []
