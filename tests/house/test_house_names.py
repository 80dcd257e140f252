"""What the world sees: public names, commands, console script, typed marker."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Every public name of `forensics`. A name is added here on purpose or not at all.
PUBLIC: list[str] = [
    "Bag", "Check", "Coverage", "Gap", "Key", "Packed", "Progress", "SealbagError", "Triage", "Unpacked",
    "Verdict", "Work", "accept", "cite", "collect", "disclose", "dry_run", "merge", "offer", "open_source",
    "pack", "process", "refuse", "report", "stamp", "statements", "triage", "unpack", "verify",
]  # fmt: skip


def project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]  # type: ignore[no-any-return]


def public() -> list[str]:
    import forensics

    if not hasattr(forensics, "__all__"):
        pytest.skip("forensics.__all__ is not written yet")
    return list(forensics.__all__)


def test_exported_members() -> None:
    assert sorted(public()) == sorted(PUBLIC)


def test_each_public_name_is_there() -> None:
    import forensics

    for name in public():
        assert getattr(forensics, name) is not None
    assert set(public()) <= set(dir(forensics))
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(forensics, "no_such_" + "name")


def test_no_name_is_also_a_submodule() -> None:
    """`forensics.verify` must stay the function after somebody imported a room of that name."""
    import forensics

    rooms = {module.name for module in pkgutil.iter_modules(forensics.__path__)}
    lower_case = {name for name in public() if name.islower()}
    assert not lower_case & rooms


def commands() -> dict[str, tuple[str, str]]:
    if importlib.util.find_spec("forensics.cli.main") is None:
        pytest.skip("forensics.cli.main is not written yet")
    return dict(importlib.import_module("forensics.cli.main").COMMANDS)


def test_static_table_equals_entry_points() -> None:
    table = {name: target for name, (target, _) in commands().items()}
    assert table == project()["entry-points"]["forensics.commands"]


def test_each_command_has_its_line_of_help() -> None:
    for name, (target, line) in commands().items():
        module, _, attribute = target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert command.name == name
        assert 0 < len(line) <= 60, f"{name}: its line must fit beside its name in 80 columns"
        assert "\n" not in line


def test_every_entry_point_loads() -> None:
    """A misspelt target would be found by a user only."""
    for group, entries in project()["entry-points"].items():
        for name, target in entries.items():
            module, _, attribute = target.partition(":")
            if importlib.util.find_spec(module) is None:
                pytest.skip(f"{module} ({group}: {name}) is not written yet")
            loaded = importlib.import_module(module)
            if group == "forensics.profiles":
                assert Path(loaded.__path__[0], attribute).is_file()
            elif attribute:
                assert hasattr(loaded, attribute), f"{group}: {name} = {target}"


def test_typed() -> None:
    assert (ROOT / "forensics" / "py.typed").exists()
    assert (ROOT / "collectors" / "py.typed").exists()


def test_unknown_command_is_a_usage_error() -> None:
    commands()
    result = subprocess.run(
        [sys.executable, "-I", "-m", "forensics.cli.main", "colect"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 64, result.stderr
    assert "collect" in result.stderr, "the near match is named"
