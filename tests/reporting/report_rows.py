"""A report's data for tests and the benchmark: rows as a triage of a small web server gives them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from forensics.model.event import Finding, Ref
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


LOGS = {unit: (f"/var/log/{unit}.log", digest(unit)) for unit in UNITS}


def events(count: int) -> Iterator[dict[str, Any]]:
    """Log lines of four days, busier by day, with a burst of failed logons on the third night."""
    step = 4 * 86_400 * SECOND // count
    for number in range(count):
        noise = mixed(number)
        ts = BEGIN + number * step + noise % step
        burst = 2.05 < number / count * 4 < 2.25 and noise % 3 != 0
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
        time = f"2024-11-{1 + noise % 23:02d}T{noise % 24:02d}:{noise % 60:02d}:{(noise >> 3) % 60:02d}.{noise % 10**9:09d}Z"
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


def processes() -> list[dict[str, Any]]:
    """A tree with a web shell's child that runs from a deleted file."""
    rows = [
        (1, 0, "systemd", "root", "/usr/lib/systemd/systemd", "/sbin/init", ""),
        (2, 0, "kthreadd", "root", "", "", "kernel"),
        (14, 2, "ksoftirqd/0", "root", "", "", "kernel"),
        (412, 1, "systemd-journald", "root", "/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald", ""),
        (733, 1, "sshd", "root", "/usr/sbin/sshd", "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", ""),
        (2210, 733, "sshd", "root", "/usr/sbin/sshd", "sshd: deploy [priv]", ""),
        (2231, 2210, "sshd", "deploy", "/usr/sbin/sshd", "sshd: deploy@pts/0", ""),
        (2232, 2231, "bash", "deploy", "/usr/bin/bash", "-bash", ""),
        (810, 1, "nginx", "root", "/usr/sbin/nginx", "nginx: master process /usr/sbin/nginx", ""),
        (811, 810, "nginx", "www-data", "/usr/sbin/nginx", "nginx: worker process", ""),
        (812, 810, "nginx", "www-data", "/usr/sbin/nginx", "nginx: worker process", ""),
        (820, 1, "php-fpm8.2", "root", "/usr/sbin/php-fpm8.2", "php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)", ""),
        (822, 820, "php-fpm8.2", "www-data", "/usr/sbin/php-fpm8.2", "php-fpm: pool www", ""),
        (9120, 822, "sh", "www-data", "/usr/bin/dash", "sh -c /tmp/.x/kworkerd -o pool.example:443", ""),
        (9121, 9120, "[kworker/u8:2]", "www-data", "/tmp/.x/kworkerd (deleted)", "/tmp/.x/kworkerd -o pool.example:443", "deleted poses-as-kernel"),
    ]  # fmt: skip
    names = ("pid", "ppid", "name", "user", "exe", "cmdline", "flags")
    return [
        dict(zip(names, row, strict=True)) | {"started": BEGIN + row[0] * 37 * SECOND, "sha256": digest(row[4]) if row[4] else "", "seq": 6}
        for row in rows
    ]  # fmt: skip


def findings() -> list[Found]:
    """One of each level, and one in twelve places."""
    shell = digest("shell")
    place = Place("/tmp/.x/kworkerd", 6, digest("/tmp/.x/kworkerd (deleted)"), "r9121.0", "", "web1")
    web = [Place(f"/var/www/shop/uploads/img_{n:02d}.php", 300 + n, shell, "o0", "", "web1") for n in range(12)]
    return [
        Found(Finding("answers.processes", "deleted-executable", "alert", "A process runs from a deleted file and poses as a kernel thread", "Malware removes its file after the start so that a scan of the disk cannot find it. The executable was recovered from memory.", "An update that replaced a running program looks the same; the name and the folder do not fit one.", (Ref(place.content, place.locator),), ts=BEGIN + 9121 * 37 * SECOND, attrs={"pid": 9121}), (place,)),
        *(Found(Finding("yara", "php_eval_of_request", "alert", "PHP that runs what a request sends", "This is how a web shell is built.", "That it was ever called: see the web server's log.", (Ref(shell, "o0"),), matched="eval(base64_decode($_POST['x']))", offset=6, length=31, pack_sha256=digest("pack"), rule_sha256=digest("rule")), (item,)) for item in web),
        Found(Finding("answers.logons", "burst-of-failures", "warning", "21,904 failed logons from 40 addresses within five hours", "Somebody guesses passwords; three of the accounts named exist.", "That one was guessed: no success from these addresses is in the logs that are here.", ts=BEGIN + 2 * 86_400 * SECOND), (Place("/var/log/sshd.log", 21, LOGS["sshd"][1], "o4753000", digest("x"), "web1"),)),
        Found(Finding("answers.persistence", "authorized-key-added", "warning", "A key was added to an account two days before collection", "An attacker's key survives a change of password.", "Who added it.", ts=BEGIN + 86_400 * SECOND), (Place("/home/deploy/.ssh/authorized_keys", 77, digest("keys"), "o412", "", "web1"),)),
        Found(Finding("answers.clock", "log-gap", "notice", "No line in auth.log for 3 h 12 min", "Lines may have been removed.", "The host may have been idle or asleep."), (Place("/var/log/auth.log", 22, digest("auth"), "o88112", "", "web1"),)),
    ]  # fmt: skip


