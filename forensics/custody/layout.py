"""The folders of a bag, and what an unfinished one leaves (docs/format.md §1)."""

from __future__ import annotations

import os
from pathlib import Path

from forensics.custody.ledger import write_file
from forensics.errors import OutputLocked, OutputNotEmpty, OutputRefused, OutputSealed, StorageError
from forensics.hashing.write import storage_error

FOLDERS = ("data/objects", "custody/checkpoints", "custody/keys", "custody/after", "tmp")
RESERVE = 1 << 20


def make_bag_folder(bag: Path) -> None:
    """Make the folders of a new bag in a new or empty folder.

    :raises OutputSealed, OutputNotEmpty: if something is there; nothing was written.
    :raises StorageError: if it cannot be made.
    """
    try:
        if bag.is_symlink() or (bag.exists() and not bag.is_dir()):
            raise OutputRefused("the output is not a folder", where=str(bag))
        if bag.exists() and any(bag.iterdir()):
            raise refusal(bag)
        bag.mkdir(parents=True, exist_ok=True)
        try:
            os.mkdir(bag / "custody")  # exclusive: of two writers one gets here
        except FileExistsError:
            raise OutputLocked("another process has just begun a bag here", where=str(bag)) from None
        make_folders(bag)
    except PermissionError as error:
        raise OutputRefused("no permission to write the output", where=str(bag)) from error
    except OSError as error:
        raise storage_error(error, str(bag)) from error


def make_folders(bag: Path) -> None:
    """Make what is missing of a bag's folders."""
    for folder in FOLDERS:
        (bag / folder).mkdir(parents=True, exist_ok=True)


def refusal(bag: Path) -> OutputRefused:
    """The right refusal for a folder that holds something."""
    if (bag / "custody" / "seal.json").exists():
        return OutputSealed("a sealed bag is here; nothing can be added to it", where=str(bag))
    if (bag / "custody" / "ledger.jsonl").exists():
        from forensics.custody.lock import refuse_held

        try:
            refuse_held(bag)
        except OutputLocked as held:
            return held
        except StorageError as error:
            return OutputRefused(str(error), where=str(bag))
        return OutputNotEmpty(
            "an unfinished bag is here", where=str(bag), hint="Run the same command with --resume to go on with it."
        )
    return OutputNotEmpty("the output folder is not empty", where=str(bag))


def write_reserve(bag: Path) -> None:
    """Put 1 MiB aside, so that a full disk still takes the close line."""
    write_file(bag / "custody" / "reserve", bytes(RESERVE))


def free_reserve(bag: Path) -> None:
    """Give the reserve back to the disk."""
    (bag / "custody" / "reserve").unlink(missing_ok=True)


def remove_unfinished(bag: Path) -> None:
    """Remove what a killed process left outside the ledger's order: tmp/ and half-written files."""
    temporary = bag / "tmp"
    if temporary.is_dir():
        for path in temporary.iterdir():
            if not path.is_dir() or path.is_symlink():
                path.unlink()
    for folder in (bag, bag / "custody", bag / "custody" / "checkpoints", bag / "custody" / "keys"):
        for path in folder.glob(".*.new"):
            path.unlink()
