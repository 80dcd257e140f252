"""sealbag info: versions, plug-ins, and what works here."""

from __future__ import annotations

import hashlib
import importlib.resources
import importlib.util
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from forensics import registry
from forensics.acquisition.views import verifier_source
from forensics.cli.features import features
from forensics.cli.looking import say
from forensics.cli.options import output_options, print_json
from forensics.errors import PluginError
from forensics.version import __version__


def plugins(load: bool) -> Iterator[dict[str, Any]]:
    """Yield a row for each plug-in of each group; ``loads`` is None unless *load*.

    A group that cannot be listed (an id given twice) is a row with an empty id.
    """
    for group in registry.GROUPS:
        try:
            found = registry.names(group)
        except PluginError as error:
            row = {"group": group, "id": "", "distribution": "", "version": "", "target": ""}
            yield row | {"loads": False, "why": str(error)}
            continue
        for plugin in found:
            row = {"group": group, "id": plugin.id, "distribution": plugin.distribution, "version": plugin.version}
            loads, why = _loads(plugin) if load else (None, "")
            yield row | {"target": plugin.target, "loads": loads, "why": why}


def _loads(plugin: registry.Plugin) -> tuple[bool, str]:
    try:
        registry.load(plugin.group, plugin.id)
    except PluginError as error:
        return False, error.what
    return True, ""


def rules_folder() -> str | None:
    """Where the rules' data lies: the package, else the checkout's folder."""
    if importlib.util.find_spec("forensics.rules") is not None:
        return str(importlib.resources.files("forensics.rules"))
    beside = Path(str(importlib.resources.files("forensics"))).parent / "rules"
    return str(beside) if beside.is_dir() else None


def info_row(load: bool) -> dict[str, Any]:
    """What info prints with --json."""
    found = list(plugins(load))
    return {
        "schema": "sealbag/info/1",
        "version": __version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "verify_sha256": hashlib.sha256(verifier_source()).hexdigest(),
        "rules": rules_folder(),
        "profiles": [row["id"] for row in found if row["group"] == "forensics.profiles" and row["id"]],
        "features": [{"name": one.name, "available": one.available, "why": one.why} for one in features()],
        "plugins": found,
    }


def print_text(row: dict[str, Any]) -> None:
    """The same for people."""
    say(f"sealbag       {row['version']}")
    say(f"python        {row['python']} ({row['implementation']}) {row['executable']}")
    say(f"platform      {row['platform']}")
    say(f"verify.py     SHA-256 {row['verify_sha256']}")
    say(f"rules         {row['rules'] or 'not found'}")
    say(f"profiles      {', '.join(row['profiles'])}")
    say("features")
    for one in row["features"]:
        say(f"  {'yes' if one['available'] else 'no ':<4} {one['name']:<20} {one['why']}")
    say("plug-ins" + ("" if any(one["loads"] is not None for one in row["plugins"]) else " (not loaded: see --load)"))
    for one in row["plugins"]:
        state = {None: "", True: "loads", False: "DOES NOT LOAD"}[one["loads"]]
        group = one["group"].removeprefix("forensics.")
        name = f"{one['distribution']} {one['version']}".strip()
        say(f"  {group:<12} {one['id']:<14} {name:<18} {state} {one['why']}".rstrip())


@click.command("info")
@click.option("--load", is_flag=True, help="Import every plug-in and say which do not load, and why.")
@output_options
def command(load: bool, as_json: bool, quiet: bool, no_progress: bool) -> int:
    """Print versions, plug-ins and their distributions, and what works on this host.

    verify.py's SHA-256 is that of the verifier of this release, to be compared with the one in a bag.
    """
    row = info_row(load)
    if as_json:
        print_json(row)
    elif not quiet:
        print_text(row)
    return 0
