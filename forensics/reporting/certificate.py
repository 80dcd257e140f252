"""The chain of custody as a page to print and sign: facts from the bag, blanks where a person must declare."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forensics.errors import StorageError
from forensics.hashing.osapi import datasync
from forensics.hashing.write import storage_error, write_all
from forensics.reporting.build import environment, source_of, static_text
from forensics.reporting.clean import clean
from forensics.version import __version__

MAX_ROWS = 5000


def certificate_html(record: Mapping[str, Any]) -> str:
    """The page. It opens no connection, runs no script, and prints in black and white.

    :param record: the object of ``sealbag custody --json``.
    """
    sheet = static_text("certificate.css")
    policy = f"default-src 'none'; style-src {source_of(sheet)}; base-uri 'none'; form-action 'none'"
    rows = [_clean(row) for row in record["rows"][:MAX_ROWS]]
    return environment().get_template("certificate.html").render(
        record=_clean({name: value for name, value in record.items() if isinstance(value, str)}),
        anchor=[clean(text) for text in record["anchor"]], noted=[clean(text) for text in record["noted"]],
        problems=[(clean(one["file"]), clean(one["why"])) for one in record["problems"]], rows=rows,
        left_out=len(record["rows"]) - len(rows), counts=record["counts"], csp=policy, style=sheet, version=__version__,
    )  # fmt: skip


def _clean(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: clean(str(value)) for name, value in row.items()}


def write_certificate(record: Mapping[str, Any], out: Path) -> None:
    """Write the page; a file that is there is replaced, whole or not at all.

    :raises StorageError: if it cannot be written.
    """
    data = certificate_html(record).encode("utf-8", "backslashreplace")
    beside = out.parent / f".{out.name}.{os.getpid()}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(beside, flags, 0o600)
        try:
            write_all(descriptor, data, str(out))
            datasync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(beside, out)
    except (OSError, StorageError) as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, StorageError):
            raise
        raise storage_error(error, str(out)) from error
