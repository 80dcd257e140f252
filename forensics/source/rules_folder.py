"""Where the rules that ship with sealbag lie: of use to parsers too, so it stands below them."""

from __future__ import annotations

import importlib.resources
from pathlib import Path


def rules_folder() -> Path:
    """Return the folder ``rules``: of the installed package ``forensics.rules``, else of the checkout.

    :raises FileNotFoundError: if neither is there; the installation is broken then.
    """
    checkout = Path(__file__).resolve().parents[2] / "rules"
    try:
        packaged = Path(str(importlib.resources.files("forensics.rules")))
    except ModuleNotFoundError:  # an editable install that knows no mapped package
        packaged = checkout
    for folder in (packaged, checkout):
        if (folder / "yara").is_dir():
            return folder
    raise FileNotFoundError(f"no rules beside the program: {packaged}, {checkout}")
