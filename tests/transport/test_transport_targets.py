"""Streams to and from real servers on this host: OpenSSH's sshd, an S3 server; what was cut goes on."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from testkit import check_needs, is_root, program
from transport_kit import Identity, tree

from forensics import Bag, open_source, pack, unpack
from forensics.errors import OutputNotEmpty, TargetConflict
from forensics.pipeline.streaming import collect_stream
from forensics.remote import Target, open_target
from forensics.transfer.uploading import upload

Ids = tuple[Identity, Identity]


def both(ids: Ids) -> list[str]:
    return [one.recipient for one in ids]


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "the server ended"
        time.sleep(0.05)
    raise AssertionError("the server does not answer")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An sftp address of a folder, served by sshd as this user; its query names host key and identity."""
    check_needs("sshd", "ssh-keygen")
    pytest.importorskip("paramiko", reason="not shown: needs paramiko (the extra transport)")
    server = Path("/usr/lib/openssh/sftp-server")
    if not server.exists() or not is_root():
        pytest.skip("not shown: needs root, sftp-server")
    folder = tmp_path_factory.mktemp("sshd")
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = free_port()
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
        f"Subsystem sftp {server}\n"
    )
    path = program("sshd")
    assert path is not None
    print_key = ["ssh-keygen", "-lf", folder / "host.pub"]
    key = subprocess.run(print_key, capture_output=True, text=True, check=True).stdout.split()[1]
    process = subprocess.Popen([path, "-D", "-e", "-f", folder / "config"], stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        (folder / "there").mkdir()
        yield f"sftp://root@127.0.0.1:{port}{folder}/there/NAME?hostkey={key}&identity={folder}/user"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """An s3 address in a bucket of a server on this host."""
    for name in ("moto", "s3fs"):
        pytest.importorskip(name, reason=f"not shown: needs {name} (the extras test and s3)")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ACCESS_KEY_ID", "testing")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    try:
        wait_for(port, process)
        import http.client

        client = http.client.HTTPConnection("127.0.0.1", port)
        client.request("PUT", "/evidence")
        assert client.getresponse().status == 200
        client.close()
        yield f"s3://evidence/case-7/NAME?endpoint=http://127.0.0.1:{port}&region=us-east-1"
    finally:
        patch.undo()
        process.send_signal(signal.SIGTERM)
        process.wait()


@pytest.mark.parametrize("kind", ["sshd", "s3"])
def test_there_and_back(kind: str, small: Bag, ids: Ids, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(kind).replace("NAME", "bag.age")
    packed = pack(small.path, url, both(ids))
    assert "identity" not in packed.out and "?" not in packed.out
    done = unpack(url, tmp_path / "b", identity=ids[0].file, seal=small.seal_sha256)
    assert (done.code, done.exit) == ("VALID", 0) and tree(tmp_path / "b") == tree(small.path)
    with pytest.raises(OutputNotEmpty):
        pack(small.path, url, both(ids))
    with open_target(url.replace("/bag.age", "")) as target:
        assert target.names() == ["bag.age"]  # the test object was removed


@pytest.mark.parametrize("kind", ["sshd", "s3"])
def test_collected_away(kind: str, planted: Path, ids: Ids, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(kind).replace("NAME", "live.age")
    with open_source(planted) as source:
        sent = collect_stream([source], url, both(ids), spool=tmp_path, profile="full")
    done = unpack(url, tmp_path / "b", identity=ids[1].file, seal=sent.bag.seal_sha256)
    assert (done.code, done.exit) == ("VALID", 0)


class Broken(Exception):
    """The line is cut."""


def cut_upload(file: Path, url: str, size: int) -> None:
    """As a connection that ends after *size* bytes leaves it."""

    def some() -> Iterator[bytes]:
        yield file.read_bytes()[:size]
        raise Broken

    from forensics.transfer.outputs import split_address

    folder, name = split_address(url, "")
    with open_target(folder) as target, pytest.raises(Broken):
        target.write(name, some(), keep=target.can_resume)


@pytest.mark.parametrize("kind", ["sshd", "folder", "s3"])
def test_a_cut_upload_goes_on(
    kind: str, small: Bag, ids: Ids, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    url = f"file://{tmp_path}/there/x.age" if kind == "folder" else request.getfixturevalue(kind)
    url = url.replace("NAME", "x.age")
    staged = tmp_path / "staged.age"
    pack(small.path, staged, both(ids))
    cut_upload(staged, url, 4000)
    sent = upload(staged, url, resume=True)
    # S3 keeps nothing of an object that was not finished: all is sent again, and that is said
    assert (sent.resumed_at, sent.can_resume) == ((0, False) if kind == "s3" else (4000, True))
    assert sent.size == staged.stat().st_size
    assert unpack(url, tmp_path / "b", identity=ids[0].file, seal=small.seal_sha256).code == "VALID"


def test_another_pack_is_no_continuation(small: Bag, ids: Ids, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for name in ("one", "two"):
        pack(small.path, tmp_path / name, both(ids))
    url = f"file://{tmp_path}/there/x.age"
    cut_upload(tmp_path / "one", url, 4000)
    with pytest.raises(TargetConflict, match="not the beginning of this file"):
        upload(tmp_path / "two", url, resume=True)
    assert (tmp_path / "there/x.age.part").stat().st_size == 4000


def test_the_command_stages_and_resumes(
    small: Bag, ids: Ids, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from forensics.cli.main import main

    (tmp_path / "there").mkdir()
    to = [word for one in ids for word in ("--to", one.recipient)]
    url, staged = f"file://{tmp_path}/there/x.age", tmp_path / "staged"
    pack(small.path, staged, both(ids))
    cut_upload(staged, url, 3000)
    assert main(["pack", str(small.path), *to, "--stage", str(staged), "--out", url, "--resume"]) == 0
    assert "resumed      at byte 3,000" in capsys.readouterr().out
    assert (tmp_path / "there/x.age").read_bytes() == staged.read_bytes()
    assert main(["pack", str(small.path), *to, "--out", str(tmp_path / "y"), "--resume"]) == 64


def test_a_test_object_comes_first(small: Bag, ids: Ids, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that takes nothing is known before anything is read."""
    from forensics.errors import TargetError

    def fails(self: Target) -> None:
        raise TargetError("no", where="there")

    monkeypatch.setattr(Target, "probe", fails)
    with pytest.raises(TargetError):
        pack(small.path, f"file://{tmp_path}/x.age", both(ids))
    assert not list(tmp_path.iterdir())
