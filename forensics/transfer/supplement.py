"""A workspace's results as a sealed bag that adds to earlier ones (docs/format.md §3, ``supplements``)."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics.catalogue.views import write_views
from forensics.custody.bag import BagWriter
from forensics.custody.keys import Key
from forensics.custody.lines import read_lines
from forensics.custody.proving import read_whole
from forensics.custody.seal import seal
from forensics.errors import InputError, OutputInsideSource, OutputNotEmpty, StorageError
from forensics.model.display import display
from forensics.source.times import rfc3339
from forensics.transfer.disclose import whole_or_nothing
from forensics.transfer.disclose_write import read_into
from forensics.verifier import Verdict, verify
from forensics.version import __version__
from forensics.workspace.work import SCHEMA, BagRef, seal_digest

MAX_WORK = 16 << 20
#: bags that one workspace names; their digests stand in one line
MAX_BAGS = 4096
_HEX32, _HEX64 = re.compile("[0-9a-f]{32}"), re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Supplement:
    """A supplementary bag.

    :param supplements: the bags that it adds to, as the workspace names them.
    :param not_looked_at: paths of those that are no longer where the workspace says.
    :param files: artefacts stored; *skipped*: what is no regular file and was stated as such.
    """

    path: Path
    bag: str
    seal_sha256: str
    signer: str
    supplements: tuple[BagRef, ...]
    not_looked_at: tuple[str, ...]
    files: int
    skipped: int
    bytes: int
    verdict: Verdict


def seal_workspace(
    work: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    report: str | os.PathLike[str] | None = None,
    case: str | None = None,
    exhibit: str | None = None,
    examiner: str = "",
    key: Key | None = None,
    on_step: Callable[[str, int, int], None] | None = None,
) -> Supplement:
    """Seal what a workspace holds: events, findings, receipts, and a report, each an artefact under its own path.

    The workspace is only read. That the results are right is not shown by a seal: it shows that they are what
    this key's holder had when they sealed.

    :param report: a report's file, which lies outside the workspace.
    :param case, exhibit: None = those of the first bag that is where the workspace says.
    :raises InputError: if it is no workspace, names a bag that is not sealed, or another bag lies in a bag's place.
    :raises OutputRefused, StorageError: a bag that cannot be written whole is removed.
    """
    place, target = Path(work), Path(out)
    bags = bags_of(place)
    absent = tuple(ref.path for ref in bags if not _still_there(ref))
    _refuse(place, target)
    known = _about(bags, absent)
    about = {
        "case": known["case"] if case is None else case, "exhibit": known["exhibit"] if exhibit is None else exhibit,
        "examiner": examiner, "tool": "sealbag", "version": __version__,
        "actors": ["sealbag: program", *([f"{examiner}: examiner"] if examiner else [])],
        "supplements": sorted({ref.seal_sha256 for ref in bags}),
    }  # fmt: skip
    files = [*_files(place), *([(Path(report).name, Path(report))] if report is not None else [])]
    with whole_or_nothing(target):
        bag = BagWriter.create(target, about, key=key)
        try:
            bag.line("source", {"source": "s0", "uri": str(place), "source_kind": "workspace"})
            for ref in bags:
                text = "adds to this bag"
                bag.line("note", {"text": text, "supplements_bag": ref.id, "supplements_seal": ref.seal_sha256})
            skipped = 0
            for number, (name, file) in enumerate(files, 1):
                skipped += not _add(bag, name, file)
                if on_step is not None:
                    on_step("seal", number, len(files))
            sealed = seal(bag, write_views)
        finally:
            bag.release()
    verdict = verify(str(target), signer=sealed.signer, on_progress=on_step)
    if verdict.code != "VALID":
        raise StorageError(f"the sealed bag does not verify: {verdict.code}", where=f"{target}: {verdict.first}")
    return Supplement(
        target, bag.id, sealed.sha256, sealed.signer, tuple(bags), absent, len(files) - skipped, skipped, bag.bytes,
        verdict,
    )  # fmt: skip


def bags_of(work: Path) -> list[BagRef]:
    """Return the bags that a workspace names.

    :raises InputError: if it is no workspace, or one of them was not sealed when it was processed.
    """
    where = work / "work.json"
    try:
        row = json.loads(read_whole(where, MAX_WORK).decode("utf-8"))
        if not isinstance(row, dict) or row.get("schema") != SCHEMA or not isinstance(row.get("bags"), list):
            raise ValueError("another schema")
        bags = [BagRef(str(one["path"]), str(one["id"]), str(one["seal_sha256"])) for one in row["bags"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"no workspace ({error})", where=str(where)) from error
    for ref in bags:
        if not _HEX32.fullmatch(ref.id) or not _HEX64.fullmatch(ref.seal_sha256):
            hint = "Seal the bag, then process it again into this workspace."
            raise InputError("the workspace names a bag that was not sealed", where=ref.path, hint=hint)
    if not 0 < len(bags) <= MAX_BAGS:
        raise InputError(f"the workspace names {len(bags)} bags, not 1 to {MAX_BAGS}", where=str(where))
    return bags


def _still_there(ref: BagRef) -> bool:
    """:raises InputError: if another bag lies there."""
    found = seal_digest(Path(ref.path))
    if found and found != ref.seal_sha256:
        raise InputError("another bag lies where the workspace's was", where=ref.path)
    return bool(found)


def _about(bags: list[BagRef], absent: tuple[str, ...]) -> dict[str, str]:
    for ref in bags:
        if ref.path not in absent:
            for _, opening in read_lines(Path(ref.path)):
                return {name: str(opening.get(name, "")) for name in ("case", "exhibit")}
    return {"case": "", "exhibit": ""}


def _refuse(work: Path, target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputNotEmpty("the output is not a new or empty folder", where=str(target))
    place, inner = target.resolve(), work.resolve()
    if inner == place or inner in place.parents:
        raise OutputInsideSource("the output lies inside the workspace", where=str(target))
    if any((folder / "custody" / "ledger.jsonl").exists() for folder in place.parents):
        raise OutputInsideSource("the output lies inside a bag", where=str(target))


def _files(work: Path) -> Iterator[tuple[str, Path]]:
    """Yield (path in the workspace, file), sorted; what an unfinished process left is passed over."""
    for folder, folders, names in os.walk(work):
        here = Path(folder)
        top = here == work
        # a link to a folder stands among the folders and is not followed: it is stated as what it is
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in links and not (top and name == "tmp"))
        for name in sorted([*names, *links]):
            if not (name.startswith(".") and name.endswith(".new")):
                yield (here / name).relative_to(work).as_posix(), here / name


def _add(bag: BagWriter, name: str, file: Path) -> bool:
    """Add one file; False if it is no regular file, which is stated."""
    before = os.lstat(file)
    fields: dict[str, Any] = {
        "source": "s0", "path": display(os.fsencode(name)), "type": "produced", "method": "workspace",
        "m": rfc3339(before.st_mtime_ns),
    }  # fmt: skip
    if not stat.S_ISREG(before.st_mode):
        bag.add(fields | {"outcome": "not-regular"})
        return False
    sink = bag.store.sink()
    digest, size = read_into(file, sink)
    after = os.lstat(file)
    changed = (before.st_size, before.st_mtime_ns, before.st_ino) != (size, after.st_mtime_ns, after.st_ino)
    bag.add(fields | {"outcome": "complete", "sha256": digest, "size": size, "flags": ["changed"] * changed}, sink)
    return True
