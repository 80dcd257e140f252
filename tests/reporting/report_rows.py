"""A report's data for tests and the benchmark: rows as a triage of a small web server gives them."""

from __future__ import annotations

import bisect
import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forensics.model.event import Finding
from forensics.reporting.data import Checked, Covered, Found, Place, ReportData
from forensics.verifier import Check, Verdict

SECOND = 1_000_000_000
BEGIN = 1_732_060_800 * SECOND  # 2024-11-20 00:00 UTC
USERS = ("root", "www-data", "deploy", "backup", "postgres", "a.jones", "m.silva", "svc-monitor")
UNITS = ("nginx", "sshd", "cron", "systemd", "postgres", "php-fpm8.2", "sudo", "kernel", "dockerd", "rsyslogd")
FOLDERS = ("etc", "usr/bin", "usr/lib/x86_64-linux-gnu", "var/log", "var/www/shop/uploads", "home/deploy/.ssh", "tmp")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def mixed(number: int) -> int:
    """A number that looks random and is the same on every run (Knuth's multiplicative hash)."""
    return (number * 2654435761) & 0xFFFFFFFF


#: how busy each hour of the four days is; somebody guesses passwords in the third night
BURST = range(49, 54)
HOURS = [160 if hour in BURST else 12 + 30 * (8 <= hour % 24 <= 18) + mixed(hour) % 9 for hour in range(96)]
LOGS = {unit: (f"/var/log/{unit}.log", digest(unit)) for unit in UNITS}


def events(count: int) -> Iterator[dict[str, Any]]:
    """Log lines of four days, busier by day, with a burst of failed logons on the third night."""
    total = list(itertools.accumulate(HOURS))
    for number in range(count):
        noise = mixed(number)
        place = (number + noise / (1 << 32)) / count * total[-1]
        hour = min(len(HOURS) - 1, bisect.bisect_right(total, place))
        share = 1 - (total[hour] - place) / HOURS[hour]
        ts = BEGIN + int((hour + share) * 3600) * SECOND + noise % SECOND
        burst = hour in BURST and noise % 4 != 0
        unit = "sshd" if burst else UNITS[noise % len(UNITS)]
        user = USERS[(noise >> 8) % len(USERS)]
        path, content = LOGS[unit]
        address = f"203.0.113.{noise % 40}" if burst else f"10.0.{noise % 4}.{(noise >> 4) % 250}"
        action = {"sshd": "logon-failed" if burst else "logon", "sudo": "command"}.get(unit, "")
        words = "Failed password for" if burst else "session opened for" if unit == "sshd" else "request served to"
        yield {
            "ts": ts, "ts_kind": "logged", "host": "web1", "path": path, "user": user,
            "src_ip": address if unit in ("sshd", "nginx") else "", "action": action,
            "message": f"{unit}[{800 + noise % 9000}]: {words} {user} from {address} port {1024 + noise % 60000}",
            "event_id": digest(f"{content}{number}"), "content": content, "parser": "linux.syslog",
            "locator": f"o{number * 97}", "seq": 20 + UNITS.index(unit), "tz_basis": "host-zone",
        }  # fmt: skip


def artefacts(count: int) -> Iterator[dict[str, Any]]:
    """Rows as the catalogue has them."""
    for number in range(count):
        noise = mixed(number)
        folder = FOLDERS[noise % len(FOLDERS)]
        outcome = ("complete",) * 96 + ("denied", "partial", "over-cap", "not-regular")
        name = outcome[noise % 100]
        clock = f"{noise % 24:02d}:{noise % 60:02d}:{(noise >> 3) % 60:02d}.{noise % 10**9:09d}"
        time = f"2024-11-{1 + noise % 23:02d}T{clock}Z"
        row = {
            "seq": 12 + number, "source": "s0", "volume": "v0", "path": f"/{folder}/file-{number:06d}.dat",
            "raw": None, "stream": None, "type": "file", "state": "allocated", "size": noise % 5_000_000,
            "sha256": digest(str(number)), "outcome": name, "flags": ["changed"] if noise % 50 == 0 else [],
            "times": {"m": time, "a": time, "c": time, "b": None}, "why": ["stanzas:linux-logs"], "method": "read",
            "address": str(131072 + number), "owner": "0:0", "mode": 0o100644, "nlink": 1,
        }  # fmt: skip
        if name not in ("complete", "partial"):
            row["sha256"] = None
        yield row


