"""The chain of custody for people: as text, JSON, a page to print, and in the report."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from after_kit import Authority, copy_of, make_bag, make_people, run, serving
from jsonschema import Draft202012Validator
from testkit import check_needs

import forensics
from forensics.cli.main import main
from forensics.reporting.certificate import certificate_html
from forensics.transfer.stamp import make_query, stamp

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schema"
HOSTILE = "</style><script>alert(1)</script>\u202eevil\x1b[31m"


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return make_people(tmp_path_factory.mktemp("people"), "anna", "bert", "carl")


@pytest.fixture(scope="module")
def handed(tmp_path_factory, people):
    """A bag that was offered and accepted by the commands, with a hostile note of a stranger."""
    folder = tmp_path_factory.mktemp("handed")
    bag = make_bag(folder, people.keys["anna"]).path
    common = ["--quiet", "--key"]
    assert main(
        ["handover", "offer", str(bag), *common, people.key("anna"), "--to", people.pub("bert"),
         "--releaser", "Anna Jones",
         "--recipient-name", "Bert Smith", "--purpose", "analysis", "--place", "Site 14", "--method", "by hand",
         "--condition", "sealed box 4711"]
    ) == 0  # fmt: skip
    (offer,) = (one.sha256[:8] for one in forensics.statements(bag).statements)
    assert main(
        ["handover", "accept", str(bag), *common, people.key("bert"), "--offer", offer, "--by", "Bert Smith",
         "--place", "Lab 2", "--condition", "box unbroken", "--trust", str(people.trust)]
    ) == 0  # fmt: skip
    assert main(["statement", "note", str(bag), *common, people.key("carl"), "--text", HOSTILE]) == 0
    return bag


@pytest.fixture(scope="module")
def two(people, tmp_path_factory):
    """Trust for anna and bert: carl is a stranger."""
    path = tmp_path_factory.mktemp("two") / "allowed_signers"
    path.write_text("".join(line for line in people.trust.read_text().splitlines(True) if not line.startswith("carl")))
    return path


def check(name, row):
    Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text())).validate(row)


def test_the_whole_chain_as_json(handed, two, people, capsys):
    code, row = run(capsys, "custody", handed, "--trust", two)
    assert code == 0
    check("custody", row)
    events = [one["event"] for one in row["rows"]]
    assert [
        events.index(name) for name in ("opened", "run key changed", "collected", "sealed", "offer", "accept", "note")
    ]
    assert events[0] == "opened" and events[-3:] == ["offer", "accept", "note"]
    assert row["custodian"] == people.keys["bert"].fingerprint and row["custodian_name"] == "Bert Smith"
    by_event = {one["event"]: one for one in row["rows"]}
    assert by_event["accept"]["verdict"] == "VALID" and by_event["accept"]["condition"] == "box unbroken"
    assert by_event["offer"]["vouched"] == "anna@x" and by_event["note"]["vouched"] == ""
    assert any("change nothing" in text for text in row["noted"])


def test_nobody_vouches_and_it_says_so(handed, people, capsys):
    row = run(capsys, "custody", handed)[1]
    assert row["verdict"] == "UNTRUSTED" and not any(one["vouched"] for one in row["rows"])
    assert row["custodian"] == people.keys["anna"].fingerprint  # an accept that nobody vouches for changes nothing


def test_text_is_safe_and_names_what_matters(handed, two, capsys):
    capsys.readouterr()
    assert main(["custody", str(handed), "--trust", str(two)]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out and "\u202e" not in out and "\\u{1B}" in out
    for words in ("sealed box 4711", "Bert Smith", "Lab 2", "! nobody named vouches for this", "held by"):
        assert words in out


def test_open_offer_to_a_fingerprint(handed, people, two, tmp_path, capsys):
    bag = copy_of(handed, tmp_path / "bag")
    bert = people.keys["bert"].fingerprint
    assert (
        run(capsys, "handover", "offer", bag, "--key", people.key("bert"), "--to", people.keys["carl"].fingerprint)[0]
        == 0
    )
    unknown = "SHA256:" + "B" * 43
    assert run(capsys, "handover", "offer", bag, "--key", people.key("bert"), "--to", unknown)[0] == 64
    code, row = run(capsys, "handover", "offer", bag, "--key", people.key("anna"), "--to", bert)
    assert code == 0
    check("handover", row)
    (offer,) = [one["offer"] for one in row["state"]["handovers"] if one["offer"] == row["sha256"]]
    shown = run(capsys, "custody", bag, "--trust", two)[1]
    assert sum("has no answer" in text for text in shown["noted"]) == 2
    assert run(capsys, "handover", "accept", bag, "--key", people.key("bert"), "--offer", offer[:8])[0] == 65
    code, row = run(capsys, "handover", "refuse", bag, "--key", people.key("bert"), "--offer", offer, "--reason", "no")
    assert (code, row["verdict"]) == (0, "UNTRUSTED")
    check("handover", row)


def test_accepted_despite_a_verdict(handed, people, tmp_path, capsys):
    bag = copy_of(handed, tmp_path / "bag")
    offer = run(capsys, "handover", "offer", bag, "--key", people.key("anna"), "--to", people.pub("carl"))[1]["sha256"]
    code, row = run(
        capsys,
        "handover",
        "accept",
        bag,
        "--key",
        people.key("carl"),
        "--offer",
        offer,
        "--despite",
        "anchor to follow",
    )
    assert (code, row["verdict"], row["statement"]["despite"]) == (0, "UNTRUSTED", "anchor to follow")


def test_other_commands_print_what_their_schemas_say(handed, people, tmp_path, capsys):
    bag, other = copy_of(handed, tmp_path / "bag"), copy_of(handed, tmp_path / "other")
    check("statement", run(capsys, "statement", "hold", other, "--key", people.key("anna"), "--text", "t")[1])
    check("merge", run(capsys, "merge", bag, other)[1])
    check("stamp", run(capsys, "stamp", bag, "--request", tmp_path / "q")[1])


def test_unsealed_and_no_bag(tmp_path, people, capsys):
    assert run(capsys, "custody", tmp_path)[0] == 65
    assert run(capsys, "statement", "note", tmp_path, "--key", people.key("anna"), "--text", "t")[0] == 65


def test_certificate_is_inert_and_complete(handed, two, tmp_path, capsys):
    out = tmp_path / "certificate.html"
    assert run(capsys, "custody", handed, "--trust", two, "--certificate", out)[0] == 0
    page = out.read_text("utf-8")
    assert "<script" not in page and "\u202e" not in page and "&lt;script&gt;" in page
    assert page.count('class="blank"') == 10 and "▲ not vouched for" in page
    assert "Bert Smith" in page and "box unbroken" in page
    assert run(capsys, "custody", handed, "--certificate", handed / "c.html")[0] == 73


def test_certificate_printed(handed, two, tmp_path, capsys):
    check_needs("chromium", "pdftotext", "linux")
    out, pdf = tmp_path / "certificate.html", tmp_path / "certificate.pdf"
    run(capsys, "custody", handed, "--trust", two, "--certificate", out)
    subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
         "--no-pdf-header-footer", f"--print-to-pdf={pdf}", out.as_uri()],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    text = subprocess.run(["pdftotext", "-layout", pdf, "-"], check=True, capture_output=True, text=True).stdout
    for words in ("RECORD OF THE CHAIN OF CUSTODY", "Bert Smith", "4. Declaration", "Signature"):
        assert words in text


def test_a_record_beyond_the_page_is_said_to_be_cut(handed, two, capsys):
    row = run(capsys, "custody", handed, "--trust", two)[1]
    page = certificate_html(row | {"rows": row["rows"] * 1000})
    assert re.search(r"[0-9,]+ further entries are in the bag", page)


def test_tokens_in_the_chain(handed, two, tmp_path, capsys):
    check_needs("openssl")
    authority, bag = Authority(tmp_path / "ca").make(), copy_of(handed, tmp_path / "bag")
    stamp(bag, response=authority.answer(make_query(bag)))
    (token,) = (one for one in run(capsys, "custody", bag, "--trust", two)[1]["rows"] if one["event"] == "time token")
    assert token["verdict"] == "not checked" and not token["vouched"]
    row = run(capsys, "custody", bag, "--trust", two, "--tsa", authority.root)[1]
    (token,) = (one for one in row["rows"] if one["event"] == "time token")
    assert token["verdict"] == "proven" and "it existed at" in token["text"]


def test_a_token_at_the_end_of_a_collection(people, tmp_path, capsys):
    """A failure is stated and fails nothing; the bag is sealed before anybody is asked."""
    check_needs("openssl")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a").write_text("a")
    authority = Authority(tmp_path / "ca").make()
    words = ["collect", "--source", tmp_path / "source", "--profile", "full", "--key", people.key("anna"), "--tsa"]
    with serving(authority.answer) as url:
        code, row = run(capsys, *words, url, "--out", tmp_path / "one")
        check("collect", row)
        assert (code, row["time_token"]["state"], row["time_token"]["path"]) == (0, "stamped", "custody/seal.tsr")
        code, row = run(capsys, "triage", *words[1:], url, "--out", tmp_path / "three")
        check("triage", row)
        assert code == 0 and row["time_token"]["state"] == "stamped"
    code, row = run(capsys, *words, url, "--out", tmp_path / "two")  # nobody listens there any more
    check("collect", row)
    assert (code, row["time_token"]["state"], row["verdict"]) == (0, "failed", "VALID")
    assert run(capsys, *words, "ftp://x/", "--out", tmp_path / "four")[0] == 64 and not (tmp_path / "four").exists()
