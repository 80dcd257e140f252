"""hashdeep's list of known files (HASHDEEP-1.0): the contents as they lie in the bag.

``cd BAG && hashdeep -c sha256 -a -k LIST -r -l data/objects data/images`` audits them. Source of the format:
hashdeep(1) and its file header.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from forensics.model.exporter import BagFacts


class HashdeepExporter:
    """One row a stored content, named by its path in the bag, which is ASCII without commas."""

    id = "hashdeep"
    version = "1"
    suffix = ".hashdeep"

    def export(self, facts: BagFacts, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
        """As :class:`forensics.model.exporter.Exporter`: each content once; what has none is counted at the end."""
        head = f"## contents of bag {facts.open['bag']}, seal digest {facts.seal_sha256 or 'none: not sealed'}"
        yield f"%%%% HASHDEEP-1.0\n%%%% size,sha256,filename\n{head}\n## paths are those in the bag\n##\n".encode()
        seen: set[bytes] = set()
        without = removed = 0
        for row in rows:
            if "sha256" not in row or row["sha256"] is None:
                without += 1
            elif "removed-after-store" in row["flags"]:
                removed += 1
            else:
                for path, size, digest in _contents(row):
                    key = bytes.fromhex(digest) + path[:12].encode()
                    if key not in seen:
                        seen.add(key)
                        yield f"{size},{digest},{path}\n".encode()
        # hashdeep ignores lines that begin with #
        yield f"## {without} artefacts have no content, of {removed} it was removed after it was stored\n".encode()


def _contents(row: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    """(bag path, size in bytes, SHA-256) of the files that hold a row's content."""
    if "stored" in row:
        yield row["stored"], row["size"], row["sha256"]
        return
    parts = list(zip(row.get("parts") or [row["sha256"]], row.get("part_sizes") or [row["size"]], strict=False))
    for digest, size in parts:
        yield f"data/objects/{digest[:2]}/{digest}", size, digest
