"""Revocation lists: what ssh-keygen -Q calls revoked is what load_revoked does; the rest is refused whole."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keys_kit import Plain, cli, pack, ssh
from testkit import check_needs

from forensics.custody import krl
from forensics.custody.ed25519_openssh import WireError
from forensics.custody.publickey import wire_fingerprint
from forensics.custody.revocation import is_krl, load_revoked, parse_list
from forensics.errors import ConfigError


def wire(path: Path) -> bytes:
    return base64.b64decode(path.read_text().split()[1])


def openssh_says(path: Path, key: Path) -> bool:
    done = subprocess.run(["ssh-keygen", "-Q", "-f", path, key], capture_output=True, timeout=60, check=False)
    return done.returncode != 0 and b"REVOKED" in done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys a to f, an authority, and certificates of c to f with the serials 3 to 6."""
    check_needs("ssh-keygen")
    folder = tmp_path_factory.mktemp("krl")
    for name in ("ca", "other", "a", "b", "c", "d", "e", "f"):
        ssh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name)
    for number, name in enumerate("cdef", 3):
        ssh(
            "ssh-keygen",
            "-q",
            "-s",
            folder / "ca",
            "-I",
            f"id {name}",
            "-n",
            "x",
            "-z",
            str(number),
            folder / f"{name}.pub",
        )
    return folder


def lists(made: Path) -> dict[str, str]:
    prints = {name: wire_fingerprint(wire(made / f"{name}.pub")) for name in "ab"}
    return {
        "keys": f"{(made / 'a.pub').read_text()}{(made / 'c.pub').read_text()}",
        "sha256": f"hash: {prints['a']}\n",
        "sha1": f"sha1: {(made / 'b.pub').read_text()}",
        "digest": f"sha256: {(made / 'b.pub').read_text()}",
        "serials": "serial: 3\nserial: 5\n",
        "range": "serial: 4-200\nserial: 100000-100009\n",
        "bitmap": "".join(f"serial: {number}\n" for number in (1, 3, 4, 6, 8, 9, 11, 14, 20, 22, 25, 27)),
        "ids": "id: id d\nid: none\n",
        "authority": (made / "ca.pub").read_text(),
        "nothing": "",
    }


@pytest.mark.parametrize(
    "kind", ["keys", "sha256", "sha1", "digest", "serials", "range", "bitmap", "ids", "authority", "nothing"]
)
@pytest.mark.parametrize("authority", ["ca", "other", ""])
def test_a_krl_says_what_ssh_keygen_says(made: Path, tmp_path: Path, kind: str, authority: str) -> None:
    (tmp_path / "spec").write_text(lists(made)[kind])
    # without -s the sections are of any authority
    words = ["-s", made / f"{authority}.pub"] if authority else []
    done = subprocess.run(
        ["ssh-keygen", "-q", "-k", "-f", tmp_path / "krl", *words, tmp_path / "spec"], capture_output=True, check=False
    )
    if done.returncode and kind in ("serials", "range", "bitmap", "ids") and not authority:
        # OpenSSH wants an authority for these
        assert b"revoking certificates by" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    assert is_krl(tmp_path / "krl")
    revoked = load_revoked(tmp_path / "krl")
    hits = 0
    for path in sorted(made.glob("*.pub")):
        said = openssh_says(tmp_path / "krl", path)
        assert revoked(wire(path)) is said, path.name
        hits += said
    assert (hits > 0) is (
        kind != "nothing" and not (authority == "other" and kind in ("serials", "range", "bitmap", "ids"))
    )


def test_a_text_list(tmp_path: Path) -> None:
    one, two, three = Plain(), Plain(), Plain()
    line = "ssh-ed25519 " + base64.b64encode(two.wire).decode()
    since = "2026-11-24T13:06:37.123456789Z"
    text = f"# left\n\n{wire_fingerprint(one.wire)}\r\n{line} a comment since={since}\n{line}\n"
    (tmp_path / "list").write_text(text)
    assert not is_krl(tmp_path / "list")
    revoked = load_revoked(tmp_path / "list")
    assert (revoked(one.wire), revoked(two.wire), revoked(three.wire)) == (True, True, False)
    assert parse_list(f"{line} since={since}\n".encode()) == {wire_fingerprint(two.wire): since}
    assert parse_list(text.encode())[wire_fingerprint(two.wire)] == ""  # the stricter of two lines


