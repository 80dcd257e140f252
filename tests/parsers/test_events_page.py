"""docs/events.md names every word of `action` that a parser can give, and every parser."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import collectors.parsers
from collectors.parsers.evtx.messages import catalogue

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(collectors.parsers.__path__[0])


def words() -> set[str]:
    """Every action in the tables, and every one that the code names."""
    found = {row.action for row in catalogue().known.values()}
    found |= {rule["action"] for rule in tomllib.loads((HERE / "auth.toml").read_text())["rule"]}
    meanings = tomllib.loads((HERE / "audit" / "meanings.toml").read_text())
    found |= {word for row in meanings["type"].values() for word in row.values()} | set(meanings["syscall"].values())
    found.discard("")
    for path in HERE.rglob("*.py"):
        text = path.read_text()
        found |= set(re.findall(r'action\s*=\s*"([a-z-]+)"', text))
        for table in re.findall(r"_(?:ACTIONS|VERBS|NOT_SEEN) = \{(.*?)\}", text, re.DOTALL):
            found |= set(re.findall(r': "([a-z-]+)"', table))
    return found


def test_every_action_is_on_the_page() -> None:
    page = (ROOT / "docs" / "events.md").read_text()
    assert len(words()) > 150
    assert not sorted(word for word in words() if f"`{word}`" not in page)


def test_no_word_is_on_the_page_that_nothing_gives() -> None:
    page = (ROOT / "docs" / "events.md").read_text()
    listed = page[page.index("## Words") : page.index("State seen")]
    assert not sorted(set(re.findall(r"`([a-z-]+)`", listed)) - words() - {"action"})


def test_every_parser_is_on_the_page() -> None:
    page = (ROOT / "docs" / "events.md").read_text()
    ours = [entry for entry in entry_points(group="forensics.parsers") if entry.value.startswith("collectors.parsers.")]
    assert ours and all(f"| `{entry.name}` |" in page for entry in ours)
    assert f"({len(catalogue().known)} provider and event id pairs)" in page
