"""``linux.packages``: dpkg.log, apt's history.log, yum.log, dnf's logs, pacman.log, zypper's history, apk.log.

Times are the host's own; dnf and pacman write their offset, apk writes UTC. Sources: dpkg(1), apt(8),
yum(8), dnf(8), pacman(8), zypper(8), apk(8).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Any

from collectors.parsers import names
from collectors.parsers.apk import apk_events
from collectors.parsers.apt import apt_events
from collectors.parsers.clock import zone_input
from collectors.parsers.content import open_text, text_lines
from collectors.parsers.syslog_lines import MONTHS
from collectors.parsers.text import Line, decode, lines, native, one_line
from collectors.parsers.wallclock import fast_iso, iso_doubt
from collectors.parsers.years import Years, day_of
from forensics.model.event import Event, Opened, Problem

_ISO = (
    r"(?P<ts>[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)"
)
_DPKG = re.compile(rf"{_ISO} (?P<verb>[a-z-]+) ?(?P<rest>.*)")
_YUM = re.compile(
    r"(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?P<day>[ 0-3]?[0-9]) (?P<clock>[0-9:]{8})"
    r" (?P<verb>[A-Z][a-z]+): (?P<package>.+)"
)
_DNF = re.compile(rf"{_ISO} (?P<level>[A-Z]+) (?P<rest>.*)")
_RPM = re.compile(
    r"(?P<verb>Installed|Upgrade|Upgraded|Erase|Erased|Removed|Reinstall|Reinstalled|Downgrade): (?P<package>.+)"
)
_PACMAN = re.compile(r"\[(?P<ts>[0-9-]{10}[T ][0-9:]{5,8}(?:[+-][0-9]{4})?)\] \[(?P<by>[A-Z-]+)\] (?P<rest>.*)")
_ALPM = re.compile(r"(?P<verb>installed|upgraded|removed|reinstalled|downgraded) (?P<package>\S+) \((?P<version>.*)\)")
_ZYPP = re.compile(r"(?P<ts>[0-9-]{10} [0-9:]{8})\|(?P<verb>[a-z ]+?) *\|(?P<rest>.*)")
_VERBS = {
    "install": "package-installed", "installed": "package-installed", "reinstalled": "package-installed",
    "reinstall": "package-installed", "upgrade": "package-upgraded", "upgraded": "package-upgraded",
    "updated": "package-upgraded", "downgraded": "package-upgraded", "downgrade": "package-upgraded",
    "remove": "package-removed", "removed": "package-removed", "erase": "package-removed", "erased": "package-removed",
    "purge": "package-removed", "startup": "package-transaction", "command": "package-transaction",
}  # fmt: skip


class PackagesParser:
    """Package managers' logs, packed or not."""

    id = "linux.packages"
    version = "1"
    inputs: tuple[str, ...] = ("name", "mtime", "zone")

    def claims(self, name: str, head: bytes) -> int:
        """85 by name."""
        return 85 if names.kind(name) == "packages" else 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield each line (apt: each transaction)."""
        base, zone = names.stem(str(opened.inputs.get("name") or "")), zone_input(opened.inputs)
        if base == "history.log":
            yield from apt_events(opened, zone)
            return
        if base == "apk.log":
            yield from apk_events(opened)
            return
        if base == "yum.log":
            yield from self._yum(opened, zone)
            return
        read = {"history": _zypp, "pacman.log": _pacman, "dpkg.log": _dpkg}.get(base, _dnf)
        previous = ""
        for line in text_lines(opened):
            if isinstance(line, Problem):
                yield line
            elif line.raw.strip() and not line.raw.startswith(b"#"):
                found = _event(opened, line, zone, read)
                # dnf and pacman write tables, tracebacks and scripts' output over many lines.
                if isinstance(found, Problem) and previous and read in (_dnf, _pacman):
                    yield _more(opened, line, previous)
                    continue
                previous = line.locator if isinstance(found, Event) else previous
                yield found

    def _yum(self, opened: Opened, zone: tzinfo | None) -> Iterator[Event | Problem]:
        mtime = opened.inputs.get("mtime")
        stream, _ = open_text(opened)
        with stream:
            heads = (_YUM.match(decode(line.raw[:256])) for line in lines(stream))
            days = (day_of(MONTHS[head["month"]], int(head["day"])) for head in heads if head)
            years = Years(days, mtime if isinstance(mtime, int) else None, zone)

        def read(text: str) -> dict[str, str] | None:
            found = _YUM.fullmatch(text)
            if not found:
                return None
            month, day = MONTHS[found["month"]], int(found["day"])
            year = years.year(day_of(month, day))
            ts = f"{year:04d}-{month:02d}-{day:02d} {found['clock']}" if year else ""
            return found.groupdict() | {"ts": ts, "raw_ts": text[:15]}

        for line in text_lines(opened):
            if isinstance(line, Problem):
                yield line
            elif line.raw.strip():
                yield _event(opened, line, zone, read)


def _dpkg(text: str) -> dict[str, str] | None:
    found = _DPKG.fullmatch(text)
    if not found:
        return None
    words = found["rest"].split(" ")
    verb = found["verb"]
    at = 1 if verb in ("status",) else 0
    package = words[at] if len(words) > at and verb not in ("startup", "conffile") else ""
    return {"ts": found["ts"], "verb": verb, "package": package, "rest": found["rest"]}


def _dnf(text: str) -> dict[str, str] | None:
    found = _DNF.fullmatch(text)
    if not found:
        return None
    rpm = _RPM.fullmatch(found["rest"])
    fields = {"ts": found["ts"], "level": found["level"], "rest": found["rest"]}
    return fields | ({"verb": rpm["verb"], "package": rpm["package"]} if rpm else {})


def _pacman(text: str) -> dict[str, str] | None:
    found = _PACMAN.fullmatch(text)
    if not found:
        return None
    alpm = _ALPM.fullmatch(found["rest"])
    ts = found["ts"] if found["ts"].count(":") > 1 else found["ts"] + ":00"
    return {"ts": ts, "raw_ts": found["ts"], "rest": found["rest"]} | (alpm.groupdict() if alpm else {})


def _zypp(text: str) -> dict[str, str] | None:
    found = _ZYPP.fullmatch(text)
    if not found:
        return None
    words = found["rest"].split("|")
    package = words[0] if found["verb"] in ("install", "remove") else ""
    return {"ts": found["ts"], "verb": found["verb"], "package": package, "rest": found["rest"]}


def _event(
    opened: Opened, line: Line, zone: tzinfo | None, read: Callable[[str], dict[str, str] | None]
) -> Event | Problem:
    text = decode(line.raw)
    found = read(text)
    if found is None:
        return Problem(line.locator, "line", one_line(text, 200))
    ts, basis = fast_iso(found["ts"], zone)
    inferred = "raw_ts" in found and "month" in found and ts is not None
    attrs: dict[str, Any] = native(line.raw)
    attrs |= {name: one_line(found[name], 512) for name in ("verb", "package", "version", "level") if found.get(name)}
    attrs |= {"year_inferred": True} if inferred else {}
    attrs |= {"wall_clock": unsure} if (unsure := iso_doubt(found["ts"], zone)) else {}
    return opened.event(
        line.locator,
        ts=ts,
        ts_kind=("inferred" if inferred else "logged") if ts is not None else "",
        tz_basis=basis,
        ts_raw=found.get("raw_ts") or found["ts"],
        action=_VERBS.get(found.get("verb", "").lower(), ""),
        message=one_line(text),
        attrs=attrs,
    )


def _more(opened: Opened, line: Line, first: str) -> Event:
    """Return a line that continues another: undated, and it says which one."""
    return opened.event(line.locator, message=one_line(decode(line.raw)), attrs=native(line.raw) | {"continues": first})
