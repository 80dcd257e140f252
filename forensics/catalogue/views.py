"""What the seal adds for people: the catalogue as CSV, and the verifier itself."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from forensics.catalogue.table import write_csv
from forensics.custody.ledger import write_file


def verifier_source() -> bytes:
    """The bytes of verifier.py as installed: every bag gets them as verify.py."""
    return importlib.resources.files("forensics").joinpath("verifier.py").read_bytes()


def write_views(bag: Path) -> None:
    """Write ``verify.py`` and ``catalogue.csv`` into a bag whose ledger is frozen."""
    write_file(bag / "verify.py", verifier_source())
    write_csv(bag, bag / "catalogue.csv")
