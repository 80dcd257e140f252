"""Processes: what runs from nowhere, from where anybody may write, or under a false name."""

from __future__ import annotations

from collections.abc import Iterator

from forensics.answers.case import Case, NotEvaluated, VolatileRow
from forensics.answers.grade import Subject, finding, missing
from forensics.answers.packages import Owned, owned
from forensics.answers.places import matches, place_reasons
from forensics.model.event import Finding, Ref

ID = "answers.processes"
_DELETED = " (deleted)"


def exe_path(row: VolatileRow) -> str:
    """The program's path without the kernel's ``(deleted)``."""
    return row.text("exe").removesuffix(_DELETED)


def is_memory(row: VolatileRow) -> bool:
    """True for a program that never had a file."""
    return row.text("exe_state") == "memfd" or row.text("exe").startswith("/memfd:")


def _poses(row: VolatileRow) -> list[str]:
    words = row.texts("poses_as_kernel_thread")
    if any("no command line" not in word for word in words):
        return ["poses"]
    return ["nameless"] if words else []


def _preload(row: VolatileRow) -> list[str]:
    for word in row.texts("environ"):
        name, _, value = word.partition("=")
        if name in ("LD_PRELOAD", "LD_AUDIT") and value:
            return ["preload-variable", *place_reasons(value.split(":")[0].split(" ")[0])]
    return []


def flags(row: VolatileRow) -> list[str]:
    """Reasons that one process row gives by itself."""
    found: list[str] = []
    path = exe_path(row)
    if is_memory(row):
        found.append("memory-only")
    elif row.text("exe_state") == "deleted" or row.text("exe").endswith(_DELETED):
        found.append("deleted-program")
        if not matches("linux", "system", path):
            found.append("deleted-elsewhere")
    if path.startswith("/") and not is_memory(row):
        found += [reason for reason in place_reasons(path) if reason != "home-place"]
    return found + _poses(row)


def command_line(row: VolatileRow) -> str:
    """The words of the command line, else the name in brackets as ps shows it."""
    return " ".join(row.texts("cmdline")) or f"[{row.text('name')}]"


def _subject(row: VolatileRow) -> Subject:
    text = f"pid {row.row.get('pid')} {row.text('name')}: {command_line(row)[:200]}"
    attrs = (
        ("pid", row.number("pid")), ("ppid", row.number("ppid")), ("exe", row.text("exe")),
        ("sha256", row.text("exe_sha256")), ("recovered", row.text("recovered")), ("cmdline", command_line(row)[:2000]),
    )  # fmt: skip
    return Subject(text, (row.ref,), row.number("start_ns"), row.text("exe"), attrs)


def _rule(reasons: list[str]) -> str:
    for reason, rule in (("poses", "poses"), ("memory-only", "memory"), ("writable-place", "place"),
                         ("deleted-program", "deleted"), ("nameless", "poses"), ("hidden-name", "place")):  # fmt: skip
        if reason in reasons:
            return rule
    return "place"


def _process(row: VolatileRow, known: Owned) -> Iterator[tuple[str, list[str]]]:
    reasons = flags(row)
    if reasons:
        yield _rule(reasons), reasons
    path = exe_path(row)
    if row.text("exe_state") == "present" and known.missing(path) and matches("linux", "system", path):
        bin_ = path.startswith(("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"))
        yield "unpackaged", ["not-packaged-bin" if bin_ else "not-packaged"]
    preload = _preload(row)
    if preload:
        yield "preload", preload


class _Same:
    """Processes of one program that stand out for the same reasons: one finding."""

    def __init__(self, rule: str, reasons: list[str], first: VolatileRow) -> None:
        self.rule, self.reasons, self.first = rule, reasons, first
        self.pids: list[int] = []
        self.refs: list[Ref] = []

    def add(self, row: VolatileRow) -> None:
        self.pids.append(row.number("pid") or 0)
        self.refs.append(row.ref)

    def subject(self) -> Subject:
        one = _subject(self.first)
        if len(self.pids) == 1:
            return one
        text = f"{len(self.pids)} processes, first {one.text}"
        return Subject(text, tuple(self.refs), one.ts, one.matched, (*one.attrs, ("pids", self.pids[:1000])))


class Processes:
    """Reads ``volatile/processes.jsonl``, ``hidden.jsonl`` and ``crosscheck.jsonl``."""

    id = ID
    title = "Processes"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield processes that stand out."""
        if not case.has_volatile("processes"):
            yield missing(ID, "processes", "the state of a running system was not recorded")
            return
        paths, hidepid, unseen = set[str](), False, 0
        for row in case.volatile("processes"):
            hidepid = hidepid or "hidepid=" in row.text("proc_options")
            unseen += row.text("exe_state") == "denied"
            if row.text("type") == "process" and row.text("exe_state") == "present":
                paths.add(exe_path(row))
        known, same = owned(case, paths), dict[tuple[str, ...], _Same]()
        for row in case.volatile("processes"):
            if row.text("type") == "process":
                for rule, reasons in _process(row, known):
                    key = (rule, row.text("exe"), row.text("exe_sha256"), *reasons)
                    same.setdefault(key, _Same(rule, reasons, row)).add(row)
        for one in same.values():
            yield finding(ID, one.rule, one.subject(), one.reasons)
        if not known.known:
            yield missing(ID, "programs that no package owns", "no package database that is read here is in the bag")
        if unseen:
            yield missing(
                ID,
                "executables",
                f"{unseen} processes did not show theirs to who collected: needs root, or is hidden from root too",
            )
        yield from self._hidden(case, hidepid)
        for row in case.volatile("crosscheck"):
            if row.text("type") == "difference":
                text = f"{row.text('tool')}: {row.text('what')} only in {row.text('only_in')}"
                yield finding(ID, "crosscheck", Subject(text, (row.ref,)), ["differs"])

    def _hidden(self, case: Case, hidepid: bool) -> Iterator[Finding | NotEvaluated]:
        if hidepid:
            yield missing(
                ID, "hidden processes", "/proc is mounted with hidepid: what others run is not listed by design"
            )
            return
        if not case.has_volatile("hidden"):
            yield missing(ID, "hidden processes", "no search for them is in the bag")
            return
        for row in case.volatile("hidden"):
            if row.text("type") == "hidden":
                yield finding(ID, "hidden", _subject(row), ["hidden-process"])
            elif row.text("type") == "search" and row.row.get("complete") is False:
                yield missing(ID, "hidden processes", f"numbers above {row.row.get('to')} were not asked for")
