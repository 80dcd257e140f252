"""Job tickets: what holds, what is refused before anything is written, and that the job key signs once."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keys_kit import Agent, Token, accepted, cli

from forensics import Key, collect, open_source, verify
from forensics.custody import ed25519_openssh as openssh
from forensics.custody.lines import host_name
from forensics.custody.ticketfile import read_job_ticket, read_public_ticket, write_job_ticket
from forensics.custody.tickets import JobTicket, Ticket, new_ticket, read_ticket
from forensics.errors import KeyInvalid, OutputRefused
from forensics.source.times import rfc3339

Run = Callable[..., Agent]


def at(hours: float) -> str:
    return rfc3339(int((time.time() + 3600 * hours) * 1e9)) or ""


def ticket_of(path: Path, key: Key | None = None, **changed: Any) -> JobTicket:
    said: dict[str, Any] = {"case": "7", "hosts": (host_name(),), "not_before": at(-1), "not_after": at(1)}
    ticket, secret = new_ticket(key or Key.one_off(), **(said | changed))
    write_job_ticket(path, ticket, secret)
    return read_job_ticket(path)


def first_line(bag: Path) -> dict[str, Any]:
    with (bag / "custody/ledger.jsonl").open("rb") as stream:
        return dict(json.loads(stream.readline()))


def check_proof(bag: Path, line: dict[str, Any], key: Key) -> None:
    """Section 13 by hand: the two files, the signature (ssh-keygen), the proof."""
    name = f"ticket-{line['ticket'][:8]}.json"
    data, armoured = ((bag / "custody/keys" / one).read_bytes() for one in (name, name + ".sig"))
    assert hashlib.sha256(data).hexdigest() == line["ticket"]
    assert accepted(bag.parent, armoured, data, "sealbag-ticket-v1", f"who@x {key.public_line}")
    message = f"sealbag-run-v1\n{first_line(bag)['bag']}\n{line['run_key']}\n{line['signer_key']}\n".encode()
    job_key = base64.b64decode(json.loads(data)["job_key"])
    assert openssh.verify_raw(job_key, base64.b64decode(line["ticket_proof"]), message)


def test_a_ticket_certifies_the_run_s_keys(tmp_path: Path, planted: Path) -> None:
    key = Key.one_off()
    ticket = ticket_of(tmp_path / "job", key)
    assert stat.S_IMODE((tmp_path / "job").stat().st_mode) == 0o600 and not ticket.erased
    with open_source(planted) as source:
        bag = collect(source, tmp_path / "bag", profile="full", case="7", ticket=ticket)
    assert ticket.erased and ticket.signer == key.fingerprint
    line = first_line(bag.path)
    check_proof(bag.path, line, key)
    assert bag.signer not in (key.fingerprint, line["signer"])  # the last of the run's keys
    secret = json.loads((tmp_path / "job").read_bytes())["job_secret"].encode()
    for path in bag.path.rglob("*"):
        assert path.is_dir() or secret not in path.read_bytes()
    verdict = verify(bag.path, signer=key.fingerprint)
    assert verdict.code == "VALID", verdict.first
    (tmp_path / "trust").write_text(f'who@x namespaces="sealbag-ticket-v1" {key.public_line}\n')
    assert verify(bag.path, trust=tmp_path / "trust").code == "VALID"
    (tmp_path / "trust").write_text(f'who@x namespaces="sealbag-seal-v1" {key.public_line}\n')
    assert verify(bag.path, trust=tmp_path / "trust").code == "UNTRUSTED"
    assert verify(bag.path, signer=Key.one_off().fingerprint).code == "UNTRUSTED"


def test_any_changed_byte_of_the_bag_s_ticket_is_seen(tmp_path: Path, planted: Path) -> None:
    key = Key.one_off()
    with open_source(planted) as source:
        bag = collect(source, tmp_path / "bag", profile="full", case="7", ticket=ticket_of(tmp_path / "job", key))
    assert verify(bag.path, signer=key.fingerprint).code == "VALID"
    for path in sorted((bag.path / "custody/keys").glob("ticket-*")):
        whole = path.read_bytes()
        for place in range(0, len(whole), 37):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            assert verify(bag.path, signer=key.fingerprint).code == "INVALID"
        path.unlink()
        assert verify(bag.path, signer=key.fingerprint).code == "INVALID"
        path.write_bytes(whole)


def test_an_image_is_made_under_a_ticket(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "disk").write_bytes(os.urandom(70_000))
    key = Key.one_off()
    ticket_of(tmp_path / "job", key), ticket_of(tmp_path / "other", case="8")
    words = ["image", tmp_path / "disk", "--out", tmp_path / "bag", "--no-progress"]
    assert cli(capfd, *words, "--ticket", tmp_path / "other", "--case", "7")[0] == 78
    assert not (tmp_path / "bag").exists()
    assert cli(capfd, *words, "--ticket", tmp_path / "job", "--key", tmp_path / "job")[0] == 64
    code, row = cli(capfd, *words, "--ticket", tmp_path / "job")
    assert (code, row["verdict"], first_line(tmp_path / "bag")["case"]) == (0, "VALID", "7")
    check_proof(tmp_path / "bag", first_line(tmp_path / "bag"), key)
    assert verify(tmp_path / "bag", signer=key.fingerprint).code == "VALID"


def test_the_job_key_proves_one_process_s_work(tmp_path: Path, planted: Path) -> None:
    ticket = ticket_of(tmp_path / "job")
    ticket.prove("ab" * 16, b"k" * 32, b"k" * 32)
    with pytest.raises(KeyInvalid, match="erased"):
        ticket.prove("ab" * 16, b"k" * 32, b"k" * 32)
    with open_source(planted) as source, pytest.raises(KeyInvalid, match="erased"):
        collect(source, tmp_path / "bag", profile="full", case="7", ticket=ticket)
    with open_source(planted) as source:  # read anew it serves the same bag
        collect(
            source, tmp_path / "bag", profile="full", case="7", ticket=read_job_ticket(tmp_path / "job"), resume=True
        )


REFUSED = {
    "another case": ({"case": "8"}, "for case '8', not '7'"),
    "another host": ({"hosts": ("other*", "x?")}, "for hosts other"),
    "expired": ({"not_before": at(-3), "not_after": at(-2)}, "was valid until"),
    "not yet": ({"not_before": at(2), "not_after": at(3)}, "not valid before"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_anything_is_written(tmp_path: Path, planted: Path, name: str) -> None:
    changed, reason = REFUSED[name]
    ticket = ticket_of(tmp_path / "job", **changed)
    with open_source(planted) as source, pytest.raises(KeyInvalid, match=reason) as caught:
        collect(source, tmp_path / "bag", profile="full", case="7", ticket=ticket)
    assert caught.value.exit == 78 and caught.value.hint
    assert not (tmp_path / "bag").exists() and not ticket.erased


def test_a_ticket_that_ends_while_the_run_goes_on(
    tmp_path: Path, planted: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The evidence is sealed; that the ticket does not hold is said, not hidden behind another anchor."""
    ticket_of(tmp_path / "job", not_before=at(-3), not_after=at(-2))
    monkeypatch.setattr(JobTicket, "require", lambda *_: None)  # it was valid when the run began
    words = ("collect", "--source", planted, "--profile", "full", "--ticket", tmp_path / "job", "--out")
    code, said = cli(capfd, *words, tmp_path / "bag")
    assert code == 78 and "its job ticket does not hold" in said["what"]
    digest = hashlib.sha256((tmp_path / "bag/custody/seal.json").read_bytes()).hexdigest()
    assert digest in said["hint"]
    for anchors in ({"seal": digest}, {"signer": read_public_ticket(tmp_path / "job")[0].signer.fingerprint}):
        assert verify(tmp_path / "bag", **anchors).code == "UNTRUSTED"


