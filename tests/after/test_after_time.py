"""Time tokens: asked for, carried out and back, judged here and by openssl ts -verify."""

from __future__ import annotations

import hashlib
import subprocess
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from after_kit import Authority, copy_of, judged, make_bag, make_people, run, serving
from hypothesis import given
from hypothesis import strategies as st
from testkit import check_needs

from forensics.custody.after import read_statements
from forensics.custody.der import elements, with_sorted_certificates
from forensics.custody.sealed import read_seal
from forensics.custody.timestamps import check_answer, make_request, read_token, token_checker
from forensics.errors import ConfigError, InputError, SealbagError, TargetError, UsageError
from forensics.transfer.merge import merge
from forensics.transfer.stamp import ask, make_query, stamp, try_stamp


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return make_people(tmp_path_factory.mktemp("people"), "anna")


@pytest.fixture(scope="module")
def original(tmp_path_factory, people):
    return make_bag(tmp_path_factory.mktemp("original"), people.keys["anna"])


@pytest.fixture
def bag(original, tmp_path):
    return copy_of(original.path, tmp_path / "bag")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    check_needs("openssl")
    return Authority(tmp_path_factory.mktemp("tsa") / "ca").make()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    check_needs("openssl")
    return Authority(tmp_path_factory.mktemp("stranger") / "ca").make()


def checker(authority):
    return token_checker(authority.root.read_bytes())


def results(found):
    return [(path.rpartition("/")[2], result) for path, result, _ in found]


def test_asked_over_the_network_and_again(bag, people, authority):
    with serving(authority.answer) as url:
        first, second = stamp(bag, url), stamp(bag, url)
    assert (first.path, second.path) == ("custody/seal.tsr", "custody/seal-2.tsr")
    seal = bag / "custody" / "seal.json.sig"
    assert authority.second_opinion(seal, bag / first.path)
    found = checker(authority)(seal.read_bytes(), [("a", (bag / first.path).read_bytes(), "")])
    assert found[0][1:] == ("proven", first.facts.t)
    assert judged(bag, signer=people.keys["anna"].fingerprint).code == "VALID"
    assert not (bag / "custody" / ".TemporaryItems").exists()


def test_a_report_says_what_a_token_proves(bag, people, authority, tmp_path, capsys):
    with serving(authority.answer) as url:
        t = stamp(bag, url).facts.t
    assert run(capsys, "process", bag, "--work", tmp_path / "work", "--no-scan")[0] == 0
    said = {}
    for name, words in {"without": [], "with": ["--tsa", authority.root]}.items():
        out = tmp_path / f"{name}.html"
        assert run(capsys, "report", tmp_path / "work", "--out", out, *words)[0] == 0
        said[name] = out.read_text(encoding="utf-8")
    assert "no root of its authority was given" in said["without"]
    assert "no root of its authority was given" not in said["with"] and t[:19] in said["with"]
    assert "nobody: no anchor was given" in said["with"]
    out, stranger = tmp_path / "refused.html", "SHA256:" + "A" * 43
    assert run(capsys, "report", tmp_path / "work", "--out", out, "--signer", stranger)[0] == 0
    assert "nobody: what was given does not hold" in out.read_text(encoding="utf-8")
    assert run(capsys, "report", tmp_path / "work", "--out", tmp_path / "x", "--tsa", tmp_path / "none")[0] == 78


def test_carried_out_and_back(bag, authority, tmp_path, capsys):
    query, reply = tmp_path / "q.tsq", tmp_path / "r.tsr"
    assert run(capsys, "stamp", bag, "--request", query)[0] == 0
    text = subprocess.run(
        ["openssl", "ts", "-query", "-in", query, "-text"], capture_output=True, text=True, check=True
    )
    assert "Hash Algorithm: sha256" in text.stdout and "Certificate required: yes" in text.stdout
    reply.write_bytes(authority.answer(query.read_bytes()))
    code, row = run(capsys, "stamp", bag, "--response", reply, "--request", query)
    assert (code, row["path"], row["over"]) == (0, "custody/seal.tsr", "")
    assert run(capsys, "stamp", bag, "--request", query)[0] == 73


def test_an_answer_is_checked_before_it_is_kept(bag, authority):
    before = sorted((bag / "custody").iterdir())
    own, other = make_query(bag), make_request(b"something else")
    for response, request in (
        (authority.answer(other), None),  # another imprint
        (authority.answer(own), make_query(bag)),  # another nonce
        (b"0", None),
        (b"\x30\x05\x30\x03\x02\x01\x02", None),  # PKIStatus 2: rejection
        (b"x" * (1 << 19), None),
    ):
        with pytest.raises(InputError):
            stamp(bag, response=response, request=request)
    assert sorted((bag / "custody").iterdir()) == before


def test_hostile_authorities(bag):
    with serving(lambda body: b"x" * (1 << 20)) as url, pytest.raises(TargetError, match="more than"):
        ask(url, b"q")
    with serving(lambda body: b"hello", "text/html") as url, pytest.raises(TargetError, match="timestamp-reply"):
        ask(url, b"q")
    with serving(lambda body: b"", status=503) as url:
        assert try_stamp(bag, url)["state"] == "failed"
    with serving(lambda body: b"", status=302) as url, pytest.raises(TargetError):
        ask(url, b"q")
    for url in ("ftp://x/", "file:///etc/passwd", "http://user:pw@x/", "x"):
        with pytest.raises(UsageError):
            ask(url, b"q")


