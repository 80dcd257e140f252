"""The report's tables about event logs: rules that ran and did not, records recovered, parsers held together."""

from __future__ import annotations

from forensics.reporting.spec import PROOF, Col, Spec

MAX_LOGS = 20_000


def _count(name: str, label: str = "", width: int = 8) -> Col:
    return Col(name, label or name, "number", width)


LOGS: tuple[Spec, ...] = (
    Spec(
        "detection", "Sigma rules",
        (
            Col("state", "state", "code", 14, narrow=True), Col("level", "level", "code", 13, narrow=True),
            Col("title", "rule", "text", 52, narrow=True), _count("findings", width=10),
            Col("first", "first", "time", 23), Col("reason", "why it did not run", "text", 0),
            Col("last", "last", "time", 23), Col("rule", "id", "code", 20), Col("file", "file", "code", 24),
        ),
        limit=MAX_LOGS,
    ),
    Spec(
        "recovery", "logs with recovered records",
        (
            Col("path", "log", "text", 0, narrow=True), _count("A1"), _count("A2"), _count("A3"), _count("B"),
            _count("C"), _count("D"), _count("E"), _count("duplicates", width=11), _count("conflicts", width=10),
            _count("unreadable", width=11), Col("status", "status", "code", 12, narrow=True), *PROOF,
        ),
        limit=MAX_LOGS,
    ),
    Spec(
        "agreement", "event logs",
        (
            Col("path", "log", "text", 0, narrow=True), Col("verdict", "parsers", "code", 18, narrow=True),
            _count("walker"), _count("evtx"), _count("libevtx"), _count("python_evtx", "python-evtx", 12),
            _count("compared", width=10), _count("disagree", width=10), _count("only_evtx", "only evtx", 10),
            _count("only_libevtx", "only libevtx", 12), Col("why", "why", "text", 30), *PROOF,
        ),
        limit=MAX_LOGS,
    ),
)  # fmt: skip

#: id -> heading, and what stands below it
LOG_LABELS: dict[str, tuple[str, str]] = {
    "detection": (
        "Detection",
        "Sigma rules that fired, and those that did not run, with the reason. A rule that is not here ran and "
        "found nothing: in the logs that it was given, which says nothing of logs that were not there.",
    ),
    "recovery": (
        "Recovered records",
        "From parts of event logs that are in use no more. Class A: the template is certain; the bytes are not "
        "covered by a checksum. B to E: less is certain (docs/evtx-recovery.md).",
    ),
    "agreement": (
        "Parsers held together",
        "Records of each event log by the structures themselves and by each parser. A disagreement is an event.",
    ),
}
