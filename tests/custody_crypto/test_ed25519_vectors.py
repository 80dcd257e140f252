"""Which Ed25519 signatures hold: other people's vectors, each by the one rule we state."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from forensics.custody import ed25519_openssh as openssh

DATA = Path(os.environ.get("SEALBAG_DATA") or Path(__file__).parents[2] / "../shared/data") / "vectors/ed25519"


def vectors(name: str) -> Any:
    if not (DATA / name).is_file():
        pytest.skip(f"not shown: needs {DATA / name} (set SEALBAG_DATA)")
    return json.loads((DATA / name).read_bytes())


def test_wycheproof() -> None:
    seen = {True: 0, False: 0}
    for group in vectors("wycheproof.json")["testGroups"]:
        public = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            holds = openssh.verify_raw(public, bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]))
            assert holds is (case["result"] == "valid"), case
            seen[holds] += 1
    assert seen == {True: 88, False: 63}


def test_cctv_edge_cases_by_our_rule() -> None:
    """Sound key, canonical R, the equation without the cofactor: nothing else holds, all of that does."""
    harmless = {"low_order_R", "low_order_component_R", "low_order_component_A"}
    seen = {True: 0, False: 0}
    for case in vectors("cctv.json"):
        holds = openssh.verify_raw(bytes.fromhex(case["key"]), bytes.fromhex(case["sig"]), case["msg"].encode())
        assert holds is (set(case["flags"] or ()) <= harmless), case
        seen[holds] += 1
    assert seen[True] >= 80 and seen[False] >= 800, seen


@pytest.mark.parametrize("number", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18, 2**255 - 1, 1 + 2**255])
def test_a_key_for_which_anybody_could_sign_is_refused(number: int) -> None:
    raw = number.to_bytes(32, "little")
    assert not openssh.is_sound(raw)
    with pytest.raises(openssh.WireError, match="anybody"):
        openssh.raw_from_blob(openssh.public_blob(raw))


def test_the_small_orders_are_all_there() -> None:
    """Doubling the point of order 8 must give one of order 4, whose y is 0."""
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p
    y = next(value for value in openssh._SMALL_ORDER if value not in (0, 1, p - 1))
    xx = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
    # doubling: the new y is (y^2 + x^2) / (1 - d x^2 y^2)
    assert (y * y + xx) % p == 0 and p - y in openssh._SMALL_ORDER and len(openssh._SMALL_ORDER) == 5