def verdict(code: str = "VALID") -> Verdict:
    """A verdict as the verifier gives it for such a bag."""
    names = ("layout", "ledger", "tree", "checkpoints", "objects", "manifest", "tagmanifest", "closed-list", "seal", "signature", "statements", "anchor")  # fmt: skip
    checks = [Check(name, "pass", why="" if name != "objects" else "1,164 contents, every digest and size") for name in names]
    checks.append(Check("time-tokens", "not-checked", why="no token in the bag"))
    exits = {"VALID": 0, "INVALID": 1, "UNTRUSTED": 3}
    first = Check("objects", "fail", 311, "data/objects/ab/ab12", "the digest of data/objects/ab/ab12 is another") if code == "INVALID" else None
    return Verdict(
        code, exits[code], first, tuple(checks), ("time-tokens: none in the bag",), ("signer SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",),
        digest("verdict"), "5e1f0c9a2b7d4e6f8a1b3c5d7e9f0a2b", 1284, 1164, 3_912_004_117, "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",
        digest("seal"), digest("root"),
    )  # fmt: skip


def covered() -> Covered:
    gaps = [
        {"seq": 40 + n, "path": path, "outcome": outcome, "code": code, "detail": detail}
        for n, (path, outcome, code, detail) in enumerate(
            [
                ("/proc/2/maps", "denied", "eperm", "operation not permitted"),
                ("/var/lib/docker/overlay2/big.img", "over-cap", "cap", "the profile takes at most 256 MiB; the file has 41 GiB"),
                ("/var/log/kern.log", "partial", "bad-range", "4,096 bytes at 1,048,576 could not be read"),
                ("rule kape:WindowsTimeline", "not-evaluated", "no-registry", "the users' homes come from a hive that is not here"),
            ]
        )
    ]  # fmt: skip
    rules = [
        {"rule": f"stanzas:linux-{name}", "state": state, "reason": reason, "counts": counts}
        for name, state, reason, counts in [
            ("logs", "matched", "", "212 complete, 1 partial"), ("ssh-keys", "matched", "", "9 complete"),
            ("web-roots", "matched", "", "812 complete"), ("anydesk", "absent", "", ""), ("teamviewer", "absent", "", ""),
            ("container-images", "excluded", "not in the profile triage", ""), ("timeline", "not-evaluated", "no-registry", ""),
        ]
    ]  # fmt: skip
    return Covered({"complete": 1160, "denied": 12, "partial": 4, "over-cap": 3, "not-regular": 33}, 1164, 3_912_004_117, gaps, rules)  # fmt: skip


def report_data(event_count: int = 2000, artefact_count: int = 1212, **changes: Any) -> ReportData:
    """The whole report of web1."""
    about = {
        "case": "2024-117", "exhibit": "WEB1", "examiner": "A. Jones", "host": "web1", "system": "Debian GNU/Linux 12",
        "profile": "triage", "started": "2024-11-24T13:06:37.123456789Z", "ended": "2024-11-24T13:09:02.000000000Z",
        "zone": "Europe/Lisbon", "tool": "sealbag 1.0.0", "bag": "5e1f0c9a2b7d4e6f8a1b3c5d7e9f0a2b",
    }  # fmt: skip
    sockets = [
        {"proto": "tcp", "local": "0.0.0.0:22", "remote": "", "state": "listen", "pid": 733, "process": "sshd", "user": "root", "netns": "4026531840"},
        {"proto": "tcp", "local": "0.0.0.0:443", "remote": "", "state": "listen", "pid": 810, "process": "nginx", "user": "root", "netns": "4026531840"},
        {"proto": "tcp", "local": "10.0.0.5:41822", "remote": "198.51.100.77:443", "state": "established", "pid": 9121, "process": "[kworker/u8:2]", "user": "www-data", "netns": "4026532281"},
        {"proto": "tcp", "local": "10.0.0.5:22", "remote": "10.0.3.14:50122", "state": "established", "pid": 2210, "process": "sshd", "user": "root", "netns": "4026531840"},
    ]  # fmt: skip
    accounts = [
        {"user": user, "uid": str(1000 + n), "home": f"/home/{user}", "shell": "/bin/bash", "groups": "sudo docker" if n == 2 else user, "flags": "password set" if n % 2 else "", "last_logon": BEGIN + n * 7200 * SECOND, "seq": 9}
        for n, user in enumerate(USERS)
    ]  # fmt: skip
    receipts = [
        {"plugin": "linux.syslog", "version": "1", "path": path, "status": "ok" if n != 3 else "partial", "events": 200 + n, "problems": 0 if n != 3 else 2, "detail": "" if n != 3 else "2 lines have no time that can be read", "content": content, "seq": 20 + n}
        for n, (path, content) in enumerate(LOGS.values())
    ]  # fmt: skip
    values: dict[str, Any] = {
        "verdict": verdict(), "bag": "web1/bag", "about": about, "covered": covered(), "checked": Checked(74, 1212, 3),
        "findings": findings(), "artefacts": artefacts(artefact_count), "events": events(event_count),
        "processes": processes(), "sockets": sockets, "accounts": accounts,
        "logons": [row for row in events(500) if row["action"]], "receipts": receipts,
        "sources": [{"source": "s0", "uri": "live:", "kind": "live", "volume": "/", "file system": "ext4", "state": "walked"}, {"source": "s0", "uri": "live:", "kind": "live", "volume": "/boot", "file system": "vfat", "state": "walked"}],
        "custody": [{"t": "2024-11-24T15:00:11Z", "kind": "offer", "who": "A. Jones", "text": "to B. Costa, laboratory"}, {"t": "2024-11-25T08:12:40Z", "kind": "accept", "who": "B. Costa", "text": "verdict VALID"}],
        "blind": ["Deleted files: a live file system is read through the operating system.", "Memory of processes, but for the executables that were deleted.", "What a kernel rootkit hides from the system calls that were used."],
    }  # fmt: skip
    return ReportData(**{**values, **changes})
