"""What a run of scanning saw, did and could not do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from forensics.errors import RuleInvalid
from forensics.model.event import Pack, Receipt
from forensics.processing.contents import Content

#: contents that were not scanned and are named; more are counted
MAX_NAMED = 1000


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """Bounds of a scan.

    :param timeout: seconds that a scanner may spend on one pass over a content.
    :param max_whole: bytes up to which a content is scanned whole; beyond, in windows of
        *window* bytes that overlap by *overlap*.
    :param grace: seconds beyond *timeout* after which a silent child is killed: yara-python (4.5)
        waits for itself for ever when memory runs out over very many matches.
    :param data: RLIMIT_DATA of a child, bytes.
    """

    timeout: int = 120
    grace: int = 30
    max_whole: int = 256 << 20
    window: int = 64 << 20
    overlap: int = 1 << 20
    data: int = 2 << 30

    def for_scanner(self) -> dict[str, int]:
        """What the scanner itself is told."""
        return {
            "timeout": self.timeout, "max_whole": self.max_whole, "window": self.window, "overlap": self.overlap,
        }  # fmt: skip


@dataclass(slots=True)
class ScanReport:
    """How a scan ended.

    :param packs: with the rules that do not compile.
    :param counts: contents, scanned, matched, failed, quarantined, windowed, findings, dropped,
        strings_not_listed, rules, rule_problems.
    :param levels: findings by level.
    :param rules: findings by rule.
    :param not_scanned: path, status, code and detail of contents (the first 1,000) that were
        not scanned to the end; *unnamed*: how many more.
    :param receipt: as stored; None if the very same run was there already (*skipped*).
    """

    packs: tuple[Pack, ...] = ()
    counts: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    not_scanned: list[tuple[str, str, str, str]] = field(default_factory=list)
    unnamed: int = 0
    receipt: Receipt | None = None
    skipped: bool = False
    key: str = ""

    def missed(self, content: Content, status: str, code: str, detail: str) -> None:
        """Put down a content that was not scanned to the end."""
        self.missed_name(content.names[0].path if content.names else content.sha256, status, code, detail)

    def missed_name(self, name: str, status: str, code: str, detail: str) -> None:
        """Put down something that was not scanned to the end, by its name."""
        if len(self.not_scanned) < MAX_NAMED:
            self.not_scanned.append((name, status, code, detail))
        else:
            self.unnamed += 1

    def missing(self) -> list[tuple[str, str]]:
        """What was not scanned to the end, and why; what is not named stands as a number at the end."""
        said = [(path, f"{status}: {code} {detail}") for path, status, code, detail in self.not_scanned]
        return said + ([("others", f"{self.unnamed:,} more were not scanned to the end")] if self.unnamed else [])

    def require_rules(self, where: Path) -> None:
        """Stop before a scan that could find nothing.

        :raises RuleInvalid: if no rule compiles, with the first reason.
        """
        if not sum(pack.rules for pack in self.packs):
            first = next((one for pack in self.packs for one in pack.problems), None)
            why = f": {first.where}: {first.reason}" if first else ""
            raise RuleInvalid(f"no rule compiles{why}", where=str(where))