@pytest.mark.parametrize(
    "line",
    ["SHA256:short", "MD5:00", "ssh-ed25519", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAA", f"SHA256:{'a' * 43} since=today",
     f"SHA256:{'a' * 43} since=", f"SHA256:{'a' * 43} more", "\x00", "since=2026-11-24T13:06:37.123456789Z"],
)  # fmt: skip
def test_a_line_that_is_none_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    (tmp_path / "list").write_text(f"# first\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        load_revoked(tmp_path / "list")
    assert (caught.value.where, caught.value.exit) == (f"{tmp_path / 'list'}:2", 78)


HEAD = krl.MAGIC + b"\0\0\0\1" + bytes(24) + pack(b"", b"comment")


def section(kind: int, data: bytes) -> bytes:
    return bytes([kind]) + pack(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"SSHKRL\n\0", "bytes wanted"),
        (HEAD.replace(b"\0\0\0\1", b"\0\0\0\2", 1), "version 1"),
        (HEAD + section(4, b""), r"type 4 \(signature\)"),
        (HEAD + section(255, b""), r"type 255 \(extension\)"),
        (HEAD + section(9, b""), r"type 9 \(unknown\)"),
        (HEAD + b"\1\xff\xff\xff\xff", "bytes wanted"),
        (HEAD + section(2, pack(b"x")), "bytes wanted"),
        (HEAD + section(3, pack(b"x" * 19)), "19 bytes, not 20"),
        (HEAD + section(5, pack(b"x" * 33)), "33 bytes, not 32"),
        (HEAD + section(1, pack(b"", b"") + section(0x39, b"")), "0x39"),
        (HEAD + section(1, pack(b"", b"") + section(0x20, b"1234")), "bytes wanted"),
        (HEAD + section(1, pack(b"", b"") + section(0x21, bytes(7) + b"\2" + bytes(7) + b"\1")), "ends before"),
        (HEAD + section(1, pack(b"", b"") + section(0x22, bytes(8) + pack(b"\x80"))), "negative"),
        (HEAD + section(1, pack(b"", b"") + section(0x21, bytes(17))), "too many"),
        (HEAD + section(5, b"") * 65537, "more than 65536"),
    ],
)
def test_a_krl_that_is_not_understood_is_refused_whole(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        krl.parse_krl(data)
    (tmp_path / "krl").write_bytes(data)
    with pytest.raises(ConfigError, match="no revocation list that can be used"):
        load_revoked(tmp_path / "krl")


def test_bounds_and_files_that_are_none(tmp_path: Path) -> None:
    assert krl.parse_krl(HEAD).comment == "comment"
    with pytest.raises(ConfigError, match="No such file"):
        load_revoked(tmp_path / "none")
    (tmp_path / "large").write_bytes(b"#" * (1 << 20) + b"#")
    with pytest.raises(ConfigError, match="too large"):
        load_revoked(tmp_path / "large")
    with pytest.raises(WireError, match="longer than"):
        krl.parse_krl(bytes(krl.MAX_KRL + 1))


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for blob in (data, HEAD + data, HEAD + section(1, data), HEAD + section(1, pack(b"", b"") + data)):
        try:
            krl.parse_krl(blob)
        except WireError:
            continue


def test_verify_with_a_list_or_a_krl(tmp_path: Path, planted: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from forensics import Key, collect, open_source, verify

    key = Key.one_off()
    key.save(tmp_path / "key")
    Key.one_off().save(tmp_path / "other")
    with open_source(planted) as source:
        bag = collect(source, tmp_path / "bag", profile="full", key=key)
    for name in ("key", "other"):
        ssh("ssh-keygen", "-q", "-k", "-f", tmp_path / f"{name}.krl", tmp_path / f"{name}.pub")
        (tmp_path / f"{name}.txt").write_text((tmp_path / f"{name}.pub").read_text())
    words = ("verify", bag.path, "--signer", key.fingerprint, "--revoked")
    for kind in ("krl", "txt"):
        code, said = cli(capfd, *words, tmp_path / f"key.{kind}")
        assert (code, said["verdict"]) == (3, "UNTRUSTED"), said
        code, said = cli(capfd, *words, tmp_path / f"other.{kind}")
        assert (code, said["verdict"]) == (0, "VALID"), said
    (tmp_path / "odd.krl").write_bytes(HEAD + section(9, b""))
    code, said = cli(capfd, *words, tmp_path / "odd.krl")
    assert code == 78 and "type 9" in said["what"]
    # the verifier alone cannot read one: said, and never better than without
    verdict = verify(bag.path, signer=key.fingerprint, revoked=tmp_path / "key.krl")
    assert verdict.code == "VALID" and any(text.startswith("revocation") for text in verdict.not_checked)
