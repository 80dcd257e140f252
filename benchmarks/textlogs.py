"""Text logs to rows on disk against plaso: a syslog, an authentication log and an access log."""

from __future__ import annotations

import hashlib
import json
import random
import resource
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from benchmarks import peers
from benchmarks.measure import BIN, ROOT, SCRATCH, Figure, Result, Side, call, clean, figure, fresh, interleave, say

LINES = 200_000
#: plaso is given the first of them, since it takes minutes, and a few, for what it needs to start
PEER_LINES, FEW = 30_000, 100
PLASO = "plaso==20260720"
FLOOR = 50.0
ROUNDS = 2
DATA = SCRATCH / "data" / "text-logs"
_BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
_SYSTEM = (
    "systemd[1]: Started Session {0} of user root.", "systemd[1]: apt-daily.service: Succeeded.",
    "kernel: [{0}.123456] usb 1-1: new high-speed USB device number 4 using xhci_hcd",
    "CRON[{0}]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)",
    "dhclient[{0}]: DHCPREQUEST for 192.0.2.5 on eth0 to 192.0.2.1 port 67",
    'rsyslogd: [origin software="rsyslogd" swVersion="8.2302.0" x-pid="{0}"] rsyslogd was HUPed',
)  # fmt: skip
_AUTH = (
    "sshd[{0}]: Failed password for invalid user admin from 203.0.113.{1} port {0} ssh2",
    "sshd[{0}]: Accepted publickey for alice from 203.0.113.{1} port {0} ssh2: ED25519 SHA256:abc",
    "sshd[{0}]: pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)",
    "sudo:    alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/usr/bin/apt update",
    "CRON[{0}]: pam_unix(cron:session): session closed for user root",
    "sshd[{0}]: Connection closed by authenticating user root 203.0.113.{1} port {0} [preauth]",
)  # fmt: skip
_CLIENTS = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36", "curl/7.88.1", "Googlebot/2.1")
_TASK = """
import json, sys, time
from forensics.tasks import parse_content
item = json.loads(sys.argv[1])
start, own = time.perf_counter(), time.process_time()
done = parse_content.parse(item, {})
print(json.dumps(done | {"seconds": time.perf_counter() - start, "cpu": time.process_time() - own}))
"""


def _system(chooser: random.Random, shapes: tuple[str, ...]) -> Iterator[str]:
    at = _BEGIN
    for _ in range(LINES):
        at += timedelta(seconds=chooser.choice((0, 1, 2, 5, 20)))
        text = chooser.choice(shapes).format(chooser.randrange(400, 40_000), chooser.randrange(1, 255))
        yield f"{at:%b} {at.day:2d} {at:%H:%M:%S} web01 {text}\n"


def _access(chooser: random.Random) -> Iterator[str]:
    at = _BEGIN
    for _ in range(LINES):
        at += timedelta(seconds=chooser.choice((0, 0, 0, 1, 3)))
        page, size = chooser.randrange(900), chooser.randrange(50_000)
        yield (
            f"203.0.113.{chooser.randrange(1, 255)} - - [{at:%d/%b/%Y:%H:%M:%S} +0100]"
            f' "{chooser.choice(("GET", "POST"))} /p/{page}/index.php?id={chooser.randrange(10**6)} HTTP/1.1"'
            f' {chooser.choice((200, 200, 304, 404))} {size} "https://www.example.org/p/{page}"'
            f' "{chooser.choice(_CLIENTS)}"\n'
        )


#: name -> our parser, and its lines
LOGS: dict[str, tuple[str, Callable[[random.Random], Iterator[str]]]] = {
    "syslog": ("collectors.parsers.syslog:SyslogParser", lambda chooser: _system(chooser, _SYSTEM)),
    "auth.log": ("collectors.parsers.syslog:AuthParser", lambda chooser: _system(chooser, _AUTH)),
    "access.log": ("collectors.parsers.web.access:AccessParser", _access),
}


def made(name: str, lines: int) -> Path:
    """The first lines of the log of this name, the same bytes on every machine."""
    path = DATA / str(lines) / name
    if not path.exists():
        say(f"making {name}, {lines:,} lines")
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text("".join(islice(LOGS[name][1](random.Random(name)), lines)), "ascii")
        part.replace(path)
    return path


