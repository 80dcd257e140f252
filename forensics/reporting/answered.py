"""The report's tables of sessions and of what was done: those of ``sealbag events``, which has every row whole."""

from __future__ import annotations

from forensics.reporting.logs import LOG_LABELS, LOGS
from forensics.reporting.spec import PROOF, Col, Spec, hidden

#: rows of one of these tables that a page takes
MAX_ANSWERED = 20_000
_STATE = Col("state", "state", "code", 14)
_HOST = Col("host", "host", "code", 16)
_WHAT = Col("what", "what", "code", 18, narrow=True)
_USER = Col("user", "user", "code", 18, narrow=True)
_FLAGS = Col("flags", "stands out", "code", 24)


def _ts(label: str = "time", name: str = "ts") -> Col:
    return Col(name, label, "time", 23, narrow=True)


def _spec(id: str, noun: str, *columns: Col) -> Spec:
    rest = (_STATE, Col("records", "records", "number", 8), *hidden("event_id", kind="text"), *PROOF)
    return Spec(id, noun, (*columns, *rest), limit=MAX_ANSWERED)


ANSWERED: tuple[Spec, ...] = (
    _spec(
        "sessions", "sessions", _ts("since", "started"), Col("ended", "until", "time", 23), _HOST, _USER,
        Col("how", "how", "code", 16), Col("source", "from", "code", 18, narrow=True),
        Col("workstation", "station", "code", 14), Col("duration", "seconds", "number", 9),
        Col("elevated", "elevated", "code", 9), Col("end", "end", "text", 0), Col("id", "logon id", "code", 12),
    ),
    _spec(
        "rdp", "rows of remote desktop", _ts(), Col("direction", "way", "code", 5), _HOST, _USER,
        Col("source", "from", "code", 18, narrow=True), Col("target", "to", "code", 18),
        Col("ended", "until", "time", 23), Col("duration", "seconds", "number", 9), Col("how", "how", "code", 22),
        Col("end", "end", "text", 0),
    ),
    _spec(
        "services", "rows of services", _ts(), _HOST, _WHAT, Col("service", "service", "code", 22, narrow=True),
        Col("command", "program", "text", 0), Col("detail", "detail", "code", 20),
        Col("account", "account", "code", 14), Col("start", "start", "code", 12), Col("count", "count", "number", 7),
        _FLAGS,
    ),
    _spec(
        "tasks", "rows of tasks", _ts(), _HOST, _WHAT, Col("task", "task", "code", 26, narrow=True),
        Col("command", "command", "text", 0), Col("user", "by", "code", 18), Col("run_as", "as", "code", 12),
        Col("triggers", "triggers", "code", 24), Col("author", "author", "code", 14),
        Col("count", "count", "number", 7), _FLAGS,
    ),
    _spec(
        "account-changes", "changes", _ts(), _HOST, _WHAT, _USER, Col("group", "group", "code", 22, narrow=True),
        Col("by", "by", "code", 18), Col("detail", "detail", "text", 0), _FLAGS,
    ),
    _spec(
        "powershell", "rows of PowerShell", _ts(), _HOST, Col("kind", "kind", "code", 13), _USER,
        Col("text", "text", "text", 0, narrow=True), Col("decoded", "decoded", "text", 40),
        Col("parts", "parts", "code", 16), _FLAGS,
    ),
    _spec(
        "defender", "rows of Defender", _ts(), _HOST, _WHAT, Col("threat", "threat", "code", 24, narrow=True),
        Col("outcome", "outcome", "code", 14, narrow=True), Col("path", "file", "text", 0),
        Col("process", "process", "code", 20), Col("user", "user", "code", 16), Col("detail", "detail", "code", 24),
    ),
    _spec(
        "lateral", "ways between machines", _ts("first", "first"), Col("last", "last", "time", 23),
        Col("source", "from", "code", 18, narrow=True), Col("source_name", "named", "code", 14),
        Col("target", "to", "code", 20, narrow=True), Col("account", "account", "code", 20, narrow=True),
        Col("protocol", "way", "code", 24), Col("count", "count", "number", 7), Col("details", "details", "text", 0),
    ),
    _spec(
        "coverage", "rows of the coverage statement", Col("what", "what", "code", 12, narrow=True), _HOST,
        Col("channel", "log", "code", 30, narrow=True), _ts("first", "first"), Col("last", "last", "time", 23),
        Col("recovered", "recovered", "code", 14), Col("oldest_id", "oldest", "number", 9),
        Col("newest_id", "newest", "number", 9), Col("missing", "missing", "number", 8),
        Col("cleared", "cleared", "code", 24), Col("says", "says", "text", 0, narrow=True),
    ),
    _spec(
        "coverage-rules", "rules without the records that they need", _HOST,
        Col("verdict", "verdict", "code", 20, narrow=True), Col("level", "level", "code", 12),
        Col("title", "rule", "text", 0, narrow=True), Col("needs", "needs", "code", 36),
        Col("file", "file", "code", 24),
    ),
    *LOGS,
)  # fmt: skip

#: id -> heading, and what stands below it
LABELS: dict[str, tuple[str, str]] = {
    "sessions": (
        "Sessions",
        "Joined by logon id on one computer between two of its starts; nothing is joined by guess.",
    ),
    "rdp": ("Remote desktop", "Sessions over all logs; connections, refusals and outgoing ones are counted."),
    "services": ("Services", ""),
    "tasks": ("Scheduled tasks", ""),
    "account-changes": ("Account changes", ""),
    "powershell": ("PowerShell", "Decoded text stands beside what hides it; nothing was run. Long texts are cut here."),
    "defender": ("Defender", "What it took things for is its opinion."),
    "lateral": ("Movement between machines", "Counts are of records. The clocks of different hosts are not corrected."),
    "coverage": ("What the logs could show", "Not seen is not the same as not logged: docs/coverage.md."),
    "coverage-rules": ("Rules that could not have fired", "By the channels, providers and event ids that were seen."),
    **LOG_LABELS,
}
