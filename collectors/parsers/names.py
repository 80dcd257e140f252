"""What a file is by its path: one table, so that no two parsers claim one name."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Kind = Literal[
    "", "utmp", "lastlog", "auth", "syslog", "history", "cron", "packages", "volatile", "journal", "evtx", "audit",
    "web-access", "web-error", "iis", "vsftpd",
]  # fmt: skip

_ROTATED = re.compile(r"(?:[.-](?:[0-9]{1,3}|[0-9]{8}(?:-?[0-9]{1,10})?|old|bak|save)|~|\.(?:gz|xz|bz2|zst|zstd))+$")
_AUTH = {"auth.log", "authlog", "secure", "sudo.log", "sudo", "auth"}
_SYSLOG = {
    "syslog", "messages", "kern.log", "daemon.log", "user.log", "cron", "cron.log", "debug", "mail.log", "maillog",
    "mail.err", "mail.warn", "mail.info", "ufw.log", "system.log", "haproxy.log", "iptables.log", "local0.log",
}  # fmt: skip
_PACKAGES = {"dpkg.log", "yum.log", "dnf.log", "dnf.rpm.log", "dnf.librepo.log", "hawkey.log", "pacman.log", "apk.log"}
_PACKAGE_PATHS = ("/apt/history.log", "/zypp/history")
_HISTORY = re.compile(
    r"^\.(?:bash|zsh|sh|ksh|ash|mksh|tcsh|csh|python|psql|mysql|mariadb|sqlite|node_repl|rediscli|lftp|php|irb)_history"
    r"|^\.(?:history|zhistory|histfile)$|^fish_history$|^\.bash_history-[0-9]+\.tmp$"
)
_STATE_HISTORY = re.compile(
    r"/\.local/state/(?:[a-z]+/)?(?:history|[a-z]+_history)$|/\.(?:bash|zsh)_sessions/[^/]+\.history"
)
_AUDIT = re.compile(r"(?:^|/)audit\.log(?:$|[.-])")
#: names of web servers' logs, where a web server keeps them; elsewhere the shape tells
_WEB = re.compile(
    r"/(?:apache2?|httpd|nginx|lighttpd|lsws|[^/]*tomcat[^/]*/logs|apache[^/]*/logs|nginx[^/]*/logs)/(?:[^/]+/)*"
    r"(?:[^/]*?[._-])?(?P<what>access|error)(?:[._-][^/]*)?$",
    re.IGNORECASE,
)
_IIS = re.compile(
    r"/(?:w3svc|msftpsvc|ftpsvc|smtpsvc)[0-9]*/[^/]+\.log$|/httperr/[^/]+\.log$|/u_ex[0-9]{4,8}(?:_x)?\.log$",
    re.IGNORECASE,
)
_CRON = re.compile(
    r"/etc/(?:ana)?crontab$|/etc/cron\.d/[^/]+$|/spool/cron/crontabs/[^/]+$|/spool/cron/(?!crontabs/|lastrun/)[^/]+$"
)
_VOLATILE = re.compile(r"(?:^|/)volatile/(?:[^/]+/)*[^/]+\.jsonl$")


def stem(name: str) -> str:
    """Return the last component of *name* without what rotation and packing added."""
    base = name.replace("\\\\", "/").rpartition("/")[2]
    return _ROTATED.sub("", base) or base


@lru_cache(maxsize=256)
def kind(name: str) -> Kind:
    """Return what a file of this display path is, "" if the path does not tell."""
    base = stem(name)
    path = "/" + name.lstrip("/")
    if _VOLATILE.search(name):
        return "volatile"
    if base in ("utmp", "wtmp", "btmp", "utmpx", "wtmpx"):
        return "utmp"
    if base == "lastlog":
        return "lastlog"
    if _HISTORY.search(base) or _STATE_HISTORY.search(path):
        return "history"
    if _CRON.search(path):
        return "cron"
    if base in _PACKAGES or any((path[: path.rfind("/")] + "/" + base).endswith(tail) for tail in _PACKAGE_PATHS):
        return "packages"
    if _AUDIT.search(path):
        return "audit"
    if base.startswith("vsftpd.log"):
        return "vsftpd"
    if web := _WEB.search(path):
        return "web-access" if web["what"].lower() == "access" else "web-error"
    if _IIS.search(path.replace("\\\\", "/")):
        return "iis"
    if base in _AUTH:
        return "auth"
    if base in _SYSLOG:
        return "syslog"
    if re.search(r"\.journal(?:~|$)", name):
        return "journal"
    return "evtx" if name.lower().endswith(".evtx") else ""
