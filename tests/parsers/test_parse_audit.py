"""auditd's logs: records joined by event, hexadecimal decoded, what is missing said."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opened_file import parse

from collectors.parsers.audit.parser import MAX_RECORDS, OPEN, AuditParser
from collectors.parsers.audit.record import read, sockaddr
from collectors.parsers.text import Line
from forensics.model.event import Event, Problem

AT = "1700000000.123"
SYSCALL = (
    f"type=SYSCALL msg=audit({AT}:31): arch=c000003e syscall=59 success=yes exit=0 a0=1 items=2 ppid=1 pid=2 auid=1000"
    ' uid=0 euid=0 tty=pts1 ses=3 comm="sh" exe="/usr/bin/bash" key="exec"\x1dARCH=x86_64 SYSCALL=execve'
    ' AUID="alice" UID="root"'
)
GROUP = [
    SYSCALL,
    f'type=EXECVE msg=audit({AT}:31): argc=4 a0="sh" a1="-c" a2_len=16 a2[0]=6C73202D6C61 a2[1]=202F a3="6C73"',
    f'type=CWD msg=audit({AT}:31): cwd="/root"',
    f'type=PATH msg=audit({AT}:31): item=0 name="/usr/bin/sh" inode=1 nametype=NORMAL',
    f"type=PATH msg=audit({AT}:31): item=1 name=2F746D702F612062 inode=2 nametype=NORMAL",
    f"type=PROCTITLE msg=audit({AT}:31): proctitle=7368002D63",
]


def read_text(tmp_path: Path, text: str | bytes) -> tuple[list[Event], list[Problem], dict[str, int | str]]:
    path = tmp_path / "audit.log"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return parse(path, AuditParser(), name="var/log/audit/audit.log")


def test_an_event_of_many_records(tmp_path: Path) -> None:
    (event,), problems, told = read_text(tmp_path, "\n".join(GROUP) + "\n")
    assert not problems and (told["records"], told["events"], told["torn"]) == (6, 1, 0)
    assert (event.ts, event.tz_basis, event.ts_raw) == (1_700_000_000_123_000_000, "utc", f"{AT}:31")
    assert (event.action, event.user, event.process) == ("process-created", "alice", "/usr/bin/bash")
    attrs = event.attrs
    assert (attrs["arch"], attrs["syscall"], attrs["auid"], attrs["success"]) == ("x86_64", "execve", "1000", "yes")
    # a3 stands in quotes: it is the text 6C73, not its hexadecimal
    assert attrs["args"] == ["sh", "-c", "ls -la /", "6C73"] and attrs["paths"] == ["/usr/bin/sh", "/tmp/a b"]
    assert (attrs["cwd"], attrs["proctitle"], attrs["keys"]) == ("/root", "sh -c", ["exec"])
    assert [one["line"] for one in attrs["records"]] == GROUP, "every record as it was logged"
    assert attrs["records"][4]["fields"]["name"] == "2F746D702F612062", "the raw value stands beside the decoded one"
    assert attrs["records"][4]["decoded"]["name"] == "/tmp/a b"
    assert attrs["records"][0]["names"]["UID"] == "root" and attrs["records"][0]["fields"]["key"] == "exec"


WORDS = r"""
USER_LOGIN|op=login acct="root" exe="/usr/sbin/sshd" addr=203.0.113.9 res=failed|logon-failed|root|203.0.113.9
USER_LOGIN|op=login id=1000 exe="/usr/sbin/sshd" addr=::ffff:203.0.113.9 res=success|logon|uid=1000|203.0.113.9
USER_AUTH|op=PAM:authentication acct="o'b" exe="/usr/bin/su" addr=? res=success|credentials-validated|o'b|
USER_AUTH|op=PAM:authentication acct=6120223D27 exe="/usr/bin/su" res=failed|logon-failed|a "='|
CRED_ACQ|op=PAM:setcred acct="root" exe="/usr/sbin/crond" res=success|credentials-acquired|root|
CRED_DISP|op=PAM:setcred acct="root" exe="/usr/sbin/crond" res=success|credentials-released|root|
USER_START|op=PAM:session_open acct="root" exe="/usr/sbin/crond" res=success|session-opened|root|
USER_END|op=PAM:session_close acct="root" exe="/usr/sbin/crond" res=success|session-closed|root|
USER_ACCT|op=PAM:accounting acct="bob" exe="/usr/sbin/sshd" res=failed|logon-denied|bob|
ADD_USER|op=add-user acct="eve" exe="/usr/sbin/useradd" res=success|account-created|eve|
ADD_USER|op=add-user acct="eve" exe="/usr/sbin/useradd" res=failed||eve|
DEL_USER|op=delete-user acct="eve" res=success|account-deleted|eve|
ADD_GROUP|op=add-group acct="ops" res=success|group-created|ops|
USER_CHAUTHTOK|op=PAM:chauthtok acct="eve" res=success|password-changed|eve|
USER_CMD|cwd="/" cmd=6C73202F726F6F74 exe="/usr/bin/sudo" terminal=pts/0 res=success|sudo|uid=1000|
USER_CMD|cwd="/" cmd="id" exe="/usr/bin/sudo" res=failed|privilege-denied|uid=1000|
SERVICE_START|unit=sshd comm="systemd" exe="/usr/lib/systemd/systemd" res=success|service-started|uid=1000|
SYSTEM_BOOT|comm="systemd-update-utmp" res=success|system-start|uid=1000|
USER_AVC|avc:  denied  { start } for auid=1000 exe="/bin/x" tclass=service|access-denied|uid=1000|
""".strip().splitlines()


@pytest.mark.parametrize("case", WORDS)
def test_what_user_space_says(tmp_path: Path, case: str) -> None:
    kind, said, action, user, source = case.split("|")
    line = f"type={kind} msg=audit({AT}:7): pid=1 uid=0 auid=1000 ses=2 subj=x msg='{said}'\n"
    (event,), problems, _ = read_text(tmp_path, line)
    assert not problems and (event.action, event.user, event.src_ip) == (action, user, source)


KERNEL = r"""
SYSCALL|arch=c000003e syscall=2 success=no exit=-13 items=0 auid=1000 uid=0 exe="/bin/cat"|access-denied
SYSCALL|arch=c000003e syscall=2 success=no exit=-2 items=0 auid=1000 uid=0 exe="/bin/cat"|
SYSCALL|arch=c00000b7 syscall=221 success=yes exit=0 items=0 auid=1000 uid=0 exe="/bin/cat"|process-created
SYSCALL|arch=40000003 syscall=11 success=yes exit=0 items=0 auid=1000 uid=0 exe="/bin/cat"|process-created
SYSCALL|arch=c000003e syscall=9999 success=yes exit=0 items=0 auid=1000 uid=0 exe="/bin/cat"|
SYSCALL|arch=80000016 syscall=11 success=yes exit=0 items=0 auid=1000 uid=0 exe="/bin/cat"|
SYSCALL|arch=c000003e syscall=313 success=yes exit=0 items=0 auid=1000 uid=0 exe="/bin/kmod"|module-loaded
AVC|avc:  denied  { read } for pid=1 comm="x" name="shadow" scontext=a tcontext=b tclass=file permissive=0|access-denied
AVC|apparmor="ALLOWED" operation="open" profile="p" name="/etc/x" pid=1 comm="x"|object-access
CONFIG_CHANGE|auid=1000 ses=1 op=remove_rule key="exec" list=4 res=1|audit-policy-changed
CONFIG_CHANGE|auid=1000 ses=1 op=set audit_enabled=0 old=1 res=0|
ANOM_PROMISCUOUS|dev=eth0 prom=256 old_prom=0 auid=1000 uid=0 gid=0 ses=1|promiscuous
MAC_STATUS|enforcing=0 old_enforcing=1 auid=0 ses=1|protection-changed
""".strip().splitlines()


@pytest.mark.parametrize("case", KERNEL)
def test_what_the_kernel_says(tmp_path: Path, case: str) -> None:
    kind, said, action = case.split("|")
    (event,), problems, _ = read_text(tmp_path, f"type={kind} msg=audit({AT}:7): {said}\n")
    assert not problems and event.action == action, event.message
    if "9999" in said:
        assert event.attrs["syscall"] == "9999", "a number that the table does not know stays one"


def test_peers_of_sockets(tmp_path: Path) -> None:
    text = f'type=SYSCALL msg=audit({AT}:7): arch=c000003e syscall=43 success=yes exit=4 items=0 exe="/usr/sbin/x"\n'
    text += f"type=SOCKADDR msg=audit({AT}:7): saddr=0200D431CB0071090000000000000000\n"
    (event,), _, _ = read_text(tmp_path, text)
    assert (event.action, event.src_ip, event.attrs["socket"]) == (
        "network-connection", "203.0.113.9", "203.0.113.9:54321",
    )  # fmt: skip
    assert sockaddr("0A0001BB00000000" + "20010DB8" + "0" * 22 + "05" + "00000000") == "[2001:db8::5]:443"
    assert sockaddr("01002F72756E2F780000") == "unix:/run/x" and sockaddr("02") == sockaddr("zz") == ""


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    events, _, told = read_text(tmp_path, "\n".join((GROUP[0], GROUP[1].replace("argc=4", "argc=6"), GROUP[3])) + "\n")
    assert events[0].attrs["torn"] == ["PATH records: 1 of 2", "arguments: 4 of 6"] and told["torn"] == 1
    events, _, _ = read_text(tmp_path, "\n".join(GROUP[1:]) + "\n")
    assert events[0].attrs["torn"] == ["no SYSCALL record"]


def test_late_records_and_serials_that_go_back(tmp_path: Path) -> None:
    other = "type=LOGIN msg=audit(1700000001.000:{0}): pid=1 uid=0 old-auid=1 auid=2 ses=1 res=1"
    many = [other.format(number) for number in range(100, 101 + OPEN)]
    text = "\n".join([*GROUP[:3], *many, *GROUP[3:], other.format(5)]) + "\n"
    events, problems, told = read_text(tmp_path, text)
    late = [one for one in events if one.attrs.get("continued")]
    assert not problems and len(late) == 1 and len(late[0].attrs["records"]) == 3 and "torn" not in late[0].attrs
    assert (told["late-records"], told["serials-back"]) == (3, 1)
    assert sum(len(one.attrs["records"]) for one in events) == told["records"] == text.count("\n")
    # the node is part of the stamp: two hosts' records are not one event
    events, _, _ = read_text(tmp_path, "\n".join(f"node={node} {GROUP[2]}" for node in "ab") + "\n")
    assert [one.attrs["node"] for one in events] == ["a", "b"]


def test_bounds(tmp_path: Path) -> None:
    """An event without an end is given out in parts; nothing is lost."""
    line = f'type=PATH msg=audit({AT}:31): item=0 name="/x" nametype=NORMAL'
    events, problems, told = read_text(tmp_path, f"{line}\n" * (2 * MAX_RECORDS + 5))
    assert told["late-records"] == 0, "the event was not closed: it was too large"
    assert [len(one.attrs["records"]) for one in events] == [MAX_RECORDS, MAX_RECORDS, 5] and not problems
    assert [one.attrs.get("continued") for one in events] == [None, True, True]
    big = f"type=EXECVE msg=audit({AT}:31): argc=9999999 " + " ".join(f"a{n}={'41' * 30}" for n in range(900))
    events, problems, _ = read_text(tmp_path, big + "\n" + "x" * 1_000_000 + "\n" + GROUP[2] + "\n")
    assert {one.code for one in problems} == {"line", "line-too-long"} and len(events) == 1
    assert events[0].attrs["records"][0]["fields_cut"] is True and len(events[0].attrs["args"]) <= 1024
    many = "".join(f'type=PATH msg=audit({AT}:31): item={n} name="/{n}{"x" * 150}"\n' for n in range(300))
    (event,), _, _ = read_text(tmp_path, many)
    shown = event.attrs["paths"]
    assert event.attrs["paths_cut"] is True and 100 < len(shown) < 300 == len(event.attrs["records"])
    assert "args_cut" not in event.attrs and "keys_cut" not in event.attrs


def test_hostile_values(tmp_path: Path) -> None:
    """A decoded name may be anything: it is one line in every column, and no field of its own."""
    evil = "\x1b]0;x\x07\n type=USER_LOGIN acct=root \u202e".encode().hex().upper()
    line = f"type=USER_AUTH msg=audit({AT}:7): pid=1 uid=0 msg='op=a acct={evil} exe=\"/bin/x\" res=failed'\n"
    (event,), _, _ = read_text(tmp_path, line)
    assert (
        event.user == "\\u{1B}]0;x\\u{7}\\u{A} type=USER_LOGIN acct=root \\u{202E}" and event.attrs["res"] == "failed"
    )
    (event,), _, _ = read_text(tmp_path, b'type=CWD msg=audit(1.0:1): cwd="/\xff"\n')
    assert event.attrs["records"][0]["raw"] and event.attrs["cwd"] == "/\\xFF"


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(len(GROUP))), st.integers(0, len("\n".join(GROUP))), st.sampled_from(["\n", "\r\n"]))
def test_order_cuts_and_line_ends(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], cut: int, end: str
) -> None:
    """The records' order does not change what an event says; a cut costs the line that it goes through."""
    tmp_path = tmp_path_factory.mktemp("audit")
    shuffled = [GROUP[number] for number in order]
    (event,), problems, _ = read_text(tmp_path, end.join(shuffled) + end)
    assert not problems and "torn" not in event.attrs
    assert (event.action, event.user, event.attrs["args"]) == (
        "process-created",
        "alice",
        ["sh", "-c", "ls -la /", "6C73"],
    )
    assert sorted(event.attrs["paths"]) == ["/tmp/a b", "/usr/bin/sh"]
    text = "\n".join(shuffled)[:cut]
    events, problems, told = read_text(tmp_path, text)
    held = sum(len(one.attrs["records"]) for one in events)
    assert held + len(problems) == len([line for line in text.split("\n") if line]) and held == told["records"]


def test_patterns_end_in_time() -> None:
    chance = random.Random(3)
    for filler in ("a=", "a='", 'a="', "=", "avc:  denied  { ", "msg='", "a[0]=41 ", "\x1d", "x" * 30):
        body = (filler * 70_000)[: 65_000 + chance.randrange(100)]
        assert read(Line(0, f"type=AVC msg=audit({AT}:7): {body}".encode())) is not None
