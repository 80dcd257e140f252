"""Checkpoints arrive at real servers; whatever the network does, the collection goes on and says so."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from anchor_kit import TOKEN, WitnessProcess, answering, notes, small_bag, storing
from anchor_servers import Sshd, s3, sshd

from forensics import Key, verify
from forensics.custody.cosign import WitnessKey
from forensics.errors import (
    HostKeyUnknown,
    SealbagError,
    TargetConflict,
    TargetError,
    TargetMissing,
    TargetRefused,
    UsageError,
)
from forensics.remote import Target, open_target
from forensics.transfer.cosigning import WitnessDestination
from forensics.transfer.push import Pusher, TargetDestination


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    with s3() as url:
        yield url


@pytest.fixture(params=["folder", "sftp", "s3", "http"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    place = tmp_path / "target"
    place.mkdir()
    with ExitStack() as stack:
        if request.param == "folder":
            url = place.as_uri()
        elif request.param == "sftp":
            url = request.getfixturevalue("server").url(place)
        elif request.param == "s3":
            url = f"s3://bags/{tmp_path.name}?endpoint={request.getfixturevalue('store')}"
        else:
            url = stack.enter_context(storing(place))
        yield stack.enter_context(open_target(url))


def broken_after(count: int) -> Iterator[bytes]:
    yield bytes(count)
    raise OSError("the source broke")


def test_a_target_keeps_its_promises(target: Target) -> None:
    probe = target.probe()
    assert (probe.read_back, probe.left) == (True, False)
    assert target.size("sub/a.note") is None
    target.put("sub/a.note", b"one")
    with pytest.raises(TargetConflict):
        target.put("sub/a.note", b"two")
    target.put_once("sub/a.note", b"one")
    with pytest.raises(TargetConflict):
        target.put_once("sub/a.note", b"one and more")
    assert (target.size("sub/a.note"), target.read("sub/a.note", 99)) == (3, b"one")
    assert b"".join(target.chunks("sub/a.note", 1)) == b"ne"
    target.put("sub/a.note", b"three", overwrite=True)
    assert target.read("sub/a.note", 3) == b"thr"
    with pytest.raises(OSError, match="the source broke"):
        target.write("cut", broken_after(9))
    assert target.size("cut") is None
    assert target.partial("cut") == 0
    with pytest.raises(TargetMissing):
        target.read("nothing", 1)
    target.remove("sub/a.note")
    target.remove("sub/a.note")
    assert target.size("sub/a.note") is None
    for name in ("../x", "/x", "a//b", "con.txt", "a\\b", "a:b", "x.", "", "é"):
        with pytest.raises(UsageError):
            target.put(name, b"")


@pytest.mark.parametrize("target", ["folder", "sftp"], indirect=True)
def test_a_cut_off_write_goes_on(target: Target) -> None:
    with pytest.raises(OSError, match="the source broke"):
        target.write("big", broken_after(300_000), keep=True)
    there = target.partial("big")
    assert 0 < there <= 300_000
    assert b"".join(target.partial_chunks("big")) == bytes(there)
    assert target.write("big", [b"end"], resume_at=1000) == 1003
    assert target.read("big", 2000) == bytes(1000) + b"end"
    assert target.names() == ["big"]


def test_every_checkpoint_arrives_the_last_one_too(target: Target, tmp_path: Path) -> None:
    with Pusher([TargetDestination(target)]) as targets:
        bag = small_bag(tmp_path / "bag", targets)
        (outcome,) = targets.outcomes()
    found = notes(tmp_path / "bag")
    assert (outcome.state, outcome.pushed, outcome.last_size) == ("all", len(found), bag.ledger.tree.size)
    with target:
        for name, note in found.items():
            assert target.read(f"{bag.id}/{name}", 65536) == note


def test_another_note_there_is_a_conflict_and_stays(tmp_path: Path) -> None:
    target = open_target(tmp_path)

    class Planted(TargetDestination):
        def opened(self, bag: str, run_key: bytes) -> None:
            super().opened(bag, run_key)
            target.put(f"{bag}/{2:012d}.note", b"another")

    with Pusher([Planted(target)]) as targets:
        bag = small_bag(tmp_path / "bag", targets)
        (outcome,) = targets.outcomes()
    assert (outcome.state, outcome.failed, outcome.code) == ("some", 1, "conflict")
    assert target.read(f"{bag.id}/{2:012d}.note", 99) == b"another"


def test_a_server_that_hangs_up_is_told_in_three_lines(server: Sshd, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/x").write_text("x")
    command = [sys.executable, "-m", "forensics.cli.main", "collect", "--source", str(tmp_path / "src"), "--quiet"]
    env = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"} | {"HOME": str(tmp_path)}
    with socket.create_server(("127.0.0.1", 0)) as rude:
        threading.Thread(target=lambda: [rude.accept()[0].close()], daemon=True).start()
        url = f"sftp://u@127.0.0.1:{rude.getsockname()[1]}/x?hostkey={server.fingerprint}"
        told = [*command, "--out", str(tmp_path / "a"), "--push-required", "--push", url]
        done = subprocess.run(told, capture_output=True, text=True, env=env, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (74, "", 3), done.stderr
    url = server.url(tmp_path).partition("&identity")[0]
    done = subprocess.run([*told[:-1], url], capture_output=True, text=True, env=env, check=False)
    assert "identity=FILE" in done.stderr, done.stderr
    told = [*command, "--out", str(tmp_path / "b"), "--push", str(tmp_path / "not-mounted")]
    done = subprocess.run(told, capture_output=True, text=True, env=env, check=False)
    assert (done.returncode in (0, 10, 11), done.stdout) == (True, "") and "did not arrive" in done.stderr


def test_no_host_key_is_accepted_unasked(server: Sshd, tmp_path: Path) -> None:
    other = server.fingerprint[:-4] + "AAAA"
    known, empty = tmp_path / "known", tmp_path / "empty"
    known.write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
    empty.write_text("")
    with pytest.raises(HostKeyUnknown, match=server.fingerprint.replace("+", r"\+")):
        open_target(server.url(tmp_path, other)).probe()
    base = server.url(tmp_path).replace(f"hostkey={server.fingerprint}", "known_hosts=")
    with pytest.raises(HostKeyUnknown):
        open_target(base.replace("known_hosts=", f"known_hosts={empty}")).probe()
    with open_target(base.replace("known_hosts=", f"known_hosts={known}")) as target:
        assert target.probe().read_back
    known.write_text(known.read_text() + f"@revoked * {server.host_key}\n")
    with pytest.raises(HostKeyUnknown):
        open_target(base.replace("known_hosts=", f"known_hosts={known}")).probe()
    known.write_text(f"[127.0.0.1]:{server.port} {(server.home / 'id.pub').read_text()}")
    with pytest.raises(HostKeyUnknown):
        open_target(base.replace("known_hosts=", f"known_hosts={known}")).probe()
    stranger = tmp_path / "stranger"
    Key.one_off().save(stranger)
    with pytest.raises(TargetRefused):
        open_target(server.url(tmp_path).replace(str(server.identity), str(stranger))).probe()


@pytest.mark.parametrize("url", [
    "http://user:secret@127.0.0.1:1/x?sig=secret", "sftp://u@127.0.0.1:1/x?hostkey=SHA256:" + "a" * 43,
])  # fmt: skip
def test_secrets_are_never_in_what_is_shown(url: str, tmp_path: Path) -> None:
    with Pusher([TargetDestination(open_target(url, timeout=2))]) as targets:
        small_bag(tmp_path / "bag", targets)
        (outcome,) = targets.outcomes()
    assert (outcome.state, outcome.code) == ("none", "unreachable")
    assert "secret" not in str(outcome)
    assert "secret" not in (tmp_path / "bag/custody/ledger.jsonl").read_text()


@pytest.mark.parametrize("url", ["sftp://u:secret@h/x", "s3://key:secret@b/x", "gopher://secret/x", "http://[secret/x",
                                 "http://u:secret@example.org/x", "sftp://h/x?secret=1"])  # fmt: skip
def test_addresses_that_are_refused_repeat_no_secret(url: str) -> None:
    with pytest.raises(SealbagError) as caught:
        open_target(url)
    assert "secret" not in f"{caught.value} {caught.value.hint}"


def status(code: int) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: handler.wfile.write(b"HTTP/1.0 %d x\r\n\r\n" % code)


def huge(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.0 200 x\r\n\r\n")
    try:
        for _ in range(64):
            handler.wfile.write(bytes(1 << 20))
    except OSError:
        return  # the client has had enough


def half(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.0 200 x\r\nContent-Length: 1000\r\n\r\nabc")
    handler.connection.shutdown(socket.SHUT_RDWR)


RELEASE = threading.Event()


def silent(handler: BaseHTTPRequestHandler) -> None:
    RELEASE.wait(20)


def elsewhere(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.0 307 x\r\nLocation: http://127.0.0.1:1/\r\n\r\n")


@pytest.mark.parametrize("act", [status(500), status(403), huge, half, silent, elsewhere],
                         ids=["500", "403", "huge", "half", "silent", "redirect"])  # fmt: skip
def test_a_bad_witness_stops_nothing(act: Callable[[BaseHTTPRequestHandler], None], tmp_path: Path) -> None:
    with answering(act) as url:
        key = WitnessKey("w.example", Key.one_off().public_raw)
        place = tmp_path / "good"
        place.mkdir()
        good = TargetDestination(open_target(place))
        with Pusher([WitnessDestination(url, [key], TOKEN, 0.3), good]) as targets:
            small_bag(tmp_path / "bag", targets)
            bad, fine = targets.outcomes()
    assert (bad.state, bad.pushed, bad.cosigned) == ("none", 0, 0)
    assert bad.code in ("unreachable", "refused", "target")
    assert fine.state == "all"
    assert (tmp_path / "bag/custody/seal.json.sig").exists()
    assert verify(tmp_path / "bag").code in ("UNTRUSTED", "INVALID")


def test_a_queue_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forensics.transfer.push.MAX_WAITING", 3)
    with Pusher([TargetDestination(open_target("http://127.0.0.1:9/x", timeout=1))]) as targets:
        targets.opened("0" * 32, bytes(32))
        for size in range(1, 20):
            targets.push(size, b"note", [])
        targets.settle(5)
        (outcome,) = targets.outcomes()
    assert (outcome.state, outcome.pushed, outcome.failed) == ("none", 0, 19)


def test_a_missing_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(TargetMissing):
        open_target(tmp_path / "not-mounted").probe()
    assert not (tmp_path / "not-mounted").exists()


@pytest.mark.skipif(not hasattr(Path, "symlink_to"), reason="not shown: needs links")
def test_a_link_in_a_shared_folder_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "shared/bag").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TargetError):
        open_target(tmp_path / "shared").put("bag/1.note", b"x")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_witness_process_is_there_for_the_command(tmp_path: Path) -> None:
    from pyrage import x25519

    from forensics.cli.main import main

    (tmp_path / "src").mkdir()
    (tmp_path / "src/x").write_text("x")
    call = ["collect", "--source", str(tmp_path / "src"), "--profile", "full", "--quiet", "--no-progress"]
    witness = WitnessProcess(tmp_path)
    asked = ["--witness", witness.url, "--witness-key", str(witness.keys_file), "--push-required"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEALBAG_WITNESS_TOKEN", TOKEN)
        assert main([*call, "--out", str(tmp_path / "a"), *asked]) == 0
        patch.setenv("SEALBAG_WITNESS_TOKEN", "not the right token")
        assert main([*call, "--out", str(tmp_path / "b"), *asked]) == 74
        assert (tmp_path / "b/custody/seal.json.sig").exists()
        keys = [word for _ in "ab" for word in ("--to", str(x25519.Identity.generate().to_public()))]
        spool = ["--spool", str(tmp_path / "spool")]
        (tmp_path / "spool").mkdir()
        assert main([*call, "--out", f"file://{tmp_path}/s.age", *keys, *spool, *asked]) == 74  # a stream: likewise
        assert (tmp_path / "s.age").stat().st_size > 1000
        witness.kill()
        assert main([*call, "--out", str(tmp_path / "c"), *asked]) == 74
        assert not (tmp_path / "c").exists()
