"""Where the rule packs that ship with sealbag lie."""

from __future__ import annotations

from pathlib import Path

from forensics.source.rules_folder import rules_folder as rules_folder


def own_pack(kind: str) -> Path:
    """Return the pack of our own for a scanner (``yara``).

    :raises FileNotFoundError: as :func:`rules_folder`.
    """
    return rules_folder() / kind
