"""A sealed bag, people's keys, and a time-stamping authority of OpenSSL's on loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from forensics import Bag, Key, collect, open_source
from forensics.cli.main import main
from forensics.verifier import Verdict, verify


@dataclass
class People:
    """Keys in files, and an allowed_signers file that has them all."""

    folder: Path
    trust: Path
    keys: dict[str, Key]

    def key(self, name: str) -> str:
        return str(self.folder / name)

    def pub(self, name: str) -> str:
        return str(self.folder / f"{name}.pub")


def make_people(folder: Path, *names: str) -> People:
    keys = {}
    for name in names:
        keys[name] = Key.one_off()
        keys[name].save(folder / name, comment=name)
    trust = folder / "allowed_signers"
    trust.write_text("".join(f"{name}@x {key.public_line}\n" for name, key in keys.items()))
    return People(folder, trust, keys)


def make_bag(folder: Path, key: Key) -> Bag:
    source = folder / "source"
    source.mkdir(parents=True)
    (source / "a.log").write_text("one\n")
    (source / "b.log").write_text("two\n")
    with open_source(source) as opened:
        return collect(opened, folder / "bag", profile="full", key=key, case="7", exhibit="HD1", examiner="A. Jones")


def copy_of(bag: Path, to: Path) -> Path:
    shutil.copytree(bag, to)
    return to


def judged(bag: Path, **anchors: Any) -> Verdict:
    return verify(bag, jobs=1, **anchors)


def run(capsys: Any, *words: object) -> tuple[int, dict[str, Any]]:
    """A command with --json; (exit code, what it printed)."""
    capsys.readouterr()
    code = main([*map(str, words), "--json"])
    out = capsys.readouterr().out.strip()
    return code, json.loads(out) if out else {}


CONFIG = """\
[req]
distinguished_name = dn
prompt = no
[dn]
CN = Test TSA Root
[ca]
default_ca = one
[one]
database = index
serial = serial.ca
new_certs_dir = .
default_md = sha256
policy = any
rand_serial = yes
email_in_dn = no
[any]
commonName = supplied
[v3_ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[tsa_ext]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = here
[here]
serial = serial.tsa
digests = sha256,sha384,sha512
default_policy = 1.2.3.4.1
signer_digest = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def openssl(folder: Path, *words: str) -> None:
    done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass
class Authority:
    """A CA and signers of time tokens made by OpenSSL; tokens by ``openssl ts -reply``."""

    folder: Path
    asked: list[bytes] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.folder / "ca.pem"

    def make(self) -> Authority:
        self.folder.mkdir(parents=True)
        (self.folder / "c.cnf").write_text(CONFIG)
        (self.folder / "index").write_text("")
        (self.folder / "serial.tsa").write_text("01")
        self._key("ca")
        openssl(
            self.folder, "req", "-x509", "-new", "-key", "ca.key", "-config", "c.cnf", "-extensions", "v3_ca",
            "-days", "3650", "-out", "ca.pem",
        )  # fmt: skip
        return self.signer("tsa", "20200101000000Z", "20400101000000Z")

    def _key(self, name: str) -> None:
        openssl(self.folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")

    def signer(self, name: str, start: str, end: str) -> Authority:
        """A certificate for time stamping, good from *start* to *end* (``YYYYMMDDHHMMSSZ``)."""
        self._key(name)
        openssl(
            self.folder, "req", "-new", "-key", f"{name}.key", "-config", "c.cnf", "-subj", f"/CN={name}",
            "-out", f"{name}.csr",
        )  # fmt: skip
        openssl(
            self.folder, "ca", "-batch", "-config", "c.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in",
            f"{name}.csr", "-startdate", start, "-enddate", end, "-extfile", "c.cnf", "-extensions", "tsa_ext",
            "-notext", "-out", f"{name}.pem",
        )  # fmt: skip
        return self

    def answer(self, query: bytes, name: str = "tsa", *more: str) -> bytes:
        self.asked.append(query)
        (self.folder / "q.tsq").write_bytes(query)
        openssl(
            self.folder, "ts", "-reply", "-config", "c.cnf", "-section", "here", "-queryfile", "q.tsq",
            "-signer", f"{name}.pem", "-inkey", f"{name}.key", "-out", "r.tsr", *more,
        )  # fmt: skip
        return (self.folder / "r.tsr").read_bytes()

    def second_opinion(self, data: Path, token: Path) -> bool:
        """What ``openssl ts -verify`` says."""
        done = subprocess.run(
            ["openssl", "ts", "-verify", "-data", data, "-in", token, "-CAfile", self.root],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode == 0 and "Verification: OK" in done.stdout


@contextmanager
def serving(answer: Any, content_type: str = "application/timestamp-reply", status: int = 200) -> Iterator[str]:
    """An HTTP server on loopback that answers each POST with ``answer(body)``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            data = answer(body)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/tsr"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


PYTHON = sys.executable
