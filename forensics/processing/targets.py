"""What rules are matched against: contents through their parser's texts, and row files of events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from forensics.model.event import Receipt, TextsParser
from forensics.processing.claiming import Claim
from forensics.processing.parts import Span, spans_of

#: parsers whose recovered events are matched too, if their templates are certain (class A)
RECOVERED = ("windows.evtx-residual", "windows.evtx-carved", "windows.evtx-hidden")


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to be matched.

    :param name: where it lay, as display.
    :param claim: of a content whose texts are matched; else *rows* is a partition with its *rows_sha256*.
    """

    sha256: str
    parser: str
    version: str
    name: str
    claim: Claim | None = None
    rows: Path | None = None
    rows_sha256: str = ""

    @property
    def identity(self) -> str:
        """A line of the digest over all targets: what is matched, as what."""
        return f"{self.sha256} {self.parser} {self.version} {self.rows_sha256}\n"

    def spans(self) -> list[Span]:
        """The parts in which it is matched."""
        return spans_of(self.claim.parser.obj, self.claim.content.size) if self.claim is not None else [(0, 0)]


def targets_of(claims: Iterable[Claim], results: Iterable[tuple[Receipt, Path]]) -> list[Target]:
    """The targets of a run.

    :param results: receipts of parsers with their row files.
    """
    return [*_texts(claims), *_recovered(results)]


def _texts(claims: Iterable[Claim]) -> Iterator[Target]:
    for claim in claims:
        if isinstance(claim.parser.obj, TextsParser):
            parser = claim.parser
            yield Target(claim.content.sha256, parser.id, str(parser.obj.version), claim.named.path, claim)


def _recovered(results: Iterable[tuple[Receipt, Path]]) -> Iterator[Target]:
    for receipt, path in results:
        if receipt.plugin in RECOVERED and receipt.stored:
            name = f"{receipt.plugin} {receipt.content[:12]}"
            yield Target(
                receipt.content, receipt.plugin, receipt.version, name, rows=path, rows_sha256=receipt.sha256
            )  # fmt: skip
