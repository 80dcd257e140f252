"""The verifier with time tokens and revoked keys: what raises a verdict, what lowers it, what is a note."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from after_kit import Authority, copy_of, judged, make_bag, make_people
from testkit import check_needs

from forensics.cli.main import main
from forensics.custody.timestamps import make_request, token_checker
from forensics.transfer.handover import state
from forensics.transfer.stamp import make_query, stamp


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return make_people(tmp_path_factory.mktemp("people"), "anna", "bert")


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


@pytest.fixture
def check(authority):
    return token_checker(authority.root.read_bytes())


def put(bag, token):
    (bag / "custody" / "seal.tsr").write_bytes(token)


def test_without_roots_not_checked_with_them_proven(bag, people, authority, check):
    stamp(bag, response=authority.answer(make_query(bag)))
    bare = judged(bag, trust=people.trust)
    assert bare.code == "VALID" and any(text.startswith("time-tokens") for text in bare.not_checked)
    sound = judged(bag, trust=people.trust, times=check)
    assert sound.code == "VALID" and not any(text.startswith("time-tokens") for text in sound.not_checked)


def test_over_another_digest(bag, people, authority, check):
    put(bag, authority.answer(make_request(b"another seal")))
    verdict = judged(bag, trust=people.trust, times=check)
    assert (verdict.code, verdict.first.path) == ("INVALID", "custody/seal.tsr")


def test_of_an_unknown_or_expired_authority(bag, people, authority, check):
    authority.signer("ended", "20200101000000Z", "20210101000000Z")
    put(bag, authority.answer(make_query(bag), "ended"))
    assert judged(bag, trust=people.trust, times=check).code == "UNTRUSTED"


def test_expired_later_and_renewed_before(bag, people, authority):
    now = datetime.now(UTC)
    authority.signer("brief", "20200101000000Z", (now + timedelta(days=1)).strftime("%Y%m%d%H%M%SZ"))
    later = token_checker(authority.root.read_bytes(), at=now + timedelta(days=2))
    stamp(bag, response=authority.answer(make_query(bag), "brief"))
    assert judged(bag, trust=people.trust, times=later).code == "UNTRUSTED"
    query = make_query(bag, renew=True)
    stamp(bag, response=authority.answer(query), request=query, renew=True, key=people.keys["anna"])
    assert judged(bag, trust=people.trust, times=later).code == "VALID"


def test_earlier_than_the_seal_says(original, people, authority, check, tmp_path, monkeypatch):
    """The host's clock went ahead: the token is earlier than the seal's t, which is a note."""
    ahead = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
    monkeypatch.setattr("forensics.custody.seal.now", lambda: ahead)
    bag = make_bag(tmp_path / "ahead", people.keys["anna"]).path
    stamp(bag, response=authority.answer(make_query(bag)))
    verdict = judged(bag, trust=people.trust, times=check)
    assert verdict.code == "VALID" and any(text.startswith("clock") for text in verdict.notes)


def test_a_revoked_key_with_and_without_an_earlier_token(bag, people, authority, check, tmp_path):
    revoked = tmp_path / "revoked"
    since = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
    revoked.write_text(f"{people.keys['anna'].fingerprint} since={since}\n")
    assert judged(bag, trust=people.trust, revoked=revoked).code == "UNTRUSTED"
    stamp(bag, response=authority.answer(make_query(bag)))
    assert judged(bag, trust=people.trust, revoked=revoked).code == "UNTRUSTED"  # the token is not checked
    verdict = judged(bag, trust=people.trust, revoked=revoked, times=check)
    assert verdict.code == "VALID" and any(text.startswith("revocation") for text in verdict.notes)
    revoked.write_text(f"{people.keys['anna'].fingerprint}\n")  # since ever
    assert judged(bag, trust=people.trust, revoked=revoked, times=check).code == "UNTRUSTED"


def test_revoked_by_a_statement_that_somebody_vouches_for(bag, people, tmp_path):
    fields = {"since": "2026-01-01T00:00:00.000000000Z", "reason": "stolen"}
    state(bag, "revoke", fields | {"revokes": people.keys["anna"].fingerprint}, people.keys["bert"])
    only_anna = tmp_path / "only"
    only_anna.write_text(people.trust.read_text().splitlines(True)[0])
    assert judged(bag, trust=only_anna).code == "VALID"
    assert judged(bag, trust=people.trust).code == "UNTRUSTED"


def test_the_command_takes_roots(bag, people, authority, capsys):
    stamp(bag, response=authority.answer(make_query(bag)))
    assert main(["verify", str(bag), "--trust", str(people.trust), "--tsa", str(authority.root)]) == 0
    assert "not checked: time-tokens" not in capsys.readouterr().out