HOSTS = [
    (("WEB*",), "web-01", True), (("web-??",), "WEB-01", True), (("web-?",), "web-01", False),
    (("a", "*-01"), "web-01", True), (("[w]eb*",), "web-01", False), (("!web*",), "web-01", False),
    (("\u0130",), "i\u0307", False), (("*",), "", True),
]  # fmt: skip


@pytest.mark.parametrize(("hosts", "host", "holds"), HOSTS)
def test_host_patterns(hosts: tuple[str, ...], host: str, holds: bool) -> None:
    ticket, _ = new_ticket(Key.one_off(), case="7", hosts=hosts, not_before=at(-1), not_after=at(1))
    assert (ticket.why_not("7", host, at(0)) == "") is holds


def test_on_resume_the_case_is_that_of_the_bag(tmp_path: Path, planted: Path) -> None:
    key = Key.one_off()
    with open_source(planted) as source:
        collect(source, tmp_path / "bag", profile="full", case="7", ticket=ticket_of(tmp_path / "one", key))
    for name in ("seal.json", "seal.json.sig"):  # as if it had been killed
        (tmp_path / "bag/custody" / name).unlink()
    other = ticket_of(tmp_path / "eight", key, case="8")
    with open_source(planted) as source, pytest.raises(KeyInvalid, match="for case '8', not '7'"):
        collect(source, tmp_path / "bag", profile="full", case="8", ticket=other, resume=True)
    with open_source(planted) as source:
        bag = collect(source, tmp_path / "bag", profile="full", ticket=ticket_of(tmp_path / "two", key), resume=True)
    resumed = [json.loads(line) for line in (bag.path / "custody/ledger.jsonl").read_bytes().splitlines()]
    (line,) = [line for line in resumed if line["kind"] == "resume"]
    check_proof(bag.path, line, key)
    assert len(list((bag.path / "custody/keys").glob("ticket-*.json"))) == 2
    assert verify(bag.path, signer=key.fingerprint).code == "VALID"


