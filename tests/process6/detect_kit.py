"""Small event logs and Sigma packs for the tests of the detection stage."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "parsers"))

import pytest
from evtx_writer import chunk, event, log

from forensics.processing import arbitrating, detecting
from forensics.worker.batch import ItemResult, run_items

SERVICE = """
title: A service of ours
id: 11111111-1111-4111-8111-111111111111
level: high
logsource: {product: windows, service: system}
detection:
  selection: {Provider_Name: Service Control Manager, EventID: 7045, ServiceName|contains: psexe}
  condition: selection
"""
ANY = """
title: Any service
id: 22222222-2222-4222-8222-222222222222
name: any_service
level: low
logsource: {product: windows, service: system}
detection:
  selection: {EventID: 7045}
  condition: selection
"""
BAD = """
title: No condition
id: 33333333-3333-4333-8333-333333333333
logsource: {product: windows, service: system}
detection:
  selection: {EventID: 7045}
"""
MANY = """
title: Many services on one computer
id: 44444444-4444-4444-8444-444444444444
level: critical
correlation:
  type: event_count
  rules: [any_service]
  group-by: [Computer]
  timespan: 1h
  condition: {gte: 5}
  generate: true
"""


def pack(folder: Path, **rules: str) -> Path:
    """A folder of rule files, ``name=text``."""
    folder.mkdir(parents=True)
    for name, text in rules.items():
        (folder / f"{name}.yml").write_text(text)
    return folder


def services(*names: str, hour: int = 10) -> bytes:
    """A System log with one service installed a minute."""
    rows = [
        (number, 0, event(
            "7045", {"ServiceName": name, "ImagePath": f"C:\\\\{name}.exe"}, provider="Service Control Manager",
            time=f"2024-03-01T{hour:02}:{number:02}:00Z", channel="System",
        ))
        for number, name in enumerate(names, 1)
    ]  # fmt: skip
    return log([chunk(rows)])


@pytest.fixture
def detecting_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the children of detection and arbitration import the kit."""

    def run(target: str, items: Iterable[Any], options: Any = None, **more: Any) -> Iterator[ItemResult]:
        path = {"sys_path": [str(Path(__file__).parent)]}
        return run_items(target, items, options=dict(options or {}) | path, **more)

    for module in (detecting, arbitrating):
        monkeypatch.setattr(module, "run_items", run)
