"""The scanner ``yara``: rule packs over one content, whole where it can be, else in windows."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from collectors.scanners.yara_finding import MAX_PER_RULE, Place, finding_of, places_of
from collectors.scanners.yara_names import externals_of
from collectors.scanners.yara_rules import Compiled, compile_packs, digests_of
from forensics.errors import RuleInvalid
from forensics.model.event import Finding, Opened, Pack, Problem, Strength

TIMEOUT = 120
#: contents up to this size are mapped and scanned whole
MAX_WHOLE = 256 << 20
WINDOW = 64 << 20
OVERLAP = 1 << 20
#: string matches of one content that are listed
MAX_STRINGS = 1000
_HEAD = 16


class YaraScanner:
    """Matches YARA rules (VirusTotal's YARA 4 through yara-python), fast mode off.

    :param options: ``timeout`` (seconds a pass), ``max_whole``, ``window`` and ``overlap`` (bytes).
    """

    id = "yara"
    #: after prepare(), ("name",) only if a rule asks for the file's name
    inputs: tuple[str, ...] = ("name",)

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        found = options or {}
        self._timeout = int(found.get("timeout", TIMEOUT))
        self._max_whole = int(found.get("max_whole", MAX_WHOLE))
        self._window = max(1, int(found.get("window", WINDOW)))
        self._overlap = min(int(found.get("overlap", OVERLAP)), self._window - 1)
        self._compiled: Compiled | None = None
        self._warned: list[str] = []

    @property
    def version(self) -> str:
        """Ours and that of the library that matches; does not import it."""
        return f"1+yara-python-{importlib.metadata.version('yara-python')}"

    def prepare(self, packs: Sequence[str]) -> Sequence[Pack]:
        """Compile the packs (folders or files); a rule that fails is a RuleProblem of its pack.

        :raises OSError: if a rule file cannot be read.
        """
        self._compiled = compile_packs(packs)
        self.inputs = ("name",) if self._compiled.uses_name else ()
        return self._compiled.packs

    def scan(self, opened: Opened) -> Iterator[Finding | Problem]:
        """Yield one finding for each rule that matches, listing its first 64 string matches.

        A content larger than ``max_whole`` is scanned in overlapping windows: strength
        ``window``, told as ``windows``; there ``filesize`` is the window's, and a rule whose
        strings lie further apart than a window cannot match.

        :raises RuleInvalid: if nothing was prepared.
        """
        if self._compiled is None:
            raise RuleInvalid("scan() before prepare()", where=self.id)
        if self._compiled.rules is None:
            return
        with opened.open() as stream:
            head = stream.read(_HEAD)
        externals = externals_of(str(opened.inputs.get("name") or ""), head)
        passes = self._whole(opened, externals) if opened.size <= self._max_whole else self._windows(opened, externals)
        yield from self._found(opened, passes, "whole" if opened.size <= self._max_whole else "window")

    def _match(self, externals: dict[str, str], **what: Any) -> list[Any] | Problem:
        import yara

        assert self._compiled is not None
        self._warned.clear()
        try:
            found: list[Any] = self._compiled.rules.match(
                externals=externals, timeout=self._timeout, fast=False, warnings_callback=self._warn, **what
            )
        except yara.TimeoutError:
            return Problem(
                "", "timeout", f"a pass of more than {self._timeout} s was given up; its matches are unknown"
            )
        except yara.Error as error:
            return Problem("", "yara-error", str(error)[:300])
        return found

    def _warn(self, kind: int, message: Any) -> int:
        """Called by YARA when a string matches more than a million times."""
        if len(self._warned) < 20:
            self._warned.append(str(message)[:200])
        return 0  # yara.CALLBACK_CONTINUE: that string is given up, the others go on

    def _whole(self, opened: Opened, externals: dict[str, str]) -> Iterator[tuple[int, list[Any] | Problem]]:
        yield 0, self._match(externals, filepath=opened.path)  # mapped, not read into memory

    def _windows(self, opened: Opened, externals: dict[str, str]) -> Iterator[tuple[int, list[Any] | Problem]]:
        start = count = 0
        with opened.open() as stream:
            while start == 0 or start + self._overlap < opened.size:
                stream.seek(start)
                data = stream.read(self._window)
                if not data:
                    return
                yield start, self._match(externals, data=data)
                count += 1
                opened.tell("windows", count)
                start += self._window - self._overlap

    def _found(
        self, opened: Opened, passes: Iterator[tuple[int, list[Any] | Problem]], strength: Strength
    ) -> Iterator[Finding | Problem]:
        listed = unlisted = 0
        ever: set[tuple[str, str]] = set()
        previous: set[tuple[str, str]] = set()
        for start, matches in passes:
            for warning in self._warned:
                yield Problem(f"o{start}", "too-many-matches", f"YARA stopped counting: {warning}")
            if isinstance(matches, Problem):
                yield Problem(f"o{start}", matches.code, matches.detail)
                previous = set()
                continue
            here = {(match.namespace, match.rule) for match in matches}
            for match in matches:
                key = match.namespace, match.rule
                # what lies whole in the overlap was found by the window before, if that rule matched there
                total, places = places_of(match, start, self._overlap if key in previous else 0, MAX_PER_RULE)
                if key in ever and not total:
                    continue
                kept = places[: max(1, MAX_STRINGS - listed)]
                listed += len(kept)
                unlisted += total - len(kept)
                yield self._finding(match, kept, total, opened.sha256, strength)
            ever |= here
            previous = here
        if unlisted:
            opened.tell("strings_not_listed", unlisted)

    def _finding(self, match: Any, places: list[Place], total: int, content: str, strength: Strength) -> Finding:
        assert self._compiled is not None
        file = self._compiled.files[match.namespace]
        pack = self._compiled.packs[file.pack]
        return finding_of(
            match, places, total, content=content, strength=strength, file=f"{pack.name}/{file.name}",
            rule_sha256=digests_of(file.original).get(match.rule, ""), pack_sha256=pack.sha256,
        )  # fmt: skip
