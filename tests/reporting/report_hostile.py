"""What a host may call its files, processes and users."""

from __future__ import annotations

from report_rows import report_data

from forensics.model.event import Finding
from forensics.reporting.data import Covered, Found, Place, ReportData

HOSTILE = (
    "</script><script>pwned=1</script><img src=x onerror=pwned=1>\"'&{{7*7}}<!--",
    "\x1b]0;title\x07\x1b[31mred\x00\x9b2J",
    "innocent\u202egnp.exe\u2066\u200b\ufeff",
    '=HYPERLINK("https://evil.example","open")',
    "../../etc/passwd\r\nSet-Cookie: x",
    "\ud800 lone \udcff",
)


def hostile_data() -> ReportData:
    """Every field that evidence can fill holds every hostile text."""
    rows = [{"name": text, "path": text, "message": text, "user": text, "ts": 1, text: text} for text in HOSTILE]
    found = [Found(Finding(text, text, "alert", text, text, text), (Place(text, 1, text, text),)) for text in HOSTILE]
    mine = [
        dict.fromkeys(("rule", "state", "reason", "outcome", "code", "detail", "t", "kind"), text) for text in HOSTILE
    ]
    return report_data(
        bag=HOSTILE[0], about={"case": HOSTILE[0], "host": HOSTILE[1], "zone": HOSTILE[2], "note": HOSTILE[4]},
        events=rows, logons=rows, accounts=rows, sockets=rows, receipts=rows, findings=found, sources=rows,
        processes=[{**row, "pid": n, "ppid": n - 1, "cmdline": row["name"]} for n, row in enumerate(rows)],
        artefacts=[{"path": x, "sha256": x, "why": [x], "times": {"m": x}, "flags": HOSTILE} for x in HOSTILE],
        covered=Covered({HOSTILE[0]: 1}, 1, 1, mine, mine), custody=mine, blind=HOSTILE, empty={"gaps": HOSTILE[0]},
    )  # fmt: skip
