"""write_report(): the page, from rows to one file."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forensics.errors import StorageError
from forensics.hashing.osapi import datasync
from forensics.hashing.write import storage_error, write_all
from forensics.reporting.answered import LABELS
from forensics.reporting.data import ReportData, ReportInfo
from forensics.reporting.page import context, finding_rows
from forensics.reporting.tables import SPECS, Table, gather
from forensics.reporting.tree import in_tree_order

if TYPE_CHECKING:
    from jinja2 import Environment

SCRIPTS = ("time.js", "column.js", "table.js", "record.js", "timeline.js", "page.js")
STYLES = ("colours.css", "page.css", "table.css", "print.css")
_CHUNK = 1 << 18


def static_text(*names: str) -> str:
    """The room's own style sheets or scripts, one after the other."""
    folder = importlib.resources.files("forensics.reporting").joinpath("static")
    return "\n".join(folder.joinpath(name).read_text("utf-8") for name in names)


def script() -> str:
    """The page's one script."""
    text = '(() => {\n"use strict";\n' + static_text(*SCRIPTS) + "})();\n"
    if "</" in text or "<!--" in text:
        raise ValueError("the script holds text that would end its element")
    return text


def style() -> str:
    """The page's one style sheet."""
    text = static_text(*STYLES)
    if "</" in text:
        raise ValueError("the style sheet holds text that would end its element")
    return text


def source_of(text: str) -> str:
    """A text of the page as a Content Security Policy names it (W3C CSP3 §2.3.1)."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def policy(script_text: str, style_text: str) -> str:
    """The page's Content Security Policy (W3C CSP3): these two elements and nothing else."""
    return (
        f"default-src 'none'; script-src {source_of(script_text)}; style-src {source_of(style_text)}; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def environment() -> Environment:
    """The templates, autoescape on."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("forensics.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@dataclass(slots=True)
class _Output:
    """The file beside its place, with its digest."""

    fd: int
    path: str
    size: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)

    def write(self, pieces: Iterator[str]) -> None:
        waiting: list[str] = []
        held = 0
        for piece in pieces:
            waiting.append(piece)
            held += len(piece)
            if held >= _CHUNK:
                self._out("".join(waiting))
                waiting, held = [], 0
        self._out("".join(waiting))

    def _out(self, text: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        write_all(self.fd, data, self.path)
        self.sha256.update(data)
        self.size += len(data)


def _gather(data: ReportData) -> tuple[dict[str, Table], list[dict[str, Any]]]:
    found = finding_rows(data.findings)
    sources = {
        "findings": found,
        "events": data.events,
        "processes": None if data.processes is None else in_tree_order(data.processes),
        "sockets": data.sockets,
        "accounts": data.accounts,
        "logons": data.logons,
        "artefacts": data.artefacts,
        "gaps": data.covered.gaps if data.covered else None,
        "rules": data.covered.rules if data.covered else None,
        "receipts": data.receipts,
        **{name: data.answered.get(name) for name in LABELS},
    }
    counted = {"rules": ("state",)}
    return {name: gather(SPECS[name], rows, counted.get(name, ())) for name, rows in sources.items()}, found


def _pieces(data: ReportData, tables: dict[str, Table], found: list[dict[str, Any]]) -> Iterator[str]:
    pages, code, sheet = environment(), script(), style()
    given = context(data, tables, found) | {"csp": policy(code, sheet), "style": sheet}
    yield from pages.get_template("page.html").generate(given)
    for table in tables.values():
        if not table.rows:
            continue
        made: dict[str, str] = {}
        for name, column in table.blocks():
            yield f'<script type="text/plain" data-table="{table.spec.id}" data-column="{name}">'
            yield from column.end()
            yield "</script>\n"
            made[name] = column.layout
        yield pages.get_template("head.html").render(head=table.head(made))
    yield f"<script>{code}</script>\n</body>\n</html>\n"


def _refused(error: StorageError, out: Path) -> StorageError:
    """The same error, said of the report."""
    why = error.what[error.what.find("(") :]
    return type(error)(f"cannot write the report {why}", where=str(out))


def write_report(data: ReportData, out: Path) -> ReportInfo:
    """Write the report of *data* as one HTML file that needs nothing else.

    Iterables of *data* are read once. The file appears whole or not at all.

    :param out: the file; one that is there is replaced.
    :raises DiskFull, StorageError: if it cannot be written.
    """
    tables, found = _gather(data)
    beside = out.parent / f".{out.name}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        fd = os.open(beside, flags, 0o600)
        try:
            output = _Output(fd, str(out))
            output.write(_pieces(data, tables, found))
            datasync(fd)
        finally:
            os.close(fd)
        os.replace(beside, out)
    except OSError as error:
        raise _refused(storage_error(error, str(out)), out) from error
    except StorageError as error:
        raise _refused(error, out) from error
    finally:
        beside.unlink(missing_ok=True)
    rows = {name: table.rows for name, table in tables.items()}
    left_out = {name: table.left_out for name, table in tables.items() if table.left_out}
    return ReportInfo(str(out), output.size, output.sha256.hexdigest(), rows, left_out)
