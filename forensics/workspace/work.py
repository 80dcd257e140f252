"""A workspace: results derived from sealed bags, in a folder beside them, never in them.

``work.json`` names the bags by id and seal digest; ``receipts.jsonl`` says what ran on
which content and how it ended; ``events/`` and ``findings.jsonl`` hold the results. All
of it can be made again from the bags.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from forensics.custody.lines import read_lines
from forensics.errors import InputError, NotABag, OutputInsideSource, OutputNotEmpty
from forensics.hashing.write import storage_error
from forensics.model.event import Receipt

SCHEMA = "sealbag/work/1"
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class BagRef:
    """A bag as the workspace names it."""

    path: str
    id: str
    seal_sha256: str


def seal_digest(bag: Path) -> str:
    """The seal digest; "" for a bag that is not sealed."""
    try:
        return sha256((bag / "custody" / "seal.json").read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def bag_ref(bag: Path) -> BagRef:
    """Name a bag.

    :raises NotABag, FutureFormat, InputError:
    """
    for _, opening in read_lines(bag):
        return BagRef(str(bag), str(opening.get("bag", "")), seal_digest(bag))
    raise NotABag("the bag's ledger has no line", where=str(bag))


class Workspace:
    """One open workspace; also a sink for results (:class:`forensics.processing.sinks.Sink`)."""

    def __init__(self, path: Path, bags: list[BagRef]) -> None:
        self.path, self.bags = path, bags
        self.scratch = path / "tmp"
        self.receipts: dict[str, Receipt] = {}
        self._own: set[str] = set()

    @classmethod
    def open(cls, path: Path, bags: Iterable[Path] = ()) -> Workspace:
        """Open or make a workspace over *bags* (those it names already stay).

        :raises OutputNotEmpty: if the folder holds something else.
        :raises OutputInsideSource: if it lies in a bag.
        :raises InputError: if a bag is not the one that was processed under its path.
        """
        refuse_in_bag(path)
        known: dict[str, BagRef] = {}
        description = path / "work.json"
        if description.exists():
            for row in _load(description)["bags"]:
                known[row["path"]] = BagRef(row["path"], row["id"], row["seal_sha256"])
        elif path.exists() and any(path.iterdir()):
            raise OutputNotEmpty("the folder is no workspace and not empty", where=str(path))
        for bag in bags:
            found = bag_ref(bag)
            old = known.get(found.path)
            if old is not None and old.id != found.id:
                raise InputError("another bag lies where the workspace's was", where=found.path)
            known[found.path] = found
        work = cls(path, list(known.values()))
        try:
            for folder in ("tmp", "events"):
                (path / folder).mkdir(parents=True, exist_ok=True)
            work._describe()
        except OSError as error:
            raise storage_error(error, str(path)) from error
        work._read_receipts()
        return work

    def _describe(self) -> None:
        row = {"schema": SCHEMA, "bags": [asdict(bag) for bag in self.bags]}
        write_text(self.path / "work.json", json.dumps(row, indent=1) + "\n")

    def _read_receipts(self) -> None:
        path = self.path / "receipts.jsonl"
        if not path.exists():
            return
        whole = 0
        with path.open("rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                try:
                    row = json.loads(line)
                    receipt = Receipt(**(row | {"warnings": tuple(row.get("warnings", ()))}))
                except (ValueError, TypeError) as error:
                    raise InputError(
                        f"a damaged receipt ({error})", where=f"{path}, byte {whole}",
                        hint="Remove receipts.jsonl: the results are made again.",
                    ) from error  # fmt: skip
                self.receipts[receipt.key] = receipt
                self._own.add(receipt.key)
                whole += len(line)
        if whole < path.stat().st_size:
            os.truncate(path, whole)  # a torn tail of a killed process: that result is made again

    def own_receipts(self) -> Iterator[Receipt]:
        """Those of results that lie in the workspace, not in a bag; in the order in which they were made."""
        return (receipt for key, receipt in self.receipts.items() if key in self._own)

    def latest(self) -> list[Receipt]:
        """Of its own results the last one for each plug-in and content: the others are superseded.

        A result is made again when a plug-in or what it depends on has changed.
        """
        return list({(receipt.plugin, receipt.content): receipt for receipt in self.own_receipts()}.values())

    def current(self) -> list[Receipt]:
        """One receipt for each plug-in and content: a newer release's own result counts before a bag's."""
        found: dict[tuple[str, str], Receipt] = {}
        for own in (False, True):
            for key, receipt in self.receipts.items():
                if (key in self._own) == own:
                    found[receipt.plugin, receipt.content] = receipt
        return list(found.values())

    def has(self, key: str) -> bool:
        """Whether this result is there already, its row file included: one that was removed is made again."""
        return self.find(key) is not None

    def find(self, key: str) -> Receipt | None:
        """The receipt of a result that is there already."""
        receipt = self.receipts.get(key)
        if receipt is None or not receipt.stored:
            return receipt
        return receipt if self.rows_of(receipt) is not None else None

    def forget_damaged(self) -> None:
        """Forget the results of the workspace whose row file is not what was stored: they are made again.

        What is only read (reports, tables) says of such a file that it has changed, and goes on.
        """
        for key in [key for key in self.receipts if key in self._own]:
            receipt = self.receipts[key]
            if receipt.stored and not self._whole(receipt):
                del self.receipts[key]
                self._own.discard(key)

    def _whole(self, receipt: Receipt) -> bool:
        rows = self.path / receipt.stored
        try:
            return rows.is_file() and _measure(rows) == (receipt.sha256, receipt.size)
        except OSError:
            return False

    def know(self, receipts: Iterable[Receipt]) -> None:
        """Results that the bags themselves hold need not be made again."""
        for receipt in receipts:
            self.receipts.setdefault(receipt.key, receipt)

    def take(self, receipt: Receipt, rows: Path | None) -> Receipt:
        """Adopt a row file and write the receipt.

        :raises StorageError:
        """
        try:
            if rows is not None:
                digest, size = _measure(rows)
                stored = f"events/{receipt.plugin}/{digest}.jsonl.zst"
                (self.path / "events" / receipt.plugin).mkdir(exist_ok=True)
                os.replace(rows, self.path / stored)
                receipt = replace(receipt, stored=stored, sha256=digest, size=size)
            with private(self.path / "receipts.jsonl", "ab") as out:
                out.write(json.dumps(asdict(receipt), ensure_ascii=True).encode() + b"\n")
        except OSError as error:
            raise storage_error(error, str(self.path)) from error
        self.receipts[receipt.key] = receipt
        self._own.add(receipt.key)
        return receipt

    def rows_of(self, receipt: Receipt) -> Path | None:
        """Its row file, here or in a bag; None if it has none, or it is not there."""
        if not receipt.stored:
            return None
        folders = [self.path] if receipt.key in self._own else [Path(bag.path) for bag in self.bags]
        return next((folder / receipt.stored for folder in folders if (folder / receipt.stored).is_file()), None)

    def write_rows(self, name: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Write *name* (JSONL) whole; return the number of rows."""
        beside, count = self.path / "tmp" / name, 0
        try:
            with private(beside, "wb") as out:
                for row in rows:
                    out.write(json.dumps(row, ensure_ascii=True).encode() + b"\n")
                    count += 1
            os.replace(beside, self.path / name)
        except OSError as error:
            raise storage_error(error, str(self.path / name)) from error
        return count

    def read_rows(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of *name*, none if it was not written."""
        path = self.path / name
        if path.exists():
            with path.open("rb") as stream:
                for line in stream:
                    yield json.loads(line)


def refuse_in_bag(path: Path) -> None:
    """Refuse to write where it would change evidence.

    :raises OutputInsideSource: if *path* is a bag or lies in one.
    """
    place = path.resolve()
    for folder in (place, *place.parents):
        if (folder / "custody" / "ledger.jsonl").exists():
            hint = "Choose a place beside the bag: what is added to a bag makes it invalid."
            raise OutputInsideSource(f"the output lies inside the bag {folder}", where=str(path), hint=hint)


def private(path: Path, mode: str) -> IO[bytes]:
    """Open a file of results for writing; a new one is its owner's alone, as evidence is."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))


def write_text(path: Path, text: str) -> None:
    """Write a small text file whole, by rename."""
    beside = path.with_name(f".{path.name}.new")
    with private(beside, "wb") as out:
        out.write(text.encode("utf-8"))
    os.replace(beside, path)


def _load(path: Path) -> dict[str, Any]:
    try:
        row = json.loads(path.read_text("utf-8"))
        if row.get("schema") != SCHEMA or not isinstance(row.get("bags"), list):
            raise ValueError("another schema")
    except (ValueError, AttributeError) as error:
        raise InputError(f"no workspace: {error}", where=str(path)) from error
    loaded: dict[str, Any] = row
    return loaded


def _measure(path: Path) -> tuple[str, int]:
    digest, size = sha256(), 0
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
