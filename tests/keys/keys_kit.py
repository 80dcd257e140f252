"""What the tests of keys share: OpenSSH's programs, a token in software, an agent that may misbehave."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from testkit import ROOT, check_needs

SK = b"sk-ssh-ed25519@openssh.com"


def pack(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def cli(capfd: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, Any]]:
    """Run a command with --json; return its exit code and its object, which its schema in docs/schema/ knows."""
    from jsonschema import Draft202012Validator

    from forensics.cli.main import main

    code = main([*map(str, words), "--json"])
    row = json.loads(capfd.readouterr().out)
    name = row["schema"].split("/")[1]
    if name.startswith(("ticket", "key", "error")):
        Draft202012Validator(json.loads((ROOT / f"docs/schema/{name}.json").read_text())).validate(row)
    return code, row


def ssh(program: str, *words: str | Path, data: bytes = b"", env: dict[str, str] | None = None, ok: bool = True) -> str:
    """Run a program of OpenSSH; return what it printed. With *ok* it must end with 0."""
    check_needs(program)
    done = subprocess.run(
        [program, *map(str, words)],
        input=data,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, **(env or {})},
    )
    assert not ok or done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def accepted(folder: Path, armoured: bytes, message: bytes, namespace: str, line: str, *options: str) -> bool:
    """Whether ``ssh-keygen -Y verify`` accepts a signature of ``who@x`` under one line of allowed_signers."""
    check_needs("ssh-keygen")
    (folder / "allowed").write_text(line + "\n")
    (folder / "sig").write_bytes(armoured)
    words = ["-Y", "verify", "-f", folder / "allowed", "-I", "who@x", "-n", namespace, "-s", folder / "sig"]
    words += [word for option in options for word in ("-O", option)]
    done = subprocess.run(
        ["ssh-keygen", *map(str, words)], input=message, capture_output=True, timeout=60, check=False,
        env={**os.environ, "TZ": "UTC"},
    )  # fmt: skip
    return done.returncode == 0


@dataclass
class Token:
    """A FIDO authenticator in software: signs as PROTOCOL.u2f says."""

    application: bytes = b"ssh:sealbag"
    flags: int = 0x01
    counter: int = 7
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def raw(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @property
    def wire(self) -> bytes:
        return pack(SK, self.raw, self.application)

    def sign(self, message: bytes) -> bytes:
        self.counter += 1
        said = bytes([self.flags]) + self.counter.to_bytes(4, "big")
        made = self.private.sign(sha256(self.application).digest() + said + sha256(message).digest())
        return pack(SK, made) + said


@dataclass
class Plain:
    """An Ed25519 key in software."""

    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def raw(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @property
    def wire(self) -> bytes:
        return pack(b"ssh-ed25519", self.raw)

    def sign(self, message: bytes) -> bytes:
        return pack(b"ssh-ed25519", self.private.sign(message))


class Agent:
    """An ssh-agent on a real socket; *twist* changes each answer (what was asked, the answer)."""

    def __init__(self, folder: Path, keys: list[tuple[Token | Plain, bytes]]) -> None:
        self.path, self.keys = folder / "agent", keys
        self.extra: list[tuple[bytes, bytes]] = []
        self.hang_up = False  # after each answer
        self.twist: Callable[[int, bytes], bytes | None] = lambda _, answer: answer
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self.path))
        self._server.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            with peer:
                try:
                    while size := int.from_bytes(self._take(peer, 4), "big"):
                        request = self._take(peer, size)
                        answer = self.twist(request[0], pack(self.answer(request)))
                        if answer is None:
                            break
                        peer.sendall(answer)
                        if self.hang_up:
                            break
                except OSError:
                    continue

    @staticmethod
    def _take(peer: socket.socket, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = peer.recv(count - len(data))
            if not more:
                raise OSError("gone")
            data += more
        return data

    def answer(self, request: bytes) -> bytes:
        if request[0] == 11:
            listed = [(key.wire, comment) for key, comment in self.keys] + self.extra
            return bytes([12]) + len(listed).to_bytes(4, "big") + b"".join(pack(*one) for one in listed)
        if request[0] == 13:
            size = int.from_bytes(request[1:5], "big")
            wire, rest = request[5 : 5 + size], request[5 + size :]
            message = rest[4 : 4 + int.from_bytes(rest[:4], "big")]
            for key, _ in self.keys:
                if key.wire == wire:
                    return bytes([14]) + pack(key.sign(message))
        return bytes([5])

    def close(self) -> None:
        # shutdown wakes the thread that waits in accept
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.path.unlink(missing_ok=True)


@contextmanager
def real_agent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """OpenSSH's own ssh-agent, SSH_AUTH_SOCK pointing to it."""
    check_needs("ssh-agent", "ssh-add")
    path = folder / "real-agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        yield path
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
