"""Real servers on this host: Debian's sshd, and moto's S3."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anchor_kit import free_port
from testkit import not_shown, program


@dataclass(frozen=True)
class Sshd:
    """An SSH server: where, and the fingerprint of its host key."""

    port: int
    fingerprint: str
    identity: Path
    host_key: str
    home: Path

    def url(self, path: Path, hostkey: str = "") -> str:
        return (
            f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{path}"
            f"?hostkey={hostkey or self.fingerprint}&identity={self.identity}"
        )


def _key(path: Path) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path.with_name(path.name + ".pub").read_text().strip()


@contextlib.contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """Start one for this user, SFTP alone."""
    daemon = program("sshd")
    if daemon is None or shutil.which("ssh-keygen") is None:
        not_shown("needs sshd (openssh-server)")
    host, identity = folder / "host", folder / "id"
    host_key, public = _key(host), _key(identity)
    listed = subprocess.run(["ssh-keygen", "-lf", f"{host}.pub"], check=True, capture_output=True, text=True).stdout
    (folder / "authorized").write_text(public + "\n")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True, mode=0o755)  # its privilege separation needs it as root
    port = free_port()
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {host}\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\nForceCommand internal-sftp\n"
    )
    process = subprocess.Popen([daemon, "-D", "-e", "-f", str(folder / "config")], stderr=subprocess.DEVNULL)
    try:
        _wait(port, process)
        yield Sshd(port, listed.split()[1], identity, host_key, folder)
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def s3() -> Iterator[str]:
    """moto's server with a bucket `bags`; its endpoint."""
    try:
        from moto.server import ThreadedMotoServer
    except ImportError:
        not_shown("needs moto[server]")
    import botocore.session

    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    before = {name: os.environ.get(name) for name in keys}
    os.environ.update(keys)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        botocore.session.get_session().create_client("s3", endpoint_url=url).create_bucket(Bucket="bags")
        yield url
    finally:
        server.stop()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            not_shown("needs an sshd that starts here")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    not_shown("needs an sshd that answers here")
