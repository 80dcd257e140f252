"""Going on with an unfinished bag: what was acknowledged stays, what was not is named."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics.custody.layout import remove_unfinished
from forensics.custody.lines import LEDGER, read_lines
from forensics.custody.sshsig import verify as verify_signature
from forensics.custody.tree import Tree
from forensics.errors import InputError, NotABag, OutputSealed
from forensics.hashing.write import storage_error

MAX_NAMED = 1000


@dataclass(slots=True)
class State:
    """What a bag's ledger says when a process goes on with it.

    :param objects: SHA-256 (32 bytes) of every object that a line names.
    :param cut: bytes of torn tail that were cut off.
    :param unacknowledged: objects that no line named; they were removed.
    """

    open: dict[str, Any] = field(default_factory=dict)
    tree: Tree = field(default_factory=Tree)
    objects: set[bytes] = field(default_factory=set)
    stored: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    volumes: int = 0
    cut: int = 0
    unacknowledged: list[str] = field(default_factory=list)
    signer_key: str = ""
    signer_application: str = ""


def object_names(line: Mapping[str, Any]) -> list[str]:
    """The digests of the objects that hold a line's content."""
    if line["kind"] not in ("artefact", "result") or "sha256" not in line or "stored" in line:
        return []
    parts = line.get("parts")
    return list(parts) if parts else [line["sha256"]]


def read_state(bag: Path, on_line: Callable[[Mapping[str, Any]], None] | None = None) -> State:
    """Read a bag's ledger from its first to its last whole line.

    :param on_line: called with each line's fields.
    :raises NotABag, FutureFormat, InputError:
    """
    state = State()
    for data, line in read_lines(bag):
        state.tree.append(data)
        kind = line["kind"]
        if kind == "open":
            state.open = line
        if kind in ("open", "resume", "key") and "signer_key" in line:
            state.signer_key = line["signer_key"]
            state.signer_application = line.get("signer_application", "")
        if kind == "source" and "volume" in line:
            state.volumes += 1
        if kind == "artefact":
            state.outcomes[line["outcome"]] += 1
            if "same_as" not in line:
                state.bytes += line.get("size", 0)
        for name in object_names(line):
            state.objects.add(bytes.fromhex(name))
        if "stored" in line:
            state.stored.add(line["stored"])
        if on_line is not None:
            on_line(line)
    return state


def begun_case(bag: Path, case: str) -> str:
    """Return the case of the bag that was begun there; *case* if no first line was durable.

    :raises FutureFormat, InputError:
    """
    try:
        return next((str(line.get("case", "")) for _, line in read_lines(bag)), case)
    except NotABag:
        return case


def refuse_sealed(bag: Path, signer_key: str, application: str = "") -> None:
    """Refuse a bag whose seal is signed; nothing is changed.

    :raises OutputSealed:
    """
    import base64

    seal, signature = bag / "custody" / "seal.json", bag / "custody" / "seal.json.sig"
    if seal.exists() and signature.exists():
        key = base64.b64decode(signer_key) if signer_key else b""
        if verify_signature(signature.read_bytes(), seal.read_bytes(), "sealbag-seal-v1", key, application):
            raise OutputSealed("the bag is sealed; nothing can be added to it", where=str(bag))


def remove_half_seal(bag: Path) -> None:
    """Remove a seal whose signing was interrupted; only who holds the ledger's lock may."""
    for name in ("seal.json.sig", "seal.json"):
        (bag / "custody" / name).unlink(missing_ok=True)


def refuse_cut(bag: Path, size: int) -> None:
    """Refuse a ledger of *size* lines if a checkpoint vouches for more.

    A checkpoint is signed after its lines are durable, so no crash leaves this: going on
    would end in a bag that is INVALID for good.

    :raises InputError:
    """
    for path in (bag / "custody" / "checkpoints").glob("*.note"):
        if path.stem.isdigit() and int(path.stem) > size:
            raise InputError(
                f"the ledger has {size} lines, but a checkpoint vouches for {int(path.stem)}: lines were cut off",
                where=str(path),
                hint="Keep this bag as it is, run sealbag verify on it, and collect into a new one.",
            )


def cut_torn_tail(bag: Path) -> int:
    """Cut what follows the last LF of the ledger; return how many bytes."""
    path = bag / LEDGER
    try:
        with path.open("r+b") as stream:
            end = position = stream.seek(0, os.SEEK_END)
            while position > 0:
                step = min(65536, position)
                stream.seek(position - step)
                cut = stream.read(step).rfind(b"\n")
                if cut >= 0:
                    position = position - step + cut + 1
                    break
                position -= step
            stream.truncate(position)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise storage_error(error, str(path)) from error
    return end - position


def remove_unacknowledged(bag: Path, state: State) -> None:
    """Remove objects that no line names (stored, killed before the line) and name them in *state*."""
    remove_unfinished(bag)
    for folder in sorted((bag / "data" / "objects").iterdir()):
        for path in sorted(folder.iterdir()):
            try:
                known = bytes.fromhex(path.name) in state.objects
            except ValueError:
                known = False
            if not known:
                path.unlink()
                state.unacknowledged.append(path.name[:64])
        if not any(folder.iterdir()):
            folder.rmdir()
    named = [path for room in ("derived", "images") for path in sorted((bag / "data" / room).glob("*/*"))]
    for path in named:
        stored = path.relative_to(bag).as_posix()
        if stored not in state.stored:
            path.unlink()
            state.unacknowledged.append(stored)
    rooms = [bag / "data" / room for room in ("derived", "images")]
    for folder in (*(folder for room in rooms for folder in room.glob("*")), *rooms):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()  # an empty folder is none of a sealed bag's
