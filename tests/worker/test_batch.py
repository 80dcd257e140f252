"""Batches: every item is answered; a death blames the item in flight only."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forensics.errors import ChildRefused
from forensics.worker.batch import ItemResult, run_items
from forensics.worker.limits import Limits

HERE = str(Path(__file__).parent)
TARGET = "sealbag_test_task:item"
OPTIONS = {"sys_path": [HERE]}


def run(items: list[dict[str, Any]], limits: Limits | None = None, **more: Any) -> list[ItemResult]:
    options = {**OPTIONS, **more.pop("options", {})}
    return list(run_items(TARGET, items, options=options, limits=limits or Limits(), **more))


@pytest.mark.parametrize("workers", [1, 3])
def test_200_innocent_items_and_one_that_dies(workers: int) -> None:
    items = [{"n": n, "do": "kill" if n == 77 else ""} for n in range(201)]
    found = {result.index: result for result in run(items, workers=workers)}
    assert len(found) == 201
    guilty = found.pop(77)
    assert (guilty.status, guilty.code, guilty.tries) == ("quarantined", "child-died", 2)
    assert "SIGKILL" in guilty.detail
    assert all(result.status == "ok" and result.tries == 1 for result in found.values())
    assert all(result.value["n"] == index for index, result in found.items())


def test_how_items_end(tmp_path: Path) -> None:
    ends = ["", "raise", "key", "exit", "memory", "large", "kill-once", "hang", ""]
    limits = Limits(silence=0.5, data=200 << 20)
    options = {"mark": str(tmp_path / "mark")}
    found = run([{"n": n, "do": do} for n, do in enumerate(ends)], limits, options=options)
    assert [(r.index, r.status, r.code, r.tries) for r in found] == [
        (0, "ok", "", 1),
        (1, "failed", "denied", 1),
        (2, "failed", "child-refused", 1),
        (3, "quarantined", "child-died", 2),
        (4, "quarantined", "child-memory", 2),
        (5, "failed", "child-refused", 1),
        (6, "ok", "", 2),
        (7, "quarantined", "child-hung", 2),
        (8, "ok", "", 1),
    ]
    assert all(len(result.detail) < 2200 for result in found)


def test_cpu_is_counted_for_each_item() -> None:
    found = run([{"n": 0}, {"n": 1, "do": "burn"}, {"n": 2}], Limits(cpu=0.2, silence=20))
    assert [(r.status, r.code) for r in found] == [("ok", ""), ("quarantined", "child-cpu"), ("ok", "")]


def test_an_item_too_large_is_its_own_failure() -> None:
    found = run([{"n": 0, "x": "x" * (5 << 20)}, {"n": 1}])
    assert [(r.status, r.code) for r in found] == [("failed", "child-frame"), ("ok", "")]


def test_a_target_that_is_not_there_is_no_items_fault() -> None:
    with pytest.raises(ChildRefused, match="ModuleNotFoundError"):
        list(run_items("nowhere:item", [{"n": 1}]))


@pytest.mark.parametrize("workers", [1, 2])
def test_items_are_pulled_as_needed_and_stopping_ends_the_children(workers: int) -> None:
    pulled: list[int] = []

    def items() -> Iterator[dict[str, Any]]:
        for n in range(1000):
            pulled.append(n)
            yield {"n": n}

    results = run_items(TARGET, items(), options=OPTIONS, workers=workers)
    pid = next(results).value["pid"]
    assert len(pulled) <= workers
    results.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


SCRIPT = """
import multiprocessing, os, sys, threading
from forensics.worker.batch import run_items

def work():
    found = list(run_items("sealbag_test_task:item", [{"n": 1}, {"n": 2, "do": "kill"}, {"n": 3}],
                           options={"sys_path": [HERE]}, workers=WORKERS))
    print(sorted((r.index, r.status) for r in found), flush=True)

HOW
"""
HOWS = {
    "script": "work()",
    "thread": "t = threading.Thread(target=work, daemon=True); t.start(); t.join()",
    "daemonic-process": (
        "c = multiprocessing.get_context('fork')\np = c.Process(target=work, daemon=True); p.start(); p.join()"
    ),
    "fork-after-thread": (
        "t = threading.Thread(target=work); t.start(); t.join()\n"
        "pid = os.fork()\n"
        "t = threading.Thread(target=work); t.start(); t.join()\n"
        "if pid: os.waitpid(pid, 0)"
    ),
}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("how", sorted(HOWS))
def test_it_works_without_a_main_guard_and_anywhere(tmp_path: Path, how: str, workers: int) -> None:
    file = tmp_path / "script.py"
    script = SCRIPT.replace("HERE", repr(HERE)).replace("HOW", HOWS[how]).replace("WORKERS", str(workers))
    file.write_text(script)
    done = subprocess.run([sys.executable, file], capture_output=True, text=True, timeout=30, check=True)
    wanted = "[(0, 'ok'), (1, 'quarantined'), (2, 'ok')]\n"
    assert done.stdout == wanted * (3 if how == "fork-after-thread" else 1), done.stderr
    assert "Error" not in done.stderr
