"""The SQLite view of bags: always rebuildable, never evidence.

Written beside its place and renamed, so that a reader sees the old view or the new one whole.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from forensics.catalogue.reader import Line, Survey, is_gap, standing, survey
from forensics.catalogue.sqlite_schema import APPLICATION_ID, SCHEMA, VERSION
from forensics.catalogue.text import raw_of, safe
from forensics.errors import DiskFull, InputError, OutputInsideSource, OutputRefused, StorageError
from forensics.model.artefact import REMOVED

MAX_SEAL = 1 << 20
_ARTEFACT = (
    "source", "volume", "path", "stream", "type", "state", "size", "sha256", "outcome", "code", "detail", "m", "a",
    "c", "b", "address", "owner", "mode", "nlink", "target", "method", "same_as", "again",
)  # fmt: skip
_DEFAULTS = {"type": "file", "state": "allocated"}


def seal_digest(bag: Path) -> str | None:
    """The seal digest of a bag; None if it is not sealed.

    :raises InputError: if seal.json is larger than 1 MiB.
    """
    custody = bag / "custody"
    if not (custody / "seal.json").is_file() or not (custody / "seal.json.sig").is_file():
        return None
    with (custody / "seal.json").open("rb") as stream:
        data = stream.read(MAX_SEAL + 1)
    if len(data) > MAX_SEAL:
        raise InputError("the seal is larger than 1 MiB", where=str(custody / "seal.json"))
    return hashlib.sha256(data).hexdigest()


def rebuild(bags: Sequence[Path], db: Path) -> dict[str, int]:
    """Write the view of *bags* to *db*; return the number of rows by table.

    :raises OutputRefused: if *db* is anything but an older view, or lies in a bag.
    :raises NotABag, FutureFormat, InputError: nothing is then changed.
    :raises StorageError:
    """
    _check_place(bags, db)
    beside = db.parent / f".{db.name}.new"
    try:
        beside.unlink(missing_ok=True)
        # made here and exclusively: SQLite would follow a link that lies in its place
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        counts = _fill(beside, bags)
        os.replace(beside, db)
    except sqlite3.OperationalError as error:
        kind = DiskFull if "full" in str(error) else StorageError
        raise kind(f"cannot write the view ({error})", where=str(db), hint="Choose another --db.") from error
    except OSError as error:
        raise StorageError(f"cannot write the view ({error.strerror})", where=str(db)) from error
    finally:
        beside.unlink(missing_ok=True)
    return counts


def _check_place(bags: Sequence[Path], db: Path) -> None:
    place = Path(os.path.realpath(db))
    for bag in bags:
        if place.is_relative_to(os.path.realpath(bag)):
            raise OutputInsideSource("the view lies inside a bag", where=str(db), hint="Choose another --db.")
    if not db.parent.is_dir():
        raise OutputRefused("the folder of --db does not exist", where=str(db), hint="Choose another --db.")
    if not os.path.lexists(db):
        return
    head = b""
    if db.is_file():
        with db.open("rb") as stream:
            head = stream.read(72)
    # database header, offset 68: the application id (sqlite.org/fileformat2.html)
    if head[:16] != b"SQLite format 3\0" or int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        raise OutputRefused("--db names something else than a catalogue", where=str(db), hint="Choose another --db.")


def _fill(path: Path, bags: Sequence[Path]) -> dict[str, int]:
    view = sqlite3.connect(path, isolation_level=None)
    try:
        # nobody else sees the file yet, and after a crash it is written anew
        view.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + SCHEMA)
        view.execute(f"PRAGMA application_id={APPLICATION_ID}")
        view.execute(f"PRAGMA user_version={VERSION}")
        view.execute("BEGIN")
        for bag in bags:
            _add(view, bag)
        view.execute("COMMIT")
        tables = ("bags", "sources", "volumes", "artefacts", "why", "rules", "gaps")
        counts = {name: int(view.execute(f"SELECT count(*) FROM {name}").fetchone()[0]) for name in tables}
    finally:
        view.close()
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())
    return counts


def _add(view: sqlite3.Connection, bag: Path) -> None:
    found = survey(bag)
    about = [found.open.get(name) for name in ("format", "case", "exhibit", "examiner", "host", "t", "profile")]
    row = [found.bag, *about, found.lines, seal_digest(bag), str(bag)]
    try:
        _insert(view, "bags", row)
    except sqlite3.IntegrityError as error:
        raise InputError("a bag of this id was already given", where=str(bag), hint="Give each bag once.") from error
    for line in standing(bag, found, replaced=True):
        _TABLES[line["kind"]](view, found, line)


def _insert(view: sqlite3.Connection, table: str, row: Iterable[Any]) -> None:
    values = [safe(value) if isinstance(value, str) else value for value in row]
    view.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(values))})", values)


def _gap(view: sqlite3.Connection, found: Survey, line: Line, what: str) -> None:
    outcome = line.get("outcome") or (REMOVED if line["kind"] == "correct" else line.get("state"))
    reason = line.get("code") or line.get("reason")
    _insert(view, "gaps", [found.bag, line["seq"], line["kind"], what, outcome, reason, line.get("detail")])


def _artefact(view: sqlite3.Connection, found: Survey, line: Line) -> None:
    seq, size = line["seq"], line.get("size", line.get("entry_size"))
    row = [line.get(name, _DEFAULTS.get(name)) if name != "size" else size for name in _ARTEFACT]
    flags = " ".join(line.get("flags", ()))
    _insert(view, "artefacts", [found.bag, seq, *row, raw_of(line["path"]), flags, found.replaced.get(seq)])
    for rule in dict.fromkeys(line.get("why", ())):
        _insert(view, "why", [found.bag, seq, rule])
    if is_gap(line) and seq not in found.replaced:
        _gap(view, found, line, line["path"])


def _rule(view: sqlite3.Connection, found: Survey, line: Line) -> None:
    if line["seq"] in found.last:
        _insert(view, "rules", [found.bag, line["seq"], line["rule"], line["state"], line.get("reason")])
        if is_gap(line):
            _gap(view, found, line, f"rule {line['rule']}")


def _volume(view: sqlite3.Connection, found: Survey, line: Line) -> None:
    if line["seq"] in found.last:
        names = ("source", "volume", "volume_id", "fs", "mount", "offset", "size", "label", "state", "code", "detail")
        _insert(view, "volumes", [found.bag, line["seq"], *(line.get(name) for name in names)])
        if is_gap(line):
            _gap(view, found, line, f"volume {line.get('volume_id', '')}")


def _source(view: sqlite3.Connection, found: Survey, line: Line) -> None:
    if "volume" in line:
        _volume(view, found, line)
        return
    claims = (f"{name[3:]}={value}" for name, value in line.items() if name.startswith("id_"))
    row = [line["source"], line.get("uri"), line.get("source_kind"), "\n".join(claims)]
    _insert(view, "sources", [found.bag, line["seq"], *row])


def _correct(view: sqlite3.Connection, found: Survey, line: Line) -> None:
    if is_gap(line):
        _gap(view, found, line, f"object {line.get('sha256', '')}")


_TABLES = {"artefact": _artefact, "rule": _rule, "source": _source, "correct": _correct}
