"""What the triage tests share: the real command, and readers of bags, workspaces and reports of their own."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
import subprocess
import sys
import sysconfig
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import zstandard
from testkit import not_shown

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"
SEALBAG = (sys.executable, "-m", "forensics.cli.main")
#: control characters (tab and line feed apart), bidi controls, zero-width characters
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
Row = dict[str, Any]


def sealbag(*args: object, command: Sequence[str] = SEALBAG, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run the real command."""
    given = {"capture_output": True, "text": True, "timeout": 120, "stdin": subprocess.DEVNULL} | more
    return subprocess.run([*command, *map(str, args)], check=False, **given)


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def as_nobody(folder: Path) -> list[str]:
    """The command as a user without rights, with an environment in *folder* that this user may run.

    The interpreter of the tests may lie in a home folder that is closed to others.
    """
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    bases = [Path(getattr(sys, "_base_executable", sys.executable)).resolve(), Path(f"/usr/bin/python{version}")]
    base = next((one for one in bases if one.exists() and all(up.stat().st_mode & 1 for up in one.parents)), None)
    if base is None:
        not_shown(f"needs python{version} where another user may run it")
    subprocess.run([base, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    site = folder / f"venv/lib/python{version}/site-packages/sealbag.pth"
    ours = sysconfig.get_paths()["purelib"]
    site.write_text(f"import site; site.addsitedir({ours!r})\n")
    for path in (folder, *folder.parents):
        if path.stat().st_uid == 0 and path.is_relative_to(tempfile.gettempdir()):
            path.chmod(path.stat().st_mode | 0o055)
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]
    return [*user, str(folder / "venv/bin/python"), "-m", "forensics.cli.main"]


def told(done: subprocess.CompletedProcess[str], schema: str) -> Row:
    """The one JSON object that a command printed, valid against its schema."""
    (line,) = done.stdout.splitlines()
    row: Row = json.loads(line)
    jsonschema.validate(row, json.loads((SCHEMAS / f"{schema}.json").read_text("utf-8")))
    return row


def ledger(bag: Path) -> list[Row]:
    """The whole lines of a bag's ledger."""
    data = (bag / "custody/ledger.jsonl").read_bytes()
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


def artefacts(bag: Path) -> dict[str, Row]:
    """Artefact lines by path, listings apart."""
    return {
        line["path"]: line for line in ledger(bag) if line["kind"] == "artefact" and line.get("method") != "listing"
    }


def results(bag: Path) -> list[Row]:
    """The result lines of a bag."""
    return [line for line in ledger(bag) if line["kind"] == "result"]


def stored(bag: Path, line: Row) -> bytes:
    """The content of an artefact line."""
    return (bag / "data/objects" / line["sha256"][:2] / line["sha256"]).read_bytes()


def unpacked(path: Path) -> Iterator[Row]:
    """The rows of a zstd JSONL file."""
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as reader:
        yield from (json.loads(line) for line in reader.read().splitlines())


def events(bag: Path) -> dict[str, Row]:
    """Every derived event of a bag by its id, with its result line as ``result``."""
    found: dict[str, Row] = {}
    for line in results(bag):
        if not line.get("stored"):
            continue
        data = (bag / line["stored"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == line["sha256"] and len(data) == line["size"]
        for row in unpacked(bag / line["stored"]):
            if "event_id" in row:
                assert row["event_id"] not in found
                found[row["event_id"]] = row | {"result": line}
    return found


def findings(work: Path) -> list[Row]:
    """The rows of a workspace's findings."""
    return [json.loads(line) for line in (work / "findings.jsonl").read_text("utf-8").splitlines()]


def same(rows: list[Row]) -> list[str]:
    """Findings without what two bags of the same host may differ in: the bag and numbers of lines."""
    out = []
    for row in rows:
        refs = [{k: v for k, v in ref.items() if k != "seq"} for ref in row.get("refs", [])]
        out.append(json.dumps({k: v for k, v in row.items() if k != "bag"} | {"refs": refs}, sort_keys=True))
    return sorted(out)


class Report:
    """A report file: its words, and the columns of its tables."""

    def __init__(self, path: Path | str) -> None:
        self.text = Path(path).read_text("utf-8")
        bare = re.sub(r"<(script|style)\b.*?</\1>", "", self.text, flags=re.DOTALL)
        self.words = html.unescape(re.sub(r"<[^>]*>", " ", bare))

    def column(self, table: str, name: str) -> set[Any]:
        """The distinct values of a column: words, or numbers where it has no words."""
        pattern = rf'<script[^>]*data-table="{table}"[^>]*data-column="{name}"[^>]*>([^<]*)</script>'
        found = re.search(pattern, self.text)
        assert found, f"{table}.{name}"
        data = gzip.decompress(base64.b64decode(found[1]))
        length = int.from_bytes(data[:4], "little")
        words = json.loads(data[4:] if length == 0xFFFFFFFF else data[4 : 4 + length])
        return set(words) if isinstance(words, list) else set(array("d", data[4 + length + -(length + 4) % 8 :]))
