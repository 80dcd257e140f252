"""sealbag targets: what is looked for, what is not understood, what matches a path."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from forensics.cli.looking import say
from forensics.cli.options import output_options, print_json
from forensics.errors import UsageError

_MAX_PATHS = 64
_OS = click.Choice(("linux", "windows", "macos"))
_KINDS = click.Choice(("file", "dir", "link", "reparse", "fifo", "socket", "char", "block", "other"))
_kape = click.option("--kape", type=click.Path(), metavar="DIR", help="A folder of .tkape files, read as well.")


@click.group("targets")
def command() -> None:
    """List definitions of what is collected, show one, or ask which match a path."""


@command.command("list")
@click.option("--not-understood", is_flag=True, help="Only what is not evaluated: file, line and reason.")
@click.option("--os", "system", type=_OS, help="Only those for this system (or for any).")
@_kape
@output_options
def list_(
    not_understood: bool, system: str | None, kape: str | None, as_json: bool, quiet: bool, no_progress: bool
) -> int:
    """List every definition: state, kind, system, id, and why it is not evaluated.

    With --json one object a line: docs/schema/targets.json.
    """
    from collectors.commands.listing import every, row_of

    counts: Counter[str] = Counter()
    for target in every(kape):
        if system and target.rule.os not in ("", system):
            continue
        if not_understood and target.state not in ("not-understood", "excluded"):
            continue
        counts[target.state] += 1
        if as_json:
            print_json(row_of(target))
        elif not quiet:
            head = f"{target.state:<14}  {target.kind:<8}  {target.rule.os or 'any':<7}  {target.rule.id}"
            say(head + (f"  {target.rule.where}: {target.reason}" if target.reason else ""))
    if not as_json and not quiet:
        say(", ".join(f"{count:,} {state}" for state, count in sorted(counts.items())) or "nothing is left unevaluated")
    return 0


@command.command("show")
@click.argument("id")
@_kape
@output_options
def show(id: str, kape: str | None, as_json: bool, quiet: bool, no_progress: bool) -> int:
    """Show one definition: its patterns, system, caps and where it is written."""
    from collectors.commands.listing import find, row_of

    target = find(id, kape)
    row = row_of(target)
    if as_json:
        print_json(row)
    elif not quiet:
        for name in ("id", "description", "state", "kind", "os", "where", "code", "reason", "priority", "cap"):
            if row[name] not in ("", None):
                say(f"{name:<12} {row[name]}")
        for name in ("patterns", "members"):
            for value in row[name]:
                say(f"{name[:-1]:<12} {value}")
    return 0


@command.command("test")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--os", "system", type=_OS, help="Only on this system; default: on each.")
@click.option("--kind", type=_KINDS, default="file", show_default=True, help="What lies at the path.")
@_kape
@output_options
def test(
    paths: tuple[str, ...],
    system: str | None,
    kind: Any,
    kape: str | None,
    as_json: bool,
    quiet: bool,
    no_progress: bool,
) -> int:
    """Say which rules match each PATH, and on which system.

    PATH is written as sealbag ls prints it, from the volume's root, or as Windows does with its
    drive; NAME:STREAM names a stream on Windows. The run's own matcher answers.
    """
    from collectors.commands.listing import every
    from collectors.commands.one_path import SYSTEMS

    if len(paths) > _MAX_PATHS:
        raise UsageError(f"at most {_MAX_PATHS} paths at once")
    with tempfile.TemporaryDirectory(prefix="sealbag-targets-") as folder:
        profile = Path(folder) / "targets.toml"
        profile.write_text(_profile(kape), encoding="utf-8")
        systems = {target.rule.id: target.rule.os for target in every(kape)}
        for path in paths:
            _test(path, (system,) if system else tuple(SYSTEMS), kind, profile, systems, as_json, quiet)
    return 0


def _profile(kape: str | None) -> str:
    lines = ['collectors = ["stanzas", "forensicartifacts"]']
    if kape is not None:
        from collectors.kape.collector import KapeCollector

        names = list(dict.fromkeys(one.name for one in KapeCollector({"folder": kape}).files()))
        lines = ['collectors = ["stanzas", "forensicartifacts", "kape"]', "[options.kape]"]
        lines += [f"folder = {_quoted(kape)}", f"targets = [{', '.join(map(_quoted, names))}]"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _test(
    path: str,
    chosen: tuple[str, ...],
    kind: Any,
    profile: Path,
    systems: Mapping[str, str],
    as_json: bool,
    quiet: bool,
) -> None:
    import forensics
    from collectors.commands.one_path import NamesSource

    # one run for every system: each rule is for one of them, and a rule for any says so
    with NamesSource(path, chosen, kind) as source:
        found = forensics.dry_run(source, profile=profile)
    matched = [row["rule"] for row in found["rules"] if row["state"] == "matched"]
    rules = [{"rule": rule, "os": systems.get(rule, "")} for rule in matched]
    if as_json:
        print_json({"schema": "sealbag/targets-test/1", "path": path, "kind": kind, "rules": rules})
    elif not quiet:
        say(f"{path}: {'' if rules else 'no rule matches'}".rstrip())
        for row in rules:
            say(f"  {row['os'] or 'any':<8} {row['rule']}")
