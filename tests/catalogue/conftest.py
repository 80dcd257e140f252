"""Bags for looking into: one collected from a planted tree, and ones written line by line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from catalogue_kit import Artefact, write_lines

from forensics.acquisition.collect import collect
from forensics.acquisition.opening import open_source
from forensics.cli.main import main
from forensics.model import display

#: (fields of an artefact line, its content or None)


def plant(root: Path) -> Path:
    """A small tree with what is awkward to list and to write out."""
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "passwd").write_bytes(b"root:x:0:0\n")
    (root / "empty").write_bytes(b"")
    (root / "suid").write_bytes(b"#!/bin/sh\n")
    (root / "suid").chmod(0o4755)
    os.utime(root / "suid", ns=(1_500_000_000_000_000_001, 1_400_000_000_000_000_002))
    (root / os.fsdecode(b"not-\xff-utf8")).write_bytes(b"bytes")
    (root / "line\nfeed \x1b[31m").write_bytes(b"escape")
    (root / "link").symlink_to("etc/passwd")
    os.mkfifo(root / "fifo")
    os.link(root / "etc" / "passwd", root / "second-name")
    with (root / "sparse").open("wb") as file:
        file.seek(32 << 20)
        file.write(b"data")
        file.truncate(64 << 20)
    (root / "big").write_bytes(os.urandom(70_000))
    return root


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planted tree."""
    return plant(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="session")
def bag(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed bag of the planted tree: split contents, one over-cap; not to be changed."""
    out = tmp_path_factory.mktemp("bag") / "b"
    with open_source(str(planted)) as source:
        collect(source, out, profile="full", case="7", part_size=30_000, max_file=1 << 30)
    return out


@pytest.fixture
def write_bag(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """``write_bag([(fields, content), ...])``: a new, unsealed bag."""
    number = 0

    def write(artefacts: list[Artefact], *others: tuple[str, dict[str, Any]]) -> Path:
        nonlocal number
        number += 1
        return write_lines(tmp_path / f"written-{number}", artefacts, *others)

    yield write


def shown(raw: bytes) -> str:
    """The display of a path's bytes."""
    return display(raw)


Run = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """``code, rows = run("ls", bag)``: a command with --json."""

    def call(*words: object) -> tuple[int, list[dict[str, Any]]]:
        capfd.readouterr()
        code = main([*map(str, words), "--json"])
        return code, [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    return call


@pytest.fixture
def text(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """``code, out, err = text("ls", bag)``: a command for people."""

    def call(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main([*map(str, words)])
        seen = capfd.readouterr()
        return code, seen.out, seen.err

    return call
