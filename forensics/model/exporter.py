"""The seam of exporters: a bag's artefacts as another tool's file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class BagFacts:
    """What an exporter is told of the bag, from its ledger and seal.

    :param open: the fields of the ``open`` line.
    :param close: those of the last ``close`` line, empty if there is none.
    :param sources: those of the ``source`` lines of sources (without ``volume``).
    :param volumes: those of the ``source`` lines of volumes, the last of each.
    :param seal: the fields of seal.json, empty if the bag is not sealed.
    :param seal_sha256: the seal digest, "" if the bag is not sealed.
    """

    open: Mapping[str, Any]
    close: Mapping[str, Any]
    sources: tuple[Mapping[str, Any], ...]
    volumes: tuple[Mapping[str, Any], ...]
    seal: Mapping[str, Any]
    seal_sha256: str


class Exporter(Protocol):
    """An entry of the group ``forensics.exporters``. An export is a view: it is not evidence.

    :ivar suffix: of the file's name, with its dot.
    """

    id: str
    version: str
    suffix: str

    def export(self, facts: BagFacts, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
        """Yield the file in pieces; *rows* are artefacts as ``sealbag ls --json`` has them, with their line's ``t``.

        Names in rows are displays (docs/format.md §2): printable, but of the attacker's choosing.
        """
