"""sealbag show: one artefact whole, or its content."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path
from typing import Any

import click

from forensics import registry
from forensics.catalogue.contents import files_of, pieces
from forensics.catalogue.reader import Line, Survey, read, survey
from forensics.catalogue.text import raw_of, safe
from forensics.cli.looking import say
from forensics.cli.options import output_options, print_json
from forensics.errors import InputError, UsageError
from forensics.hashing.sink import hash_zeros

#: paths that are compared to find a near one
MAX_NEAR = 5000


def _spellings(path: str) -> tuple[set[str], set[bytes]]:
    """How a path may be meant: as display or as bytes, with or without a leading slash."""
    texts = {path, path.lstrip("/")}
    return texts, {os.fsencode(text) for text in texts if "\\" not in text}


def find(bag: Path, found: Survey, seq: int | None, path: str | None, stream: str | None) -> list[Line]:
    """The lines that are meant: that of *seq*, or the standing artefacts of *path*.

    :raises InputError: if there is none, with the near one.
    """
    texts, raws = _spellings(path or "")
    hits: list[Line] = []
    near: list[str] = []
    for line in read(bag):
        if seq is not None:
            if line["seq"] == seq:
                return [line]
            continue
        if line["kind"] != "artefact" or line["seq"] in found.replaced:
            continue
        if line["path"] in texts or (raws and raw_of(line["path"]) in raws):
            near.append(f"{line['path']}:{line['stream']}" if "stream" in line else line["path"])
            if line.get("stream") == stream:
                hits.append(line)
        elif len(near) < MAX_NEAR:
            near.append(line["path"])
    if hits:
        return hits
    if seq is not None:
        raise InputError(f"the ledger has no line {seq}; its lines are 0 to {found.lines - 1}", where=str(bag))
    name = path or "" if stream is None else f"{path}:{stream}"
    raise InputError(
        f"no artefact of this path{safe(registry.near(name, near))}", where=name, hint="sealbag ls lists the paths."
    )


def show_row(line: Line, found: Survey) -> dict[str, Any]:
    """A line as it is printed with --json."""
    row: dict[str, Any] = {"schema": "sealbag/show/1", "bag": found.bag, "seq": line["seq"], "kind": line["kind"]}
    if line["kind"] in ("artefact", "result"):
        row["content"] = [{"path": name, "size": size} for name, size in files_of(line)]
        row["removed"] = found.is_removed(line)
    if line["kind"] == "artefact":
        raw = raw_of(line["path"])
        row["raw"] = None if raw is None else base64.b64encode(raw).decode()
        row["replaced_by"] = found.replaced.get(line["seq"])
    return row | {"line": line}


def _value(name: str, value: Any) -> str:
    if name in ("bad", "extents"):
        pairs = zip(value[::2], value[1::2], strict=False)
        return ", ".join(f"{length:,} bytes at {offset:,}" for offset, length in pairs)
    if name == "mode":
        return f"{value:o} (octal)"
    if name in ("size", "entry_size", "logical_size"):
        return f"{value:,} bytes"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def print_text(row: dict[str, Any]) -> None:
    """A line for people, a field a row."""
    line = row["line"]
    for name, value in line.items():
        if name != "salt":
            say(f"{name:<13} {_value(name, value)}")
    for place in row.get("content", ()):
        say(f"{'stored as':<13} {place['path']} ({place['size']:,} bytes)")
    for text in remarks(line):
        say(f"{'note':<13} {text}")
    if row.get("removed"):
        say(f"{'note':<13} its content was stored and is gone (removed-after-store)")
    if row.get("replaced_by") is not None:
        say(f"{'note':<13} replaced by seq {row['replaced_by']}: the file changed between two runs")


def remarks(line: Line) -> list[str]:
    """What must be known about a content before it is read."""
    found = []
    if "extents" in line:
        found.append(
            f"only the allocated ranges were read (extents): {line.get('size', 0):,} bytes of "
            f"{line.get('logical_size', 0):,}; the SHA-256 is that of these ranges, one after the other"
        )
    if "bad" in line:
        found.append(f"{sum(line['bad'][1::2]):,} bytes could not be read and stand as zeros (bad)")
    if line.get("parts"):
        found.append(f"stored in {len(line['parts'])} parts, one after the other")
    return found


def write_content(bag: Path, line: Line, quiet: bool) -> None:
    """Write a content to stdout, hashed while it is written.

    :raises UsageError: on a terminal: evidence may hold anything that a terminal acts upon.
    :raises InputError: if nothing is stored, or what was written is not what was sealed.
    """
    if sys.stdout.isatty():
        raise UsageError("a content does not go to a terminal", hint="Redirect it: sealbag show ... --content > FILE")
    if not files_of(line):
        detail = f"outcome {line.get('outcome', '-')} {line.get('code', '')}".rstrip()
        raise InputError(f"nothing is stored for this line ({detail})", where=f"seq {line['seq']}")
    for text in () if quiet else remarks(line):
        print(f"sealbag: note: {safe(text)}", file=sys.stderr)
    out = sys.stdout.buffer
    for piece in pieces(bag, line):
        if isinstance(piece, int):
            hash_zeros(out.write, piece)
        else:
            out.write(piece)
    out.flush()


@click.command("show")
@click.argument("bag", type=click.Path(path_type=Path))
@click.option("--seq", type=click.IntRange(0), metavar="N", help="The line of this number, of any kind.")
@click.option("--path", metavar="P", help="The artefact of this path, as ls prints it.")
@click.option("--stream", metavar="S", help="With --path: this named stream.")
@click.option("--content", is_flag=True, help="Write the content to standard output, verified while it is written.")
@output_options
def command(
    bag: Path,
    seq: int | None,
    path: str | None,
    stream: str | None,
    content: bool,
    as_json: bool,
    quiet: bool,
    no_progress: bool,
) -> int:
    """Show every field of one artefact, or write its content out.

    With --content a digest that is not the sealed one ends with exit code 65, after the bytes
    were written: look at the exit code.
    """
    if (seq is None) == (path is None) or (stream is not None and path is None):
        raise UsageError("give either --seq N or --path P [--stream S]")
    if content and as_json:
        raise UsageError("--content and --json exclude each other")
    found = survey(bag)
    lines = find(bag, found, seq, path, stream)
    if content:
        if len(lines) > 1:
            seqs = ", ".join(str(line["seq"]) for line in lines[:20])
            raise UsageError(f"several artefacts have this path: seq {seqs}", hint="Name one of them with --seq.")
        write_content(bag, lines[0], quiet)
        return 0
    for number, line in enumerate(lines):
        row = show_row(line, found)
        if as_json:
            print_json(row)
        elif not quiet:
            if number:
                print()
            print_text(row)
    return 0