def _ours(path: Path, target: str) -> tuple[float, float]:
    """Seconds and CPU seconds of the parse task: rows on disk, in one process, as a child does it."""
    item = {
        "path": str(path), "size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "inputs": {"name": path.name, "mtime": int(_BEGIN.timestamp() + 200 * 86400) * 10**9, "zone": "UTC"},
        "plugin": target, "out": str(fresh("rows")),
    }  # fmt: skip
    printed = call(BIN / "python", "-c", _TASK, json.dumps(item), cwd=ROOT)
    found = json.loads(printed)
    if found["status"] != "ok" or found["rows"] != LINES:
        raise SystemExit(f"{path.name}: {found['status']}, {found['rows']} rows")
    return float(found["seconds"]), float(found["cpu"])


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _theirs(programs: Path, path: Path, lines: int) -> tuple[float, float, float]:
    """Seconds of log2timeline, and of psort writing its events as JSON lines, and CPU seconds of both."""
    from time import perf_counter

    store, out, log = fresh("plaso"), fresh("jsonl"), fresh("log.gz")
    quiet = ("-q", "--status_view", "none", "--logfile", log)
    start, own = perf_counter(), _cpu()
    call(
        programs.with_name("log2timeline"),
        *quiet,
        "--single-process",
        "--timezone",
        "UTC",
        "--storage_file",
        store,
        path,
    )
    middle = perf_counter()
    call(programs.with_name("psort"), *quiet, "-o", "json_line", "-w", out, store)
    end, own = perf_counter(), _cpu() - own
    with out.open("rb") as stream:
        rows = sum(1 for _ in stream)
    # psort writes events once that are alike in all they show, time included
    if rows < lines * 0.95:
        raise SystemExit(f"plaso has {rows} rows of {path.name}")
    return middle - start, end - middle, own


def _measured(name: str, target: str, programs: Path, start: tuple[float, float, float]) -> list[Figure]:
    """:param start: what plaso takes for a log of :data:`FEW` lines, which is taken off and the rest scaled."""
    path, part = made(name, LINES), made(name, PEER_LINES)
    peer, ours = "log2timeline and psort", "sealbag's parse task"
    cpu: dict[str, list[float]] = {ours: [], peer: []}

    def us() -> float:
        seconds, own = _ours(path, target)
        cpu[ours].append(own)
        return seconds

    # theirs takes minutes, ours seconds: one round of it between two and two of ours
    seconds = interleave([Side(ours, us)], ROUNDS)
    found = _theirs(programs, part, PEER_LINES)
    scale = LINES / (PEER_LINES - FEW)
    extract, write, own = (max(one - less, 0.0) * scale for one, less in zip(found, start, strict=True))
    seconds[peer], cpu[peer] = [extract + write], [own]
    seconds[ours] += interleave([Side(ours, us)], ROUNDS, warm=False)[ours]
    rows = figure(f"{name}, {LINES:,} lines to rows", seconds, ours, peer, FLOOR)
    rows.note = f"{LINES / rows.seconds[ours]:,.0f} lines/s against {LINES / rows.seconds[peer]:,.0f}"
    alone = {ours: seconds[ours], "log2timeline": [extract]}
    return [
        rows,
        figure(f"{name}, CPU", cpu, ours, peer, FLOOR),
        figure(f"{name}, log2timeline alone (its store, no rows)", alone, ours, "log2timeline"),
    ]


def run() -> Result | None:
    """Measure each log; None if plaso cannot be had."""
    programs = peers.pypi(PLASO, "log2timeline")
    if programs is None:
        return None
    first = next(iter(LOGS))
    start = _theirs(programs, made(first, FEW), FEW)
    figures = [one for name, (target, _) in LOGS.items() for one in _measured(name, target, programs, start)]
    clean()
    text = [
        f"Synthetic logs of {LINES:,} lines in the words of real ones. Ours is what a child does with a content: "
        "read, parsed, rows written (JSON, zstd), in one process, without the start of Python. "
        "plaso: log2timeline with all its parsers, as an examiner calls it, in one process, and psort to JSON lines; "
        f"one run of each log's first {PEER_LINES:,} lines, since it takes minutes: less what a log of {FEW} lines "
        f"takes (its start: {start[0] + start[1]:.1f} s, {start[2]:.1f} s of CPU), scaled to {LINES:,} lines. "
        "log2timeline alone leaves a store that no other program reads. psort writes lines that are alike in time "
        "and text once; ours is a row a line."
    ]
    return Result("text-logs", "Text logs to rows", figures, text, {"plaso": "20260720 (PyPI)"})
