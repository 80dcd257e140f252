"""Triage takes the text logs that the parsers read, and the parsers know them by the names they are taken under."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

from collectors.parsers import names


def stanzas() -> dict[str, dict[str, object]]:
    folder = files("collectors.definitions")
    return {
        row["name"]: row
        for path in ("linux.toml", "windows.toml")
        for row in tomllib.loads((folder / path).read_text("utf-8"))["artefact"]
    }


#: stanza -> a path that it must take, and what the parsers' table of names says of it
TAKEN = [
    ("linux.audit", "var/log/audit/audit.log.4", "audit"),
    ("linux.web-logs", "var/log/apache2/access.log.2.gz", "web-access"),
    ("linux.web-logs", "var/log/nginx/vhosts/error.log", "web-error"),
    ("linux.web-logs", "var/log/httpd/ssl_access_log-20240101", "web-access"),
    ("windows.iis", "inetpub/logs/LogFiles/W3SVC1/u_ex240101.log", "iis"),
    ("windows.iis", "Windows/System32/LogFiles/HTTPERR/httperr1.log", "iis"),
    ("windows.web-logs", "xampp/apache/logs/access.log", "web-access"),
    ("windows.web-logs", "Apache24/logs/error.log", "web-error"),
]


@pytest.mark.parametrize(("stanza", "path", "kind"), TAKEN)
def test_taken_and_known(stanza: str, path: str, kind: str) -> None:
    row = stanzas()[stanza]
    fires = row["fires"]
    assert isinstance(fires, list) and path in fires, "the stanza's own test shows that it takes this path"
    assert names.kind(path) == kind
