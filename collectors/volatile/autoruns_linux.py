"""What runs by itself besides units: cron, at, start scripts, preloaded libraries.

Sources: crontab(5), at(1), ld.so(8), profile.d of bash(1), the autostart specification of freedesktop.org.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

from collectors.volatile.host_linux import Host
from collectors.volatile.procfs_linux import in_folder, refusal
from collectors.volatile.rows import Row, shown
from collectors.volatile.units_linux import file_row

assert sys.platform == "linux"

_SYSTEM_TABLES = ("/etc/crontab", "/etc/anacrontab")
_SYSTEM_FOLDERS = ("/etc/cron.d",)
_USER_FOLDERS = ("/var/spool/cron/crontabs", "/var/spool/cron", "/var/spool/cron/tabs")
_SCRIPTS = (
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/etc/cron.monthly",
    "/var/spool/cron/atjobs",
    "/var/spool/at",
)
_FILES = (
    "/etc/rc.local", "/etc/rc.d/rc.local", "/etc/profile", "/etc/bash.bashrc", "/etc/environment", "/etc/inittab",
    "/etc/ld.so.conf", "/etc/modules", "/root/.bashrc", "/root/.profile", "/root/.bash_profile", "/root/.zshrc",
    "/root/.ssh/authorized_keys", "/root/.ssh/rc", "/etc/ssh/sshrc",
)  # fmt: skip
_FOLDERS = (
    "/etc/init.d", "/etc/profile.d", "/etc/xdg/autostart", "/etc/modules-load.d", "/etc/udev/rules.d",
    "/etc/update-motd.d", "/etc/network/if-up.d", "/etc/NetworkManager/dispatcher.d", "/etc/apt/apt.conf.d",
    "/etc/ld.so.conf.d", "/etc/pam.d", "/etc/sudoers.d",
)  # fmt: skip
_SETTING = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*\s*=")
MAX_LINES = 10_000


def cron_line(line: bytes, system: bool) -> Row:
    """Return schedule, user and command of a crontab line, or ``setting`` for an environment line.

    :param system: True for tables with a column for the user.
    A line of another form has ``text`` alone: cron itself would ignore or refuse it.
    """
    line = line.strip()
    if _SETTING.match(line):
        return {"setting": shown(line)}
    first = 1 if line.startswith(b"@") else 5
    words = line.split(None, first + system)
    if len(words) != first + system + 1:
        return {"text": shown(line)}
    row: Row = {"schedule": shown(b" ".join(words[:first])), "command": shown(words[-1])}
    if system:
        row["user"] = shown(words[first])
    return row


def _table(path: str, system: bool) -> Iterator[Row]:
    try:
        row, text = file_row("table", path)
    except OSError as error:
        yield refusal(path, error)
        return
    yield row
    anacron = path.endswith("anacrontab")
    for number, line in enumerate(text.splitlines()[:MAX_LINES], 1):
        if line.strip() and not line.lstrip().startswith(b"#"):
            fields = {"text": shown(line.strip())} if anacron else cron_line(line, system)
            user = {} if system or "command" not in fields else {"user": path.rpartition("/")[2]}
            yield {"type": "cron", "path": path, "line": number} | fields | user


def _paths(folder: str) -> Iterator[str | Row]:
    try:
        yield from in_folder(folder)
    except OSError as error:
        yield refusal(folder, error)


def cron_rows(host: Host) -> Iterator[Row]:
    """Yield each table, each of its lines, and each script of the periodic folders and at jobs."""
    for path in _SYSTEM_TABLES:
        yield from _table(path, True)
    for folders, system in ((_SYSTEM_FOLDERS, True), (_USER_FOLDERS, False)):
        for folder in folders:
            for found in _paths(folder):
                if isinstance(found, dict):
                    yield found
                elif not os.path.isdir(found):
                    yield from _table(found, system)
    for folder in _SCRIPTS:
        yield from _files("script", _paths(folder))


def _files(kind: str, paths: Iterator[str | Row]) -> Iterator[Row]:
    for path in paths:
        if isinstance(path, dict):
            yield path
            continue
        try:
            yield file_row(kind, path)[0]
        except OSError as error:
            yield refusal(path, error)


def autorun_rows(host: Host) -> Iterator[Row]:
    """Yield the preloaded libraries line by line, and the start-up files with digest and times.

    Their contents are the walk's business; here stands what was in force when state was taken.
    """
    try:
        row, text = file_row("preload", "/etc/ld.so.preload")
        yield row | {"libraries": [shown(word) for word in text.split()[:256]]}
    except OSError as error:
        yield refusal("/etc/ld.so.preload", error)
    yield from _files("file", iter(_FILES))
    for folder in _FOLDERS:
        yield from _files("file", _paths(folder))
