"""What one run of parsing saw, did and could not do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from forensics.model.event import Receipt
from forensics.processing.plugins import Loaded


@dataclass(slots=True)
class Completeness:
    """What one run of processing saw, did and could not do.

    :param unclaimed: contents that no parser knows; *unread* could not be read.
    :param skipped: results that were there already.
    """

    receipts: list[tuple[Receipt, str]] = field(default_factory=list)
    unclaimed: int = 0
    unread: list[tuple[str, str]] = field(default_factory=list)
    skipped: int = 0
    #: by plug-in, the first error that it raised when it was asked what it claims, and how often
    no_claims: dict[str, tuple[str, int]] = field(default_factory=dict)

    def claim_failed(self, parser: Loaded, error: Exception) -> None:
        """Put down a parser that raised when it was asked."""
        first, count = self.no_claims.get(parser.id, (f"{type(error).__name__}: {error}"[:200], 0))
        self.no_claims[parser.id] = first, count + 1

    def by_plugin(self) -> dict[str, dict[str, Any]]:
        """The results by plug-in: artefacts by status, events by state."""
        table: dict[str, dict[str, Counter[str]]] = {}
        for receipt, _ in self.receipts:
            row = table.setdefault(receipt.plugin, {"artefacts": Counter(), "events": Counter()})
            row["artefacts"][receipt.status] += 1
            for name in ("live", "recovered", "corrupt"):
                count = receipt.counts.get(name, 0)
                row["events"][name] += count if isinstance(count, int) else 0
        return {plugin: {name: dict(counts) for name, counts in row.items()} for plugin, row in sorted(table.items())}
