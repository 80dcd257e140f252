"""Other people's programs agree about a real bag."""

import base64
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from testkit import program

from forensics import Key, verify
from forensics.acquisition.bag import Bag
from forensics.custody.lines import read_lines


def _run(*command: str, cwd: Path | None = None, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, check=False)


def test_bagit_validates(sealed: Bag) -> None:
    done = _run(sys.executable, "-m", "bagit", "--validate", str(sealed.path))
    assert done.returncode == 0, done.stderr


@pytest.mark.needs("sha256sum")
@pytest.mark.parametrize("manifest", ["manifest-sha256.txt", "tagmanifest-sha256.txt"])
def test_sha256sum_checks_the_manifests(sealed: Bag, manifest: str) -> None:
    done = _run("sha256sum", "--strict", "--quiet", "-c", manifest, cwd=sealed.path)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr


@pytest.mark.needs("ssh-keygen")
def test_ssh_keygen_verifies_the_seal(sealed: Bag, examiner: Key, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.write_text(f"examiner {examiner.public_line}\n")
    seal = (sealed.path / "custody/seal.json").read_bytes()
    command = [
        program("ssh-keygen") or "", "-Y", "verify", "-f", str(allowed), "-I", "examiner", "-n", "sealbag-seal-v1",
        "-s", str(sealed.path / "custody/seal.json.sig"),
    ]  # fmt: skip
    assert _run(*command, stdin=seal).returncode == 0
    assert _run(*command, stdin=seal.replace(b'"case":"7"', b'"case":"8"')).returncode != 0
    assert verify(str(sealed.path), trust=str(allowed)).code == "VALID"


@pytest.mark.needs("openssl")
def test_openssl_gives_each_object_its_name(sealed: Bag) -> None:
    for path in sorted((sealed.path / "data/objects").glob("*/*")):
        done = _run("openssl", "dgst", "-sha256", "-r", str(path))
        assert done.stdout.split()[0].decode() == path.name


def _root(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, as its text defines it."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + _root(leaves[:split]) + _root(leaves[split:])).digest()


def _second_reading(note: bytes, name: str, public: bytes) -> tuple[str, int, bytes]:
    """A second implementation of C2SP signed-note and tlog-checkpoint, from their text."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    body, gap, signatures = note.decode("utf-8").rpartition("\n\n")
    assert gap
    assert note.endswith(b"\n")
    text = body + "\n"
    found = False
    for line in signatures.splitlines():
        dash, signer, blob = line.split(" ")
        raw = base64.b64decode(blob, validate=True)
        key_id = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
        if (dash, signer, raw[:4]) == ("—", name, key_id):
            Ed25519PublicKey.from_public_bytes(public).verify(raw[4:], text.encode())
            found = True
    assert found
    origin, size, root = text.splitlines()
    return origin, int(size), base64.b64decode(root, validate=True)


def test_checkpoints_by_a_second_implementation(sealed: Bag) -> None:
    lines = [(data, line) for data, line in read_lines(sealed.path)]
    keys = {line["seq"]: base64.b64decode(line["run_key"]) for _, line in lines if "run_key" in line}
    name = f"sealbag/{lines[0][1]['bag']}"
    notes = sorted((sealed.path / "custody/checkpoints").iterdir())
    assert len(notes) >= 4  # open, walk, take, seal, close
    for path in notes:
        # the old key covers the line that hands over to the next one
        public = keys[max(seq for seq in keys if seq == 0 or seq < int(path.stem) - 1)]
        origin, size, root = _second_reading(path.read_bytes(), name, public)
        assert (origin, f"{size:012d}.note") == (name, path.name)
        assert root == _root([data for data, _ in lines[:size]])
    assert notes[-1].name == f"{len(lines):012d}.note"


def test_the_bags_own_verifier_is_the_installed_one(sealed: Bag) -> None:
    import forensics.verifier

    assert (sealed.path / "verify.py").read_bytes() == Path(forensics.verifier.__file__).read_bytes()
    done = _run(
        sys.executable, "-I", str(sealed.path / "verify.py"), "--seal", sealed.seal_sha256, "--", str(sealed.path)
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == b"verdict: VALID"


def test_the_commands_of_verify_txt(sealed: Bag, tmp_path: Path) -> None:
    """What VERIFY.txt tells a stranger to type is what works."""
    text = (sealed.path / "VERIFY.txt").read_text()
    assert sealed.signer in text
    script = """
    set -e
    sha256sum --quiet -c manifest-sha256.txt
    sha256sum --quiet -c tagmanifest-sha256.txt
    (printf 'examiner '; cut -d' ' -f1,2 custody/keys/signer.pub) > "$1"
    ssh-keygen -Y verify -f "$1" -I examiner -n sealbag-seal-v1 -s custody/seal.json.sig < custody/seal.json
    """
    for command in (
        "sha256sum -c manifest-sha256.txt",
        "cut -d' ' -f1,2 custody/keys/signer.pub",
        "ssh-keygen -Y verify",
    ):
        assert command in text
    done = _run("bash", "-c", script, "bash", str(tmp_path / "allowed"), cwd=sealed.path)
    assert done.returncode == 0, done.stderr
