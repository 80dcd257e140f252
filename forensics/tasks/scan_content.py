"""Scanning one content, inside a supervised child that has compiled its packs itself."""

from __future__ import annotations

import importlib
import inspect
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from forensics.model.event import Finding, Pack, Problem, Scanner
from forensics.model.event_rows import finding_row
from forensics.tasks.content_file import ContentFile
from forensics.worker.items import beat

MAX_PROBLEMS = 20
#: problems of rules that one answer tells; more are counted
MAX_RULE_PROBLEMS = 2000
#: bytes of findings in one answer; the frame's own bound is 4 MiB
MAX_ANSWER = 3 << 20
#: bytes of one finding as JSON
MAX_FINDING = 1 << 20
_prepared: dict[str, tuple[Scanner, tuple[Pack, ...]]] = {}


class _Scanned(ContentFile):
    """A content whose scanner shows a sign of life with everything that it tells."""

    def tell(self, name: str, value: int | str) -> None:
        super().tell(name, value)
        beat()


def _scanner(options: Mapping[str, Any]) -> tuple[Scanner, tuple[Pack, ...]]:
    """The scanner with its packs compiled, made once in a child."""
    key = json.dumps([options["scanner"], options["packs"], options["settings"]])
    if key not in _prepared:
        module, _, attribute = options["scanner"].partition(":")
        factory = getattr(importlib.import_module(module), attribute)
        takes = "options" in inspect.signature(factory).parameters
        scanner: Scanner = factory(**({"options": options["settings"]} if takes else {}))
        packs = tuple(scanner.prepare(options["packs"]))
        _prepared[key] = scanner, packs
        beat()
    return _prepared[key]


def prepare(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Compile the packs and say what became of them; nothing is scanned.

    :returns: ``packs`` (name, sha256, rules, problems, more_problems), ``inputs``, ``version``.
    """
    scanner, packs = _scanner(options)
    left = MAX_RULE_PROBLEMS
    rows = []
    for pack in packs:
        told = pack.problems[:left]
        left -= len(told)
        rows.append({
            "name": pack.name[:256], "sha256": pack.sha256, "rules": pack.rules,
            "problems": [[one.where[:300], one.rule[:128], one.reason[:300]] for one in told],
            "more_problems": len(pack.problems) - len(told),
        })  # fmt: skip
    return {"packs": rows, "inputs": list(scanner.inputs), "version": scanner.version}


def scan(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Scan *item* (path, size, sha256, names) once for each name; return findings and problems.

    A match that two names share is one finding. An exception of the scanner ends this
    content: what was found stands, the code is its class.
    """
    scanner, _ = _scanner(options)
    answer = _Answer()
    code = detail = ""
    told: dict[str, int | str] = {}
    try:
        for name in item["names"] or [""]:
            content = _Scanned(item["path"], item["size"], item["sha256"], {"name": name}, scanner.id, scanner.version)
            answer.take(scanner.scan(content))
            told |= content.told
            beat()
    except MemoryError:
        raise  # the child is to die of it and be replaced
    except Exception as error:  # noqa: BLE001  the boundary to a plug-in: its failure is an outcome
        code, detail = type(error).__name__, str(error)[:500]
    return {
        "findings": answer.rows, "problems": answer.problems, "counts": dict(answer.counts), "told": told,
        "code": code, "detail": detail,
    }  # fmt: skip


class _Answer:
    """Findings and problems of one content, within the bounds of one frame."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.problems: list[dict[str, str]] = []
        self.counts: Counter[str] = Counter()
        self._seen: set[tuple[str, str, int | None]] = set()
        self._bytes = 0

    def take(self, found: Iterable[Finding | Problem]) -> None:
        for one in found:
            if isinstance(one, Problem):
                self._problem(one)
            elif (place := (one.pack_sha256 + one.rule_sha256, one.rule, one.offset)) not in self._seen:
                self._seen.add(place)
                self._finding(one)

    def _problem(self, problem: Problem) -> None:
        self.counts["problems"] += 1
        row = {"locator": problem.locator[:200], "code": problem.code[:80], "detail": problem.detail[:300]}
        if row not in self.problems and len(self.problems) < MAX_PROBLEMS:
            self.problems.append(row)

    def _finding(self, finding: Finding) -> None:
        row = finding_row(finding)
        size = len(json.dumps(row))
        if size > MAX_FINDING or self._bytes + size > MAX_ANSWER:
            self.counts["dropped"] += 1
            return
        self._bytes += size
        self.counts["findings"] += 1
        self.rows.append(row)
