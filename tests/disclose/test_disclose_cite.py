"""A citation: one line or event, proved without its bag; any change is INVALID."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from disclose_kit import judge, ledger, proof_wrong, run, sha256
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forensics import Bag, Key, Triage, cite, disclose, open_source, triage, verify
from forensics.errors import InputError, OutputNotEmpty
from forensics.transfer import cite_check
from forensics.transfer.cite_check import check_citation, problems_of

Seq = Callable[[str], int]
LOG = b"Nov 24 13:06:%02d web1 sshd[811]: Accepted publickey for root from 203.0.113.9 port 2222 ssh2\n"


@pytest.fixture(scope="module")
def parsed(key: Key, tmp_path_factory: pytest.TempPathFactory) -> Triage:
    """A bag with the events of a log in it."""
    root = tmp_path_factory.mktemp("host")
    (root / "var/log").mkdir(parents=True)
    (root / "var/log/auth.log").write_bytes(b"".join(LOG % second for second in range(30)))
    with open_source(root) as source:
        return triage(source, tmp_path_factory.mktemp("triage") / "t", key=key, profile="full")


def events_of(bag: Path) -> list[tuple[int, dict[str, Any]]]:
    """(seq of the result line, row) of every event in a bag, read by zstandard alone."""
    found = []
    for line in ledger(bag):
        if line["kind"] == "result" and "stored" in line:
            data = zstandard.ZstdDecompressor().stream_reader((bag / line["stored"]).read_bytes()).read()
            rows = [json.loads(row) for row in data.splitlines()]
            found += [(line["seq"], row) for row in rows if "event_id" in row]
    return found


def judged(data: bytes) -> dict[str, Any]:
    """The object of a citation whose every proof was checked by the recursion of RFC 6962."""
    fields: dict[str, Any] = json.loads(data)
    seal = json.loads(fields["seal"])
    assert len(fields["lines"]) == len(fields["proofs"])
    for line, proof in zip(fields["lines"], fields["proofs"], strict=True):
        assert proof_wrong(proof.encode(), line.encode(), seal) == ""
    return fields


def test_a_line(whole: Bag, seq_of: Seq, tmp_path: Path) -> None:
    for seq in (0, 3, seq_of("open-1.txt"), whole.lines - 1):
        made = cite(whole.path, seq, tmp_path / f"{seq}.json")
        assert (made.bag, made.seal_sha256, made.seq) == (whole.id, whole.seal_sha256, seq)
        fields = judged((tmp_path / f"{seq}.json").read_bytes())
        cited = json.loads(fields["lines"][-1])
        assert cited == ledger(whole.path)[seq] == made.line
        assert sha256(fields["seal"].encode()) == whole.seal_sha256
        kinds = [json.loads(line)["kind"] for line in fields["lines"][:-1]]
        assert seq == 0 or kinds[0] == "open"
        assert cited["kind"] != "artefact" or kinds.count("source") == 2
        assert problems_of(made.data) == []


def test_its_verdict_needs_an_anchor(whole: Bag, seq_of: Seq, tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    cite(whole.path, seq_of("open-1.txt"), file)
    assert verify(str(file)).code == "UNTRUSTED"
    for anchor in ({"seal": whole.seal_sha256}, {"signer": whole.signer}):
        found = check_citation(file, **anchor)
        assert (found.verdict.code, found.verdict.exit, found.row, found.event) == ("VALID", 0, "", None)
        assert found.line["path"] == "open-1.txt"
    assert check_citation(file, signer=Key.one_off().fingerprint).verdict.code == "UNTRUSTED"
    assert check_citation(file, seal="0" * 64).verdict.code == "INVALID"


def test_an_event(parsed: Triage, tmp_path: Path) -> None:
    bag = parsed.bag
    seq, row = events_of(bag.path)[7]
    made = cite(bag.path, row["event_id"], tmp_path / "e.json")
    fields = judged(made.data)
    assert (made.seq, made.event) == (seq, row) and json.loads(fields["row"]) == row
    assert sha256(base64.b64decode(fields["content"])) == json.loads(fields["lines"][-1])["sha256"]
    kinds = [json.loads(line)["kind"] for line in fields["lines"]]
    assert kinds[0] == "open" and kinds[-1] == "result" and kinds.count("artefact") == 1
    found = check_citation(tmp_path / "e.json", seal=bag.seal_sha256)
    assert (found.verdict.code, found.row, found.event) == ("VALID", "", row)
    with pytest.raises(InputError, match="no result in the bag"):
        cite(bag.path, "0" * 64)


def test_a_row_that_is_not_in_the_file_is_invalid(parsed: Triage, key: Key, tmp_path: Path) -> None:
    """The verifier alone cannot read zstd; the command does."""
    bag, file = parsed.bag, tmp_path / "e.json"
    fields = json.loads(cite(bag.path, events_of(bag.path)[0][1]["event_id"]).data)
    content = base64.b64decode(fields["content"])
    rows = zstandard.ZstdDecompressor().stream_reader(content).read().splitlines()

    def checked(**change: str) -> tuple[str, str]:
        file.write_text(json.dumps(fields | change))
        found = check_citation(file, signer=key.fingerprint)
        assert verify(str(file), signer=key.fingerprint).code in ("INCOMPLETE", found.verdict.code)
        return found.verdict.code, found.row

    assert checked() == ("VALID", "")
    assert checked(row=rows[-1].decode()) == ("VALID", "")
    for row in (fields["row"].replace("root", "toor"), fields["row"][:-1], fields["row"][1:], "", "{}\n{}"):
        assert checked(row=row)[0] == "INVALID"
    for other in (content[:-1], b"", zstandard.ZstdCompressor().compress(fields["row"].encode() + b"\n")):
        assert checked(content=base64.b64encode(other).decode())[0] == "INVALID"


def test_what_swells_is_not_read_to_its_end(parsed: Triage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cite_check, "MAX_ROWS", 1 << 20)
    bomb = zstandard.ZstdCompressor().compress(bytes(64 << 20))
    line = {"kind": "result", "sha256": sha256(bomb)}
    why = cite_check.row_problem({"row": "x", "content": base64.b64encode(bomb).decode()}, line)
    assert "more than" in why


@given(st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_change_is_invalid(whole: Bag, key: Key, seq_of: Seq, tmp_path: Path, data: st.DataObject) -> None:
    """Of any character of a value, but of a checkpoint's signature, which the seal stands in for."""
    fields = json.loads(cite(whole.path, seq_of("open-1.txt")).data)
    name = data.draw(st.sampled_from(["bag", "seal", "seal_sig", "lines", "proofs"]))
    index = data.draw(st.integers(0, len(fields["lines"]) - 1)) if name in ("lines", "proofs") else None
    old = fields[name] if index is None else fields[name][index]
    at = data.draw(st.integers(0, (old.rindex("\n\n") if name == "proofs" else len(old)) - 1))
    new = old[:at] + chr(ord(old[at]) ^ 1 << data.draw(st.integers(0, 6))) + old[at + 1 :]
    if index is None:
        fields[name] = new
    else:
        fields[name][index] = new
    file = tmp_path / "c.json"
    file.write_text(json.dumps(fields))
    assert problems_of(file.read_bytes())
    assert verify(str(file), signer=key.fingerprint).code == "INVALID"


