"""sealbag ls: a bag's artefacts and their outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from forensics.catalogue.reader import Survey, is_gap, standing, survey
from forensics.catalogue.select import Selection
from forensics.catalogue.table import row_of
from forensics.cli.looking import filter_options, say, selection
from forensics.cli.options import human_bytes, output_options, print_json
from forensics.errors import UsageError

SCHEMA = "sealbag/ls/1"
_COUNTS = ("complete", "partial", "denied", "over_cap", "timed_out", "not_regular", "failed", "excluded")


def artefact_row(line: Mapping[str, Any], found: Survey) -> dict[str, Any]:
    """An artefact line as it is printed with --json."""
    row = {"schema": SCHEMA, "kind": "artefact", **row_of(line)}
    if line["seq"] in found.replaced:
        row["replaced_by"] = found.replaced[line["seq"]]
    return row


def other_row(line: Mapping[str, Any]) -> dict[str, Any]:
    """A rule, a volume or a lost object that is a gap."""
    kind, seq = line["kind"], line["seq"]
    row: dict[str, Any] = {"schema": SCHEMA, "kind": kind, "seq": seq, "source": line.get("source")}
    if kind == "rule":
        return row | {"path": f"rule {line['rule']}", "outcome": line["state"], "code": line.get("reason", "")}
    if kind == "source":
        row |= {"kind": "volume", "volume": line["volume"], "path": f"volume {line.get('volume_id', '')}"}
        return row | {"outcome": line.get("state"), "code": line.get("code", ""), "detail": line.get("detail", "")}
    row |= {"path": f"object {line.get('sha256', '')}", "outcome": "removed-after-store"}
    return row | {"code": "removed-after-store", "detail": line.get("text", "")}


def rule_row(line: Mapping[str, Any]) -> dict[str, Any]:
    """How one rule ended, with the number of artefacts by outcome."""
    counts = {name.replace("_", "-"): line[name] for name in _COUNTS if line.get(name)}
    row = {"schema": SCHEMA, "kind": "rule", "seq": line["seq"], "rule": line["rule"], "state": line["state"]}
    return row | {"reason": line.get("reason", ""), "counts": counts}


def rows(bag: Path, chosen: Selection, *, rules: bool, replaced: bool) -> Iterator[dict[str, Any]]:
    """Yield what ls prints.

    :raises NotABag, FutureFormat, InputError:
    """
    found = survey(bag)
    for line in standing(bag, found, replaced=replaced):
        if rules:
            if line["kind"] == "rule":
                yield rule_row(line)
        elif line["kind"] == "artefact":
            if chosen(line, found):
                yield artefact_row(line, found)
        elif chosen.gaps and is_gap(line) and not chosen.outcomes and chosen.path is None:
            yield other_row(line)


def text_of(row: Mapping[str, Any]) -> str:
    """One row for people."""
    if "rule" in row:
        counts = ", ".join(f"{count:,} {name}" for name, count in row["counts"].items())
        return f"{row['seq']:>7}  {row['state']:<13}  {row['rule']}  {counts or row['reason']}"
    size = row.get("size")
    name = f"{row['path']}:{row['stream']}" if row.get("stream") is not None else row["path"]
    why = row.get("code") or ""
    flags = [*row.get("flags", ()), *([row["state"]] if row.get("state", "allocated") != "allocated" else [])]
    notes = " ".join(dict.fromkeys(filter(None, [why, *flags])))
    place = f"{row.get('source') or '-'}/{row.get('volume') or '-'}"
    amount = "" if size is None else human_bytes(size)
    digest = (row.get("sha256") or "")[:12]
    line = f"{row['seq']:>7}  {row['outcome']:<13}  {amount:>9}  {digest:<12}  {place:<6}  {name}"
    return f"{line}  [{notes}]" if notes else line


@click.command("ls")
@click.argument("bag", type=click.Path(path_type=Path))
@filter_options
@click.option("--rules", is_flag=True, help="How each rule ended, instead of artefacts.")
@click.option("--all", "replaced", is_flag=True, help="Also lines that a later one replaces.")
@output_options
def command(
    bag: Path,
    outcomes: tuple[str, ...],
    paths: tuple[str, ...],
    gaps: bool,
    rules: bool,
    replaced: bool,
    as_json: bool,
    quiet: bool,
    no_progress: bool,
) -> int:
    """List a bag's artefacts: seq, outcome, size, SHA-256, source/volume, path, [why, flags].

    With --gaps also the rules and volumes that were not evaluated. Nothing is verified here:
    sealbag verify says whether the bag is what was sealed.
    """
    if rules and (outcomes or paths or gaps):
        raise UsageError("--rules stands alone")
    count = 0
    for row in rows(bag, selection(outcomes, paths, gaps), rules=rules, replaced=replaced):
        count += 1
        if as_json:
            print_json(row)
        elif not quiet:
            say(text_of(row))
    if not count and not as_json and not quiet:
        say(_nothing(outcomes, paths, gaps, rules))
    return 0


def _nothing(outcomes: tuple[str, ...], paths: tuple[str, ...], gaps: bool, rules: bool) -> str:
    if rules:
        return "no rule line: the run had no rules, or ended before they were stated"
    if gaps and not (outcomes or paths):
        return "no gaps: everything that was asked for was had"
    return "no artefact fits" if (outcomes or paths or gaps) else "no artefacts"