def web1() -> dict[str, Any]:
    """The small tables: a tree with a web shell's child that runs from a deleted file, and what goes with it."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("web1.json").read_text("utf-8"))
    for row in found["processes"]:
        row |= {
            "started": BEGIN + row["pid"] * 37 * SECOND,
            "seq": 6,
            "sha256": digest(row["exe"]) if "exe" in row else "",
        }
    found["findings"] = [Found(Finding(**row["finding"]), (Place(**row["place"]),)) for row in found["findings"]]
    return found


def accounts() -> list[dict[str, Any]]:
    """One row an account."""
    return [
        {
            "user": user, "uid": str(1000 + number), "home": f"/home/{user}", "shell": "/bin/bash",
            "groups": "sudo docker" if number == 2 else user, "flags": "password set" if number % 2 else "",
            "last_logon": BEGIN + number * 7200 * SECOND, "seq": 9,
        }
        for number, user in enumerate(USERS)
    ]  # fmt: skip


def receipts() -> list[dict[str, Any]]:
    """One row a log; the fourth has lines that could not be read."""
    rows = []
    for number, (path, content) in enumerate(LOGS.values()):
        row = {"plugin": "linux.syslog", "version": "1", "path": path, "status": "ok", "events": 200 + number}
        if number == 3:
            row |= {"status": "partial", "problems": 2, "detail": "2 lines have no time that can be read"}
        rows.append(row | {"content": content, "seq": 20 + number})
    return rows


CHECKS = "layout ledger tree checkpoints objects manifest tagmanifest closed-list seal signature statements anchor"
SIGNER = "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"


def verdict(code: str = "VALID") -> Verdict:
    """A verdict as the verifier gives it for such a bag."""
    bad = Check("objects", "fail", 311, "data/objects/ab/ab12", "the digest of data/objects/ab/ab12 is another")
    checks = [bad if name == "objects" and code == "INVALID" else Check(name, "pass") for name in CHECKS.split()]
    checks.append(Check("time-tokens", "not-checked", why="no token in the bag"))
    return Verdict(
        code=code, exit={"VALID": 0, "INVALID": 1, "UNTRUSTED": 3}[code], first=bad if code == "INVALID" else None,
        checks=tuple(checks), not_checked=("time-tokens: none in the bag",),
        anchor=() if code == "UNTRUSTED" else (f"signer {SIGNER}",), sha256=digest("verdict"),
        bag="5e1f0c9a2b7d4e6f8a1b3c5d7e9f0a2b", lines=1284, files=1164, bytes=3_912_004_117, signer=SIGNER,
        seal_sha256=digest("seal"), root=digest("root"),
    )  # fmt: skip


def report_data(event_count: int = 2000, artefact_count: int = 1212, **changes: Any) -> ReportData:
    """The whole report of web1."""
    small = web1()
    counts = {"complete": 1160, "denied": 12, "partial": 4, "over-cap": 3, "not-regular": 33}
    values: dict[str, Any] = {
        "verdict": verdict(), "bag": "web1/bag", "checked": Checked(74, 1212, 3),
        "covered": Covered(counts, 1164, 3_912_004_117, small.pop("gaps"), small.pop("rules")),
        "artefacts": artefacts(artefact_count), "events": events(event_count), "accounts": accounts(),
        "logons": [row for row in events(500) if row["action"]], "receipts": receipts(), **small,
    }  # fmt: skip
    return ReportData(**{**values, **changes})