def test_a_file_is_never_overwritten_and_never_half(tmp_path: Path) -> None:
    ticket, secret = new_ticket(Key.one_off(), case="7", hosts=("*",), not_before=at(-1), not_after=at(1))
    (tmp_path / "job").write_text("precious")
    with pytest.raises(OutputRefused, match="never overwritten"):
        write_job_ticket(tmp_path / "job", ticket, secret)
    assert (tmp_path / "job").read_text() == "precious"
    with pytest.raises(OutputRefused, match="no such folder"):
        write_job_ticket(tmp_path / "none/job", ticket, secret)


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = tmp_path_factory.mktemp("ticket") / "job"
    ticket_of(path)
    return path.with_name("changed"), path.read_bytes()


@given(st.integers(0, 5000), st.integers(1, 255))
def test_a_damaged_ticket_file_is_refused(carried: tuple[Path, bytes], place: int, change: int) -> None:
    path, data = carried
    place %= len(data)
    path.write_bytes(data[:place] + bytes([data[place] ^ change]) + data[place + 1 :])
    with pytest.raises(KeyInvalid):
        read_job_ticket(path)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(carried: tuple[Path, bytes], data: bytes) -> None:
    carried[0].write_bytes(data)
    for read in (read_job_ticket, read_public_ticket):
        with pytest.raises(KeyInvalid):
            read(carried[0])
    with pytest.raises(ValueError, match=r".+"):
        read_ticket(data, data)


