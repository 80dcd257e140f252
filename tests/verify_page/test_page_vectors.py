"""The second verifier on the published vectors, in headless Chromium: it agrees with what they say.

It is put to them as any other program is, by the runner of docs/format.md section 17. Transports reach a browser
decrypted and decompressed: the tools `age` and `zstd` do that here.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from page_driver import Page
from testkit import ROOT, check_needs

RUNNER = [sys.executable, str(ROOT / "tests/vectors/runner.py"), "--quiet"]
LACKS = "tsa,krl,links,names,age,zstd"


def test_every_vector_that_a_browser_can_judge() -> None:
    check_needs("chromium")
    page = f"{sys.executable} {ROOT / 'tests/verify_page/runner.py'}"
    done = subprocess.run([*RUNNER, "--verifier", page, "--lacks", LACKS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"(\d+) agrees", done.stdout)
    assert found is not None
    assert int(found[1]) >= 200
    assert "differs" not in done.stdout


def transports(folder: Path) -> list[tuple[dict[str, object], Path]]:
    """Transport vectors whose stream decrypts and decompresses whole, with their tar."""
    found = []
    for vector in json.loads((ROOT / "vectors/index.json").read_text(encoding="utf-8")):
        if vector["kind"] != "transport":
            continue
        place = folder / vector["id"]
        place.mkdir()
        packed = ROOT / "vectors" / vector["archive"]
        subprocess.run(["tar", "-xzf", packed, "-C", place, "--strip-components=1"], check=True)
        tar = place / "stream.tar"
        identity = place / str(vector.get("identity") or "identity.txt")
        plain = subprocess.run(["age", "-d", "-i", identity, place / vector["path"]], capture_output=True, check=False)
        if plain.returncode == 0:
            out = subprocess.run(["zstd", "-dcq"], input=plain.stdout, capture_output=True, check=False)
            tar.write_bytes(out.stdout)
            if out.returncode == 0:
                found.append((vector, tar))
    return found


def test_every_transport_that_decrypts(tmp_path: Path) -> None:
    check_needs("chromium", "age", "zstd", "tar")
    asked = transports(tmp_path)
    assert len(asked) >= 40
    differs = []
    with Page() as page:
        for vector, tar in asked:
            anchors = {name: value for name, value in dict(vector["anchors"]).items() if name in ("signer", "seal")}
            assert len(anchors) == len(dict(vector["anchors"]))
            got = page.file(tar, "transport", **anchors)
            # of a stream as a whole there is no place: null, or one without seq and path
            place = got.get("first") if got.get("first") != {"path": "", "seq": None} else None
            if (got["verdict"], got["exit"], place) != (vector["verdict"], vector["exit"], vector["first"]):
                differs.append((vector["id"], vector["verdict"], vector["first"], got["verdict"], place))
    assert not differs
