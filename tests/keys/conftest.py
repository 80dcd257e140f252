"""Fixtures of the tests of keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from keys_kit import Agent, Plain, Token
from testkit import check_needs


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Agent]]:
    """``agent((key, b"comment"), ...)`` runs an agent of these keys, SSH_AUTH_SOCK pointing to it."""
    check_needs("posix")
    running: list[Agent] = []

    def run(*keys: tuple[Token | Plain, bytes]) -> Agent:
        found = Agent(tmp_path, list(keys))
        running.append(found)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(found.path))
        return found

    yield run
    for one in running:
        one.close()
