"""Which files packages own, asked for a few paths at a time: dpkg's lists and apk's database.

Sources: dpkg-query(1), ``/var/lib/dpkg/info/*.list``; apk(8), ``/lib/apk/db/installed`` (F: and R: lines).
rpm's and pacman's databases are not read here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from forensics.answers.case import Case, Held

_LISTS = re.compile(r"^/(?:var/)?lib/dpkg/info/[^/]+\.list$")
_APK = re.compile(r"^/(?:usr/)?lib/apk/db/installed$")
_MERGED = re.compile(r"^/(?:usr/)?(bin|sbin|lib|lib32|lib64|libx32)/")
MAX_LIST = 64 << 20


def merged(path: str) -> str:
    """A path with /bin, /sbin and /lib as below /usr, where one is a link to the other."""
    return _MERGED.sub(r"/usr/\1/", path)


@dataclass(frozen=True, slots=True)
class Owned:
    """The answer for the paths that were asked for.

    :param known: a package database was read; without it nothing is said.
    """

    known: bool
    paths: frozenset[str] = frozenset()

    def missing(self, path: str) -> bool:
        """True if a database was read and no package owns *path*."""
        return self.known and merged(path) not in self.paths


def _names(held: Held, data: bytes) -> Iterator[str]:
    text = data.decode("utf-8", "surrogateescape")
    if not _APK.match(held.path):
        yield from text.split("\n")
        return
    folder = ""
    for line in text.split("\n"):
        if line.startswith("F:"):
            folder = line[2:]
        elif line.startswith("R:"):
            yield f"/{folder}/{line[2:]}"


def owned(case: Case, wanted: Collection[str]) -> Owned:
    """Say which of *wanted* (paths from ``/``) packages own. Memory grows with *wanted* alone."""
    asked = {merged(path) for path in wanted}
    # also as a list may name them: whole lists are then compared, not each of their names looked at
    names = asked.union(path[4:] for path in asked if _MERGED.match(path) and path.startswith("/usr/"))
    found: set[str] = set()
    lists = 0
    for held in case.artefacts():
        if not held.sha256 or not (_LISTS.match(held.path) or _APK.match(held.path)):
            continue
        data = case.read(held, MAX_LIST)
        if data is None:
            continue
        lists += 1
        found.update(map(merged, names.intersection(_names(held, data))))
    return Owned(lists > 0, frozenset(found))
