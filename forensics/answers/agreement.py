"""The agreement certificates of event logs: one row a file, counts by each parser, and a word for it.

Read from receipts: what the parsers told when they ran. A log that no second parser read is a row too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from forensics.answers.case import Case, Table, untold
from forensics.model.event import Receipt

LOGS, CERTIFICATE = "windows.evtx", "windows.evtx-agreement"
ALERTS = f"{CERTIFICATE}-alerts"
NOT_RUN = "no second parser ran on it: the extra is not installed (pip install 'sealbag[second]'), or --verify none"
_FAILED = ("failed", "quarantined")
#: row's name -> what the parser told
_TOLD = {
    "walker": "records-walker", "evtx": "records-evtx", "libevtx": "records-libevtx",
    "libevtx_mended": "records-libevtx-mended", "python_evtx": "records-python-evtx", "compared": "compared",
    "fields_compared": "fields-compared", "agree": "agree", "disagree": "disagree", "only_evtx": "only-evtx",
    "only_libevtx": "only-libevtx", "neither": "neither-renders", "for_us": "arbiter-for-us",
    "for_libevtx": "arbiter-for-libevtx", "arbiter_neither": "arbiter-neither",
    "arbiter_no_answer": "arbiter-no-answer", "arbiter_out_of_time": "arbiter-out-of-time",
    "arbiter_agrees": "arbiter-agrees", "arbiter_differs": "arbiter-differs",
}  # fmt: skip
_DISPUTED = ("disagree", "only_evtx", "only_libevtx", "neither", "arbiter_differs")
_WORDS = ("arbiter", "libevtx-file", "version-evtx", "version-libevtx", "version-python-evtx")


def _number(receipt: Receipt | None, name: str) -> int:
    value = receipt.counts.get(name) if receipt is not None else None
    return value if type(value) is int and value >= 0 else 0


def _by_content(case: Case, plugin: str) -> dict[str, Receipt]:
    """The receipt of each content; of several the one that compared most, the later of equal ones."""
    found: dict[str, Receipt] = {}
    for receipt in case.receipts():
        if receipt.plugin == plugin:
            known = found.get(receipt.content)
            if known is None or _number(receipt, "told_compared") >= _number(known, "told_compared"):
                found[receipt.content] = receipt
    return found


def _verdict(row: Mapping[str, Any], log: Receipt, certificate: Receipt | None) -> tuple[str, str]:
    """(the word, why): agree, agree-but-N, not checked, no records."""
    if certificate is None:
        return "not checked", NOT_RUN
    missing = max(0, _number(log, "told_records-walked") - row["walker"])
    end = f"{certificate.status}: {certificate.code}" if certificate.code else certificate.status
    if certificate.status in _FAILED and not row["compared"]:
        return "not checked", f"the second parser's run ended {end}"
    if not row["walker"] and not missing:
        ended = f"; the log's own parser ended {log.code or log.status}" if log.status in _FAILED else ""
        return "no records", f"the walk found no live record{ended}"
    if not row["compared"]:
        return "not checked", "no record could be compared"
    number = sum(row[name] for name in _DISPUTED) + missing
    why = f"{missing:,} records were not compared ({end})" if missing else ""
    return (f"agree-but-{number}" if number else "agree"), why


def agreement_rows(case: Case) -> Iterator[dict[str, Any]]:
    """One row a Windows event log, in the order of the results."""
    certificates, alerts = _by_content(case, CERTIFICATE), _by_content(case, ALERTS)
    for content, log in _by_content(case, LOGS).items():
        certificate, place = certificates.get(content), case.place(content)
        row: dict[str, Any] = {
            "path": place.path if place is not None else "", "host": case.host, "content": content,
            **{name: _number(certificate, f"told_{told}") for name, told in _TOLD.items()},
        }  # fmt: skip
        row["verdict"], row["why"] = _verdict(row, log, certificate)
        for word in ("agree", "differ", "no-answer"):
            row[f"alerts_{word.replace('-', '_')}"] = _number(alerts.get(content), f"verdict-{word}")
        for word in _WORDS if certificate is not None else ():
            value = certificate.counts.get(f"told_{word}") if certificate is not None else ""
            row[word.replace("-", "_")] = value if isinstance(value, str) else ""
        yield row


def agreement_table(case: Case) -> Table:
    """The table ``agreement``."""
    return Table("agreement", lambda: agreement_rows(case), untold(case))
