"""docs/verify.html in a real browser agrees with forensics.verifier, and with published vectors of its own crypto."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / room) for room in ("reporting", "verifier")]

from builder import EXAMINER, OTHER, RUN, Bag, sha, small  # noqa: E402
from page_driver import PAGE, Page  # noqa: E402
from test_verifier_lines import BAD, CHANGES  # noqa: E402

from forensics import Bag as SealedBag  # noqa: E402
from forensics import Key  # noqa: E402
from forensics.verifier import NotABag, Verdict, verify  # noqa: E402

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.skipif(os.name != "posix", reason="not shown: needs posix")]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with Page() as made:
        yield made


def first(verdict: Verdict) -> dict[str, Any] | None:
    return verdict.first and {"path": verdict.first.path, "seq": verdict.first.seq}


def agree(page: Page, root: Path, **anchors: Any) -> dict[str, Any]:
    """Both verifiers on one bag: the same verdict, exit and first place; the digest where they made the same checks."""
    told = page.bag(root, **anchors)
    try:
        verdict = verify(root, **anchors)
    except NotABag:
        assert (told["verdict"], told["exit"]) == (None, 65)
        return told
    assert (told["verdict"], told["exit"]) == (verdict.code, verdict.exit), (told["why"], verdict.first)
    assert told["verdicts"] == list(verdict.verdicts)
    assert told["first"] == first(verdict)
    assert (told["lines"], told["anchor"]) == (verdict.lines, list(verdict.anchor))
    if told["checks"] == [[check.name, check.result] for check in verdict.checks]:
        assert told["verdict_sha256"] == verdict.sha256
    return told


def test_a_sound_bag(page: Page, tmp_path: Path) -> None:
    bag, digest = small(tmp_path / "bag")
    for anchors in (
        {"signer": EXAMINER.fingerprint},
        {"seal": digest},
        {},
        {"signer": OTHER.fingerprint},
        {"seal": "0" * 64},
    ):
        agree(page, bag.root, **anchors)
    told = agree(page, bag.root, signer=EXAMINER.fingerprint)
    assert told["verdict"] == "VALID" and told["not_checked"] == ["time-tokens", "other-signatures"]


def test_the_verdict_digest_is_that_of_section_10(page: Page, tmp_path: Path) -> None:
    bag, digest = small(tmp_path / "b\u00e4g")
    (bag.root / "custody/\u00e9\U0001f600").write_bytes(b"")
    told = page.bag(bag.root, seal=digest)
    keys = ("anchor", "bag", "checks", "first", "lines", "not_checked", "root", "seal_sha256", "verdict")
    body = {"schema": "sealbag/verdict/1", **{key: told[key] for key in keys}}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    assert told["verdict_sha256"] == sha(text.encode()) and told["verdict"] == "INVALID"
    assert len(told["checks"]) == 22 and told["first"]["path"] == "custody/\\xC3\\xA9\\xF0\\x9F\\x98\\x80"


@pytest.mark.parametrize("name", ["trust", "checkpoint"])
def test_anchor_files(page: Page, tmp_path: Path, name: str) -> None:
    bag, _ = small(tmp_path / "bag")
    files = {
        "trust": (OTHER.allowed("bob") + EXAMINER.allowed("anna", 'namespaces="sealbag-*"')).encode(),
        "checkpoint": bag.checkpoint(8, by=RUN),
    }
    (bag.root / "custody/checkpoints/000000000008.note").unlink()
    (tmp_path / "good").write_bytes(files[name])
    assert agree(page, bag.root, **{name: tmp_path / "good"})["verdict"] == "VALID"
    wrong = OTHER.allowed().encode() if name == "trust" else RUN.note("ab" * 16, 3, bytes(32))
    (tmp_path / "wrong").write_bytes(wrong)
    assert agree(page, bag.root, **{name: tmp_path / "wrong"})["verdict"] != "VALID"
    (tmp_path / "bad").write_bytes(b"\xff")
    assert page.bag(bag.root, **{name: tmp_path / "bad"})["exit"] == 78


def test_lies_well_signed(page: Page, tmp_path: Path) -> None:
    for change in CHANGES:
        bag = Bag(tmp_path / change.__name__)
        change(bag)
        bag.finish()
        assert agree(page, bag.root, signer=EXAMINER.fingerprint)["verdict"] == "INVALID", change.__name__


def test_bad_lines(page: Page, tmp_path: Path) -> None:
    for number, (name, line) in enumerate(BAD.items()):
        bag = Bag(tmp_path / str(number))
        bag.raw(line)
        bag.finish()
        told = page.bag(bag.root, signer=EXAMINER.fingerprint)
        assert (told["verdict"], told["first"]) == ("INVALID", {"path": "", "seq": 1}), name


def test_every_file_changed(page: Page, tmp_path: Path) -> None:
    bag, _ = small(tmp_path / "bag")
    unchecked = {"custody/one.tsr", "custody/seal.json.mldsa44.sig"}
    for path in sorted(p for p in bag.root.rglob("*") if p.is_file()):
        name, old = path.relative_to(bag.root).as_posix(), path.read_bytes()
        for new in (bytes([old[0] ^ 1]) + old[1:] if old else b"x", old + b"x", None):
            path.unlink()
            if new is not None:
                path.write_bytes(new)
            told = agree(page, bag.root, signer=EXAMINER.fingerprint)
            assert (told["verdict"] == "VALID") is (name in unchecked), (name, new)
        path.write_bytes(old)
    assert agree(page, bag.root, signer=EXAMINER.fingerprint)["verdict"] == "VALID"


def test_files_added(page: Page, tmp_path: Path) -> None:
    bag, _ = small(tmp_path / "bag")
    for folder in (bag.root, *(p for p in bag.root.rglob("*") if p.is_dir())):
        for name, verdict in (("added", "INVALID"), (".DS_Store", "")):
            (folder / name).write_bytes(b"x")
            told = agree(page, bag.root, signer=EXAMINER.fingerprint)
            in_data = folder.relative_to(bag.root).as_posix().startswith("data")
            assert told["verdict"] == (verdict or ("INVALID" if in_data else "VALID")), folder
            (folder / name).unlink()


def test_an_empty_folder_is_seen_when_it_is_dropped(page: Page, tmp_path: Path) -> None:
    bag, _ = small(tmp_path / "bag")
    assert page.dropped(bag.root, signer=EXAMINER.fingerprint)["verdict"] == "VALID"
    (bag.root / "data/objects/00").mkdir()
    told = page.dropped(bag.root, signer=EXAMINER.fingerprint)
    assert (told["verdict"], told["first"]) == ("INVALID", {"path": "data/objects/00", "seq": None})


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "data//x", "a\\b", "C:x"])
def test_paths_that_lead_outside(page: Page, tmp_path: Path, name: str) -> None:
    bag, _ = small(tmp_path / "bag")
    path = bag.root / "manifest-sha256.txt"
    path.write_bytes(path.read_bytes() + f"{sha(b'')}  {name}\n".encode())
    told = agree(page, bag.root, signer=EXAMINER.fingerprint)
    assert told["verdicts"][:2] == ["UNSAFE", "INVALID"]


def test_unsealed_and_from_the_future(page: Page, tmp_path: Path) -> None:
    bag = Bag(tmp_path / "unsealed")
    bag.artefact(b"one")
    bag.checkpoint()
    bag.store(b"not acknowledged")
    bag.flush()
    with (bag.root / "custody/ledger.jsonl").open("ab") as ledger:
        ledger.write(b'{"seq":2,"ki')
    told = agree(page, bag.root)
    assert told["verdicts"] == ["INCOMPLETE", "UNTRUSTED"]
    assert "ledger: torn tail of 12 bytes, not part of the ledger" in told["notes"]
    future = Bag(tmp_path / "future", format="sealbag/2.0", something={"new": [[1.5]]})
    future.finish()
    told = agree(page, future.root, signer=EXAMINER.fingerprint)
    assert told["exit"] == 3 and {result for _, result in told["checks"]} == {"not-checked"}


def test_a_bag_that_sealbag_collected(page: Page, sealed: SealedBag, examiner: Key) -> None:
    told = agree(page, sealed.path, signer=examiner.fingerprint)
    assert told["verdict"] == "VALID" and told["lines"] > 10
    assert agree(page, sealed.path, seal=sealed.seal_sha256)["verdict"] == "VALID"
    assert agree(page, sealed.path)["verdict"] == "UNTRUSTED"


REFUSED = {"low_order_A", "non_canonical_A", "non_canonical_R", "low_order_residue"}


def test_ed25519_of_the_page_on_published_vectors(page: Page, shared_data: Path) -> None:
    """All of wycheproof, and of CCTV every vector: refused are exactly those that section 7 refuses."""
    folder = shared_data / "vectors/ed25519"
    cases: list[tuple[str, str, str, bool]] = []
    for group in json.loads((folder / "wycheproof.json").read_text())["testGroups"]:
        cases += [(group["publicKey"]["pk"], c["msg"], c["sig"], c["result"] == "valid") for c in group["tests"]]
    for vector in json.loads((folder / "cctv.json").read_text()):
        good = not set(vector["flags"] or ()) & REFUSED
        cases.append((vector["key"], vector["msg"].encode().hex(), vector["sig"], good))
    bytes_of = "const u = (h) => Uint8Array.from(h.match(/../g) || [], (x) => parseInt(x, 16));"
    loop = "for (const [k, m, s] of cases) out.push(await sealbagParts.ed25519(u(k), u(m), u(s)));"
    texts = json.dumps([case[:3] for case in cases])
    code = f"(async () => {{ {bytes_of} const cases = {texts}, out = []; {loop} return out; }})()"
    assert page.code(code) == [case[3] for case in cases] and len(cases) == 1065


def test_sha256_of_the_page(page: Page) -> None:
    """Every length around the block edges, fed in uneven pieces, against hashlib."""
    feed = "for (let i = 0; i < n; i += step) h.update(data.subarray(i, Math.min(n, i + step)))"
    code = "const out = []; for (let n = 0; n < 300; n++) for (const step of [1, 63, 64, 65, 1000]) "
    code += "{ const data = Uint8Array.from({length: n}, (_, i) => i * 7), h = new sealbagParts.Sha256(); "
    code += feed + "; out.push(sealbagParts.hex(h.digest())); } return out;"
    wanted = [sha(bytes(i * 7 % 256 for i in range(n))) for n in range(300) for _ in range(5)]
    assert page.code(f"(() => {{ {code} }})()") == wanted


def test_the_page_forbids_itself_everything(page: Page) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in ("script", "style"):
        body = text.split(f"<{name}>", 1)[1].split(f"</{name}>", 1)[0]
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in text, f"{name}-src must name sha256-{digest}"
    assert "default-src 'none'" in text
    for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "fetch(", "XMLHttp", "import("):
        assert word not in text.split("<body>")[1], word
    before = len(page.browser.complaints())
    assert page.code("fetch('https://127.0.0.1/').then(() => 'open', () => 'refused')") == "refused"
    said = page.browser.complaints()[before:]
    assert said and len(said) <= 2 and "Content Security Policy" in json.dumps(said)
    assert [url for url in page.browser.requests() if not url.startswith(("file:", "https://127.0.0.1"))] == []


def test_a_persons_way_through_the_page(tmp_path: Path) -> None:
    """Folder, fingerprint, button: the verdict first, in both themes, on desk and telephone; hostile names are text."""
    bag, _ = small(tmp_path / "bag")
    (bag.root / "<img src=x onerror=alert(1)>\u202e").write_bytes(b"")
    with Page() as page:
        page.put("folder", bag.root)
        page.browser.until("!document.getElementById('check').disabled")
        page.code(f"document.getElementById('signer').value = '{EXAMINER.fingerprint}'")
        page.code("document.getElementById('check').click()")
        page.browser.until("window.sealbagResult")
        text = page.code("document.querySelector('main').innerText")
        assert text.startswith("verdict: INVALID") and "<img src=x onerror=alert(1)>\\u{202E}" in text
        assert "\u202e" not in text and page.code("document.images.length") == 0
        for width, theme in ((1280, "light"), (390, "dark")):
            page.browser.size(width, 900, mobile=width < 500)
            page.browser.theme(theme)
            assert page.code("document.documentElement.scrollWidth") <= width
        assert page.browser.complaints() == []


def test_the_runner_answers_section_17(tmp_path: Path) -> None:
    bag, digest = small(tmp_path / "bag")
    (tmp_path / "age").write_bytes(b"age-encryption.org/v1\n-> X25519 x\n")
    requests = [
        {"id": "a", "kind": "bag", "path": str(bag.root), "anchors": {"seal": digest}, "identity": None},
        {"id": "b", "kind": "transport", "path": str(tmp_path / "age"), "anchors": {}, "identity": None},
        {"id": "c", "kind": "bag", "path": str(bag.root), "anchors": {}},
    ]
    runner = str(Path(__file__).with_name("runner.py"))
    done = subprocess.run(
        [sys.executable, runner], input="\n".join(map(json.dumps, requests)), capture_output=True, text=True, check=True
    )
    a, b, c = map(json.loads, done.stdout.splitlines())
    assert (a["id"], a["verdict"], a["exit"], a["first"]) == ("a", "VALID", 0, None)
    assert a["not_checked"] == ["time-tokens", "other-signatures"] and "removed-after-store" in a["notes"]
    assert b == {"id": "b", "unsupported": ["age"]}
    assert (c["verdict"], c["exit"], c["first"]) == ("UNTRUSTED", 3, {"path": "", "seq": None})
