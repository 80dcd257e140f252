"""All vectors, in one place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import vector_bag
from vector_index import Vector, register

FOLDER = Path(__file__).resolve().parents[2] / "vectors"
MODULES = ("tamper", "lines", "keys", "tickets", "trust", "unsealed", "unsafe", "valid", "after")


def vectors() -> Iterator[Vector]:
    """Each vector made anew, in the order of the modules."""
    for name in MODULES:
        __import__(f"vector_cases_{name}")
    yield from register.made()


def covered() -> dict[str, bytes]:
    """What the tokens in fixed/ are over: the signatures of the seals."""
    import vector_cases_trust as trust

    plain = vector_bag.small()
    plain.finish()
    signature, late = plain["custody/seal.json.sig"], trust.late()["custody/seal.json.sig"]
    return {"good": signature, "brief": signature, "elsewhere": signature, "rollback": late}


def index_text(made: Iterable[Vector]) -> str:
    """index.json, a vector a line."""
    return "[\n" + ",\n".join(json.dumps(one.entry()) for one in made) + "\n]\n"
