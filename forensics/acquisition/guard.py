"""The output never lies in what is collected."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from forensics.errors import OutputInsideSource
from forensics.model import EvidenceSource


def refuse_inside(out: Path, sources: Iterable[EvidenceSource]) -> None:
    """Refuse an output inside a directory source, or in place of an image.

    :raises OutputInsideSource: before anything is written.
    """
    place = Path(os.path.realpath(out))
    for source in sources:
        if source.kind == "live":
            continue  # there the output folder is left out of the walk, by device and inode
        root = Path(os.path.realpath(source.uri.removeprefix("image:")))
        if place == root or (source.kind == "directory" and place.is_relative_to(root)):
            raise OutputInsideSource(f"the output lies inside the source {source.uri}", where=str(out))


def exclude_output(source: EvidenceSource, bag: Path) -> None:
    """Leave the bag's folder out of a live source's walk, by device and inode."""
    exclude = getattr(source, "exclude_tree", None)
    if exclude is not None:
        status = os.stat(bag)
        exclude(status.st_dev, status.st_ino)