EMPTY = {"format": "sealbag-citation/1.0", "bag": "", "seal": "", "seal_sig": "", "lines": [], "proofs": []}
NOT = [b"", b"{", b"[]", b"{}", b"\xff", b'{"format":"sealbag-citation/2.0"}', b"[" * 100_000]
NOT += [
    json.dumps(EMPTY | more).encode() for more in ({}, {"bag": 1, "lines": ["x"], "proofs": ["x"]}, {"lines": ["x"]})
]


@pytest.mark.parametrize("data", NOT)
def test_what_is_no_citation(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(data)
    assert problems_of(data)
    done = run("cite", "--check", tmp_path / "c.json")
    if not data.startswith(b"{"):  # it does not even look like one: no verdict, but a refusal
        with pytest.raises(InputError):
            check_citation(tmp_path / "c.json")
        assert done.returncode == 65 and "verdict" not in done.stdout
        return
    assert check_citation(tmp_path / "c.json").verdict.code == "INVALID"
    assert done.returncode == 1 and done.stdout.rstrip().endswith("verdict: INVALID")


def test_refused(whole: Bag, changed: Path, tmp_path: Path) -> None:
    for what in (whole.lines, str(whole.lines), "-1", "abc", "F" * 64, "1" * 17, "\u0661"):
        with pytest.raises(InputError):
            cite(whole.path, what)
    (tmp_path / "there").touch()
    with pytest.raises(OutputNotEmpty):
        cite(whole.path, 0, tmp_path / "there")
    place = changed / "custody/ledger.jsonl"
    place.write_bytes(place.read_bytes().replace(b"open-1.txt", b"open-x.txt"))
    with pytest.raises(InputError, match="not the one that was sealed"):
        cite(changed, 0)
    (changed / "custody/seal.json.sig").unlink()
    with pytest.raises(InputError, match="not sealed"):
        cite(changed, 0)
    with pytest.raises(InputError):
        cite(tmp_path, 0)


def test_the_command(parsed: Triage, whole: Bag, tmp_path: Path) -> None:
    event = events_of(parsed.bag.path)[0][1]["event_id"]
    done = run("cite", parsed.bag.path, event, "--out", tmp_path / "c.json", "--json")
    row = json.loads(done.stdout)
    assert (done.returncode, row["event_id"], row["seal_sha256"]) == (0, event, parsed.bag.seal_sha256)
    text = run("cite", "--check", tmp_path / "c.json", "--seal", parsed.bag.seal_sha256)
    assert text.returncode == 0 and text.stdout.rstrip().endswith("verdict: VALID"), text.stdout
    assert "203.0.113.9" in text.stdout and "is one of the derived file" in text.stdout
    assert run("cite", "--check", tmp_path / "c.json").returncode == 3
    plain = run("cite", whole.path, 0)
    assert plain.returncode == 0 and json.loads(plain.stdout)["bag"] == whole.id
    file = tmp_path / "c.json"
    for words in ([], [whole.path], [whole.path, 0, "--json"], [whole.path, 0, "--seal", "x"],
                  [whole.path, "--check", file], ["--check", file, "--seal", "x"]):  # fmt: skip
        assert run("cite", *words).returncode == 64, words
    assert run("cite", "--check", tmp_path / "none").returncode == 65


def test_results_go_along_with_the_contents_that_they_are_of(parsed: Triage, key: Key, tmp_path: Path) -> None:
    bag = parsed.bag
    log = next(line for line in ledger(bag.path) if line.get("path") == "var/log/auth.log")
    results = [line for line in ledger(bag.path) if line["kind"] == "result" and line["content"] == log["sha256"]]
    assert results
    done = disclose(bag.path, tmp_path / "s", seqs={log["seq"]}, results=True, key=key)
    own = [line for line in ledger(tmp_path / "s") if line["kind"] == "result"]
    assert judge(tmp_path / "s") == [] and done.results == len(results) == len(own)
    assert [event for _, event in events_of(tmp_path / "s")] == [
        event for seq, event in events_of(bag.path) if seq in {line["seq"] for line in results}
    ]
    shutil.rmtree(tmp_path / "s")
    (tmp_path / "black").write_bytes(b"black")
    done = disclose(bag.path, tmp_path / "s", redact={log["seq"]: tmp_path / "black"}, results=True, key=key)
    assert done.results == 0 and not events_of(tmp_path / "s")
    with pytest.raises(Exception, match="may tell what is redacted"):
        disclose(bag.path, tmp_path / "x", seqs={results[0]["seq"]}, redact={log["seq"]: tmp_path / "black"})