def test_verdicts_of_tokens(bag, authority, stranger, people, tmp_path):
    seal = (bag / "custody" / "seal.json.sig").read_bytes()
    good = authority.answer(make_query(bag))
    other = authority.answer(make_request(b"another"))
    foreign = stranger.answer(make_query(bag))
    authority.signer("ended", "20200101000000Z", "20210101000000Z")
    expired = authority.answer(make_query(bag), "ended")
    check = checker(authority)
    given = [
        ("good", good, ""),
        ("other", other, ""),
        ("foreign", foreign, ""),
        ("expired", expired, ""),
        ("no", b"0", ""),
    ]
    assert [result for _, result, _ in check(seal, given)] == ["proven", "invalid", "untrusted", "untrusted", "invalid"]
    for name, data, sound in (("good", good, True), ("other", other, False), ("foreign", foreign, False)):
        path = tmp_path / name
        path.write_bytes(data)
        assert authority.second_opinion(bag / "custody" / "seal.json.sig", path) is sound


def test_chain_in_the_order_that_openssl_writes(bag, authority):
    """The certificates of an answer with a chain are no sorted set: DER's order is made before they are read."""
    answer = authority.answer(make_query(bag), "tsa", "-chain", "ca.pem")
    sorted_one = with_sorted_certificates(answer)
    assert len(sorted_one) == len(answer)
    seal = (bag / "custody" / "seal.json.sig").read_bytes()
    assert results(checker(authority)(seal, [("a", answer, "")])) == [("a", "proven")]


def test_renewed_before_the_certificate_ends(bag, authority, people):
    """A token whose certificate is over today counts if a later token covers it that was made in time."""
    now = datetime.now(UTC)
    end = (now + timedelta(days=1)).strftime("%Y%m%d%H%M%SZ")
    authority.signer("brief", "20200101000000Z", end)
    with serving(lambda body: authority.answer(body, "brief")) as url:
        stamp(bag, url)
    with serving(authority.answer) as url:
        done = stamp(bag, url, renew=True, key=people.keys["anna"])
    first = (bag / "custody" / "seal.tsr").read_bytes()
    assert done.over == hashlib.sha256(first).hexdigest()
    seal = read_seal(bag).signature
    check = token_checker(authority.root.read_bytes(), at=now + timedelta(days=2))
    renewed = [("seal.tsr", first, ""), ("token", _token(bag), done.over)]
    assert results(check(seal, renewed)) == [("seal.tsr", "proven"), ("token", "proven")]
    assert results(check(seal, renewed[:1])) == [("seal.tsr", "untrusted")]
    assert results(check(seal, renewed[1:])) == [("token", "untrusted")]
    assert judged(bag, trust=people.trust).code == "VALID"


def _token(bag):
    import base64

    (one,) = (one for one in read_statements(bag).statements if one.kind == "token")
    return base64.b64decode(one.text("token"))


def test_renewal_needs_a_token_and_a_key(bag, people):
    with pytest.raises(UsageError, match="a key signs"):
        stamp(bag, "http://127.0.0.1:9/", renew=True)
    with pytest.raises(InputError, match="no time token"):
        stamp(bag, "http://127.0.0.1:9/", renew=True, key=people.keys["anna"])


def test_merge_takes_sound_tokens(bag, authority, people, tmp_path):
    other = copy_of(bag, tmp_path / "other")
    for place in (bag, other):
        stamp(place, response=authority.answer(make_query(place)))
    (other / "custody" / "odd.tsr").write_bytes(authority.answer(make_request(b"another")))
    done = merge(bag, [other])
    assert done.tokens == ["custody/seal-2.tsr"] and len(done.left_out) == 1
    assert judged(bag, trust=people.trust).code == "VALID"


def test_roots_that_are_none(tmp_path, bag, capsys):
    for text in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(ConfigError):
            token_checker(text)
    assert run(capsys, "custody", bag, "--tsa", tmp_path / "none.pem")[0] == 78


@pytest.fixture(scope="module")
def sample(authority, original):
    data = read_seal(original.path).signature
    return data, authority.answer(make_request(data)), checker(authority)


@given(at=st.integers(0, 10**6), value=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_token_never_raises_and_never_moves_the_time(sample, at, value, cut):
    data, token, check = sample
    t = read_token(token).t
    damaged = bytearray(token)
    damaged[at % len(token)] ^= value
    whole = bytes(damaged[: at % len(token)] if cut else damaged)
    ((_, result, detail),) = check(data, [("a", whole, "")])
    assert result in ("invalid", "untrusted") or detail == t
    with suppress(SealbagError):
        check_answer(whole, data)


@given(st.binary(max_size=80))
def test_any_bytes_as_der(data):
    try:
        found = list(elements(data, 0, len(data)))
    except ValueError:
        return
    assert not found or found[-1][3] == len(data)
    assert all(start < content <= behind for _, start, content, behind in found)
