"""Against the counts that plaso's own tests expect of plaso's test files, for every file of the formats read here.

In scope: what issue-wide lists name for Linux and text logs: syslog in its shapes, auth, auditd, utmp, journals, shell
histories, cron, package managers, web servers' access and error logs, IIS, vsftpd; each is read from the list of
plaso's tests, so that a file that is added to the data is not left out in silence. The rest is out of scope, by name:
other systems' formats and databases (``OTHERS``).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from opened_file import parse

from collectors.parsers.audit.parser import AuditParser
from collectors.parsers.history import HistoryParser
from collectors.parsers.journal.parser import JournalParser
from collectors.parsers.packages import PackagesParser
from collectors.parsers.syslog import SyslogParser
from collectors.parsers.utmp import UtmpParser
from collectors.parsers.vsftpd import VsftpdParser
from collectors.parsers.web.access import AccessParser
from collectors.parsers.web.iis import IisParser
from forensics.model.event import Event, Parser

#: plaso's test of a format -> our parser, and the name under which the file would lie on a host
SCOPE: dict[str, tuple[type[Parser], str]] = {
    "text_plugins/apache_access.py": (AccessParser, "var/log/apache2/access.log"),
    "text_plugins/apt_history.py": (PackagesParser, "var/log/apt/history.log"),
    "text_plugins/bash_history.py": (HistoryParser, "root/.bash_history"),
    "text_plugins/cri.py": (SyslogParser, "var/log/pods/a/0.log"),
    "text_plugins/dpkg.py": (PackagesParser, "var/log/dpkg.log"),
    "fish_history.py": (HistoryParser, "root/.local/share/fish/fish_history"),
    "text_plugins/iis.py": (IisParser, "inetpub/logs/LogFiles/W3SVC1/u_ex130730.log"),
    "text_plugins/selinux.py": (AuditParser, "var/log/audit/audit.log"),
    "text_plugins/syslog.py": (SyslogParser, "var/log/syslog"),
    "systemd_journal.py": (JournalParser, "var/log/journal/0/system.journal"),
    "utmp.py": (UtmpParser, "var/log/wtmp"),
    "text_plugins/vsftpd.py": (VsftpdParser, "var/log/vsftpd.log"),
    "text_plugins/zsh_extended_history.py": (HistoryParser, "root/.zsh_history"),
}
#: text formats of the data that are not read here: applications' own, other systems' and sensors'
OTHERS = {
    "android_logcat", "atlassian_confluence", "atlassian_bitbucket", "aws_elb_access", "bitbucket_access",
    "bitbucket_audit", "confluence_access", "gdrive_synclog", "jira_access", "macos_wifi", "postgresql", "santa",
    "setupapi", "skydrivelog", "snort_fastlog", "teamviewer", "viminfo", "xchatscrollback",
}  # fmt: skip
#: file -> ours, and by hand why it differs
DIFFERENT = {
    "utmp/wtmp.1": (
        2, {"records-empty": 2, "truncated": 1},
        "two of the four records are zeros through and through: padding, told as records-empty and no events; a fifth"
        " of one byte is a problem here and nothing in plaso",
    ),
}  # fmt: skip
#: file -> problems that are stated beside the events: damage that plaso passes over
DAMAGED = {"utmp/utmp_corrupted": ["record", "record", "truncated"]}


def cases(data: Path) -> dict[str, tuple[int, type[Parser], str]]:
    found = {}
    for name, tests in json.loads((data / "plaso" / "expected.json").read_bytes()).items():
        for test in tests:
            key = test["plaso_test"].removeprefix("tests/parsers/")
            if key in SCOPE:
                found[name] = (test["event_data"], *SCOPE[key])
    return found


def read(data: Path, name: str, kind: type[Parser], path: str) -> tuple[list[Event], dict[str, int | str], list[str]]:
    parser = kind()
    mtime = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 10**9
    events, problems, told = parse(data / "plaso" / name, parser, name=path, mtime=mtime, zone="UTC")
    return events, told, [one.code for one in problems]


def test_every_file_in_scope(shared_data: Path) -> None:
    found = cases(shared_data)
    assert len(found) >= 14
    for name, (count, kind, path) in found.items():
        events, told, problems = read(shared_data, name, kind, path)
        if name not in DIFFERENT:
            assert (len(events), problems) == (count, DAMAGED.get(name, [])), name
            continue
        ours, said, why = DIFFERENT[name]
        assert len(events) == ours != count and why, name
        assert {**told, **{code: problems.count(code) for code in problems}}.items() >= said.items(), name
    assert set(DIFFERENT) <= set(found), "an explanation without its file"


def test_what_is_out_of_scope_is_named(shared_data: Path) -> None:
    """Every text format of the data is read, or stands in the list of those that are not."""
    tests = json.loads((shared_data / "plaso" / "expected.json").read_bytes())
    texts = {
        one["plaso_test"].removeprefix("tests/parsers/")
        for rows in tests.values()
        for one in rows
        if "text_plugins/" in one["plaso_test"]
    }
    left = {text.removeprefix("text_plugins/").removesuffix(".py") for text in texts - set(SCOPE)}
    assert left == OTHERS


@pytest.mark.parametrize(("stream", "action"), [("stdout", ""), ("stderr", "")])
def test_a_container_stream_is_no_host(shared_data: Path, stream: str, action: str) -> None:
    events, _, _ = read(shared_data, "cri.log", *SCOPE["text_plugins/cri.py"])
    own = [one for one in events if one.attrs.get("stream") == stream]
    assert own and {one.action for one in own} == {action} and not any("host" in one.attrs for one in events)


def test_times_of_iis_without_dates(shared_data: Path) -> None:
    events, _, _ = read(shared_data, "iis/iis_without_date.log", *SCOPE["text_plugins/iis.py"])
    assert all(one.ts is not None and one.tz_basis == "utc" for one in events)
    assert {one.attrs["date_from"] for one in events} == {"#Date"}