def test_another_s_job_key_and_a_copy_without_one(tmp_path: Path) -> None:
    ticket_of(tmp_path / "one"), ticket_of(tmp_path / "two")
    one, two = (json.loads((tmp_path / name).read_bytes()) for name in ("one", "two"))
    (tmp_path / "mixed").write_text(json.dumps(one | {"job_secret": two["job_secret"]}) + "\n")
    with pytest.raises(KeyInvalid, match="not the one that the ticket names"):
        read_job_ticket(tmp_path / "mixed")
    (tmp_path / "public.json").write_text(one["ticket"])
    (tmp_path / "public.json.sig").write_text(one["signature"])
    ticket, secret = read_public_ticket(tmp_path / "public.json")
    assert isinstance(ticket, Ticket) and not secret
    with pytest.raises(KeyInvalid, match="without its job key"):
        read_job_ticket(tmp_path / "public.json")
    with pytest.raises(KeyInvalid, match="No such file"):
        read_job_ticket(tmp_path / "none")


@pytest.mark.skipif(os.name != "posix", reason="not shown: needs posix")
def test_a_ticket_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    assert ticket_of(tmp_path / "job").warnings == ()
    (tmp_path / "job").chmod(0o640)
    assert "0640" in read_job_ticket(tmp_path / "job").warnings[0]


def test_from_the_examiner_s_desk_to_the_bag(
    tmp_path: Path, planted: Path, agent: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    """The examiner's key is on a token; the host gets a ticket; --case may be left out there."""
    agent((Token(), b"my token"))
    recipient = "age1vvye3d8tkthpkr5xcdmndyvy5znuznd96zunw5vzt3map3w82ghqr23vx6"
    out = tmp_path / "job.ticket"
    new = ["ticket", "new", "--case", "7", "--host", host_name().upper(), "--key", "agent:", "--out", out]
    code, said = cli(capfd, *new, "--hours", 2, "--recipient", recipient)
    assert code == 0 and said["serves"] and said["recipients"] == [recipient]
    code, shown = cli(capfd, "ticket", "show", out)
    assert code == 0 and shown == said
    assert read_job_ticket(out).recipients == (recipient,)
    collected = ["collect", "--source", planted, "--profile", "full", "--ticket", out, "--out", tmp_path / "bag"]
    code, made = cli(capfd, *collected)
    assert code in (0, 10), made
    assert made["verdict"] == "VALID" and first_line(tmp_path / "bag")["case"] == "7"
    assert verify(tmp_path / "bag", signer=said["signer"]).code == "VALID"
    (inside,) = (tmp_path / "bag/custody/keys").glob("ticket-*.json")
    code, public = cli(capfd, "ticket", "show", inside)
    assert code == 0 and public == said | {"file": str(inside), "job_key": False}
    code, whole = cli(capfd, "triage", *collected[1:7], "--no-scan", "--out", tmp_path / "triage")
    assert code in (0, 10) and whole["verdict"] == "VALID", whole
    assert verify(tmp_path / "triage/bag", signer=said["signer"]).code == "VALID"
    shutil.rmtree(tmp_path / "bag")
    code, error = cli(capfd, *collected, "--case", "8")
    assert code == 78 and "not '8'" in error["what"] and not (tmp_path / "bag").exists()
    code, error = cli(capfd, *collected, "--key", "agent:")
    assert code == 64 and "--ticket" in error["what"] and not (tmp_path / "bag").exists()


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["--hours", "1", "--until", "2100-01-01T00:00:00Z"], 64, "how long"),
        ([], 64, "how long"),
        (["--hours", "0"], 64, "hours"),
        (["--hours", "99999999"], 64, "2262"),
        (["--until", "2100-01-01T00:00:00"], 64, "no time with a zone"),
        (["--until", "2000-01-01T00:00:00Z"], 64, "not_after is before not_before"),
        (["--hours", "1", "--recipient", "age1x"], 78, "no age recipient"),
        (["--hours", "1", "--host", "\n"], 64, "visible"),
    ],
)
def test_what_is_no_ticket_is_refused(
    tmp_path: Path, words: list[str], code: int, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Key.one_off().save(tmp_path / "key")
    new = ["ticket", "new", "--case", "7", "--host", "*", "--key", tmp_path / "key", "--out", tmp_path / "job"]
    got, said = cli(capfd, *new, *words)
    assert got == code and what in said["what"], said
    assert not (tmp_path / "job").exists()
