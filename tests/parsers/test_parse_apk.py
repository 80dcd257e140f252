"""apk's log: one run a block, in UTC; nothing borrows a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from opened_file import parse

from collectors.parsers import apk
from collectors.parsers.packages import PackagesParser

TEXT = b"""\
cut off
Running `apk add --no-cache nmap \xff` at 2026-09-28 06:10:04
apk-tools 3.0.8-r0, compiled for x86_64.
(1/2) Installing lua5.4-libs (5.4.6-r2)
(2/2) Installing nmap (7.97-r0)
OK: 129.7 MiB in 208 packages

Running `apk del nmap` at 2026-09-28 06:12:00
(1/1) Purging nmap (7.97-r0)
OK: 129 MiB in 207 packages
Running `apk update` at 2026-09-28 06:13:00
"""


def test_runs(tmp_path: Path) -> None:
    path = tmp_path / "apk.log"
    path.write_bytes(TEXT)
    events, problems, _ = parse(path, PackagesParser(), name="var/log/apk.log.1", zone="Europe/Berlin")
    assert [one.code for one in problems] == ["line"]
    assert [(one.action, one.tz_basis, one.ts_raw) for one in events] == [
        ("package-installed", "utc", "2026-09-28 06:10:04"),
        ("package-removed", "utc", "2026-09-28 06:12:00"),
        ("package-transaction", "utc", "2026-09-28 06:13:00"),
    ]
    assert events[0].ts == 1_790_575_804 * 10**9 and events[0].attrs["raw"]
    assert events[0].message == "apk add --no-cache nmap \\xFF: Installing lua5.4-libs; Installing nmap"


def test_a_run_too_long_for_one_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apk, "MAX_LINES", 3)
    path = tmp_path / "apk.log"
    path.write_bytes(TEXT.replace(b" \xff", b""))
    events, _, _ = parse(path, PackagesParser(), name="var/log/apk.log")
    rest = [one for one in events if "continues" in one.attrs]
    assert [(one.ts, one.tz_basis, one.attrs["continues"]) for one in rest] == [(None, "none", events[0].locator)]
    assert sum(len(one.attrs["paragraph"].split("\n")) for one in events) == 9
