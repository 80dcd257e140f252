"""Web servers' logs: requests, errors, IIS, and what a client may write into them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opened_file import parse

from collectors.parsers.packages import PackagesParser
from collectors.parsers.vsftpd import VsftpdParser
from collectors.parsers.web.access import AccessParser, request_parts
from collectors.parsers.web.error import ErrorParser
from collectors.parsers.web.iis import IisParser
from forensics.model.event import Event, Parser, Problem

ACCESS = """\
203.0.113.9 - alice [10/Oct/2023:13:55:36 -0700] "GET /a.gif?x=1 HTTP/1.0" 200 2326
203.0.113.9 - - [10/Oct/2023:13:55:36 +0000] "POST /b HTTP/1.1" 302 - "https://e.org/\\"q" "curl/7.0 (\\"x\\")"
www.example.org:443 2001:db8::5 - - [10/Oct/2023:13:55:36 +0530] "GET / HTTP/2.0" 404 5 "-" "-"
gw.example - joe bloggs [10/Oct/2023:13:55:60 +0000] "GET /c" 401 1 "-" "x" "198.51.100.1"
203.0.113.9 - - [10/Oct/2023:13:55:36 +0000] "\\x16\\x03\\x01" 400 0 "-" "-"
203.0.113.9 - - [10/Oct/2023:13:55:36 +0000] "-" 408 - "-" "-"
"""


def read(
    tmp_path: Path, parser: Parser, text: str | bytes, **inputs: str | int
) -> tuple[list[Event], list[Problem], dict[str, int | str]]:
    path = tmp_path / "log"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return parse(path, parser, name="log", **inputs)


def when(event: Event) -> str:
    assert event.ts is not None
    return datetime.fromtimestamp(event.ts / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")


def test_requests(tmp_path: Path) -> None:
    events, problems, told = read(tmp_path, AccessParser(), ACCESS)
    assert not problems and (told["requests"], told["requests-malformed"]) == (6, 2)
    assert [when(one) for one in events[:4]] == [
        "2023-10-10 20:55:36", "2023-10-10 13:55:36", "2023-10-10 08:25:36", "2023-10-10 13:56:00",
    ]  # fmt: skip
    assert {one.tz_basis for one in events} == {"offset"} and events[0].ts_raw == "10/Oct/2023:13:55:36 -0700"
    first, second, third, fourth, fifth, sixth = (one.attrs for one in events)
    assert (events[0].user, events[0].src_ip, events[0].action) == ("alice", "203.0.113.9", "web-request")
    assert (first["method"], first["path"], first["status"], first["bytes"]) == ("GET", "/a.gif?x=1", 200, 2326)
    assert (
        second["referer"] == 'https://e.org/\\"q' and second["agent"] == 'curl/7.0 (\\"x\\")' and "bytes" not in second
    )
    assert (events[2].src_ip, third["vhost"], third["port"]) == ("2001:db8::5", "www.example.org", "443")
    assert (events[3].user, events[3].src_ip, fourth["src_host"]) == ("joe bloggs", "", "gw.example")
    assert fourth["extra"] == '"198.51.100.1"' and "protocol" not in fourth
    assert [one.action for one in events[4:]] == ["web-request-malformed"] * 2
    assert fifth["request"] == "\\x16\\x03\\x01" and sixth["request"] == "-"


def test_a_request_that_forges_a_line(tmp_path: Path) -> None:
    """The server escapes quotes; so what looks like another line's fields stays in the request."""
    forged = 'GET /\\" 200 5 \\"-\\" \\"-\\" [01/Jan/2001:00:00:00 +0000] \\"GET /admin HTTP/1.1'
    user = 'x [01/Jan/2001:00:00:00 +0000] \\"GET / HTTP/1.1\\" 200 1'
    text = f'203.0.113.9 - {user} [10/Oct/2023:13:55:36 +0000] "{forged}" 404 1 "\x1b[31m<b>" "=cmd()"\n'
    (event,), problems, _ = read(tmp_path, AccessParser(), text)
    assert not problems and (event.attrs["status"], event.src_ip, when(event)[:4]) == (404, "203.0.113.9", "2023")
    assert (
        event.user == user and event.attrs["referer"] == "\\u{1B}[31m<b>" and event.attrs["line"] == text.rstrip("\n")
    )


def test_request_lines() -> None:
    assert request_parts("GET /a b HTTP/1.1") == ("GET", "/a b", "HTTP/1.1")
    assert request_parts("GET /a") == ("GET", "/a", "")
    assert request_parts("CONNECT x:443 HTTP/1.1") == ("CONNECT", "x:443", "HTTP/1.1")
    for none in ("", "-", "GET", "GET x", "\\x16\\x03 /a HTTP/1.1", "hello world again"):
        assert request_parts(none) == ("", "", "")


def test_apache_errors(tmp_path: Path) -> None:
    text = (
        "[Wed Oct 11 14:32:52.123456 2023] [core:error] [pid 35708:tid 4328636416] [client 203.0.113.9:52236]"
        " AH00128: File does not exist: /var/www/x\n"
        "[Wed Oct 11 14:32:53 2023] [error] [client 2001:db8::5] client denied by server configuration: /x\n"
        "PHP Stack trace:\n"
        "[Wed Oct 11 14:32:54.000001 2023] [mpm_event:notice] [pid 1:tid 2] AH00489: Apache/2.4 configured\n"
    )
    events, problems, told = read(tmp_path, ErrorParser(), "cut\n" + text, zone="+02:00")
    assert [one.code for one in problems] == ["line"] and told["continuations"] == 1
    assert [when(one) for one in events] == ["2023-10-11 12:32:52", "2023-10-11 12:32:53", "2023-10-11 12:32:54"]
    assert events[0].ts is not None and events[0].ts % 10**9 == 123_456_000 and events[0].tz_basis == "host-zone"
    assert [one.src_ip for one in events] == ["203.0.113.9", "2001:db8::5", ""]
    assert events[0].attrs["code"] == "AH00128" and events[0].attrs["module"] == "core"
    assert events[1].attrs["more"] == [{"line": "PHP Stack trace:"}]


def test_nginx_errors(tmp_path: Path) -> None:
    text = (
        '2023/10/11 14:32:52 [error] 29#30: *7 open() "/x, client: 10.0.0.1" failed (2: None), client: 203.0.113.9,'
        ' server: _, request: "GET /x HTTP/1.1", host: "e.org"\n'
        "2023/10/11 14:32:53 [notice] 1#1: signal process started\n"
    )
    events, problems, _ = read(tmp_path, ErrorParser(), text)
    assert not problems and [one.tz_basis for one in events] == ["assumed-utc"] * 2
    assert (events[0].src_ip, events[0].attrs["request"], events[0].attrs["host"]) == (
        "203.0.113.9", "GET /x HTTP/1.1", "e.org",
    )  # fmt: skip
    assert events[1].attrs["level"] == "notice" and events[1].src_ip == ""


IIS = """\
#Software: Microsoft Internet Information Services 10.0
#Date: 2023-10-10 23:59:58
#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status time-taken
2023-10-10 23:59:58 192.0.2.1 GET /a.aspx id=1 443 CORP\\eve 203.0.113.9 Mozilla/5.0+(x) 200 15
2023-10-10 23:59:58 192.0.2.1 GET /a.aspx 443
#Fields: time c-ip cs-method cs-uri-stem sc-status
23:59:59 203.0.113.9 POST /b 500
00:00:01 203.0.113.9 POST /c 500
00:00:02 203.0.113.9 POST /c 500
#Date: 2023-10-12 05:00:00
05:00:01 203.0.113.9 POST /d 500
#Fields:
05:00:01 203.0.113.9 POST /d 500
"""


def test_iis(tmp_path: Path) -> None:
    for end in ("\n", "\r\n"):
        events, problems, told = read(tmp_path, IisParser(), IIS.replace("\n", end))
        assert [one.code for one in problems] == ["line", "directive", "line"] and told["field-lists"] == 3
        assert [when(one) for one in events] == [
            "2023-10-10 23:59:58", "2023-10-10 23:59:59", "2023-10-11 00:00:01",
            "2023-10-11 00:00:02", "2023-10-12 05:00:01",
        ]  # fmt: skip
        assert {one.tz_basis for one in events} == {"utc"} and {one.src_ip for one in events} == {"203.0.113.9"}
        attrs = events[0].attrs
        assert (events[0].user, attrs["method"], attrs["path"]) == ("CORP\\eve", "GET", "/a.aspx?id=1")
        assert (attrs["status"], attrs["time_taken_ms"], attrs["agent"]) == (200, 15, "Mozilla/5.0+(x)")
        assert [one.attrs.get("date_from") for one in events] == [None, *["#Date"] * 4]
        assert [one.attrs.get("date_inferred") for one in events] == [None, None, True, True, None]
    # without a date anywhere a time is no time
    (event,), _, _ = read(tmp_path, IisParser(), "#Fields: time c-ip\n05:00:01 203.0.113.9\n")
    assert (event.ts, event.tz_basis, event.ts_raw) == (None, "none", "05:00:01")


def test_what_is_no_w3c_log_of_a_server() -> None:
    own = b"#Version: 1.0\n#Fields: date\ttime\tx-edge-location\tsc-bytes\tc-ip\tcs-method\n"
    assert IisParser().claims("recovered/f1", own) >= 50 and IisParser().claims("recovered/f1", IIS.encode()) >= 50
    firewall = b"#Version: 1.5\n#Time Format: Local\n#Fields: date time action protocol src-ip dst-ip size\n"
    exchange = b"#Software: Microsoft Exchange\n#Fields: date-time,client-ip,cs-user-agent, c-ip\n"
    assert [IisParser().claims("x.log", head) for head in (firewall, exchange, b"#Fields: a\n", b"#\n")] == [0] * 4


def test_tabs(tmp_path: Path) -> None:
    text = (
        "#Fields: date time c-ip cs-method cs-uri-stem cs(User-Agent)\n2023-10-10\t01:02:03\t203.0.113.9\tGET\t/\ta b\n"
    )
    (event,), problems, _ = read(tmp_path, IisParser(), text)
    assert not problems and event.attrs["agent"] == "a b" and event.src_ip == "203.0.113.9"


def test_vsftpd(tmp_path: Path) -> None:
    text = 'Mon Jun  6 18:43:28 2016 [pid 2] CONNECT: Client "192.0.2.9"\n'
    text += 'Mon Jun  6 18:43:32 2016 [pid 1] [jean] OK LOGIN: Client "::ffff:192.0.2.9"\n'
    text += 'Mon Jun  6 18:43:33 2016 [pid 1] [x] FAIL LOGIN: Client "192.0.2.9"\n'
    text += 'Mon Jun  6 18:43:59 2016 [pid 3] [jean] OK UPLOAD: Client "192.0.2.9", "/a "b", 5 bytes, 1Kbyte/sec\n'
    events, problems, _ = read(tmp_path, VsftpdParser(), text, zone="Europe/Berlin")
    assert not problems and [one.action for one in events] == [
        "network-connection",
        "logon",
        "logon-failed",
        "file-created",
    ]
    assert [one.user for one in events] == ["", "jean", "x", "jean"] and {one.src_ip for one in events} == {"192.0.2.9"}
    assert when(events[0]) == "2016-06-06 16:43:28" and events[0].tz_basis == "host-zone"


def test_times_that_a_zone_skipped_or_showed_twice(tmp_path: Path) -> None:
    inputs = {"zone": "Europe/Berlin"}
    text = "[Sun Mar 31 02:30:00 2024] [error] x\n[Sun Oct 29 02:30:00 2023] [error] x\n"
    events, _, _ = read(tmp_path, ErrorParser(), text, **inputs)
    assert [one.attrs.get("wall_clock") for one in events] == ["skipped", "twice"]
    events, _, _ = read(tmp_path, ErrorParser(), "2024/03/31 02:30:00 [error] 1#1: x\n", **inputs)
    assert events[0].attrs["wall_clock"] == "skipped"
    text = 'Sun Oct 29 02:30:00 2023 [pid 2] CONNECT: Client "192.0.2.9"\n'
    events, _, _ = read(tmp_path, VsftpdParser(), text, **inputs)
    assert events[0].attrs["wall_clock"] == "twice"
    path = tmp_path / "dpkg"
    path.write_text("2024-03-31 02:30:00 install a:amd64 <none> 1\n2024-03-31 03:30:00 install a:amd64 <none> 1\n")
    events, _, _ = parse(path, PackagesParser(), name="var/log/dpkg.log", **inputs)
    assert [one.attrs.get("wall_clock") for one in events] == ["skipped", None]


SAMPLES: list[tuple[Parser, bytes]] = [
    (AccessParser(), ACCESS.encode()),
    (IisParser(), IIS.encode()),
    (ErrorParser(), b"2023/10/11 14:32:52 [error] 29#30: *7 a, client: 203.0.113.9\nmore\n" * 3),
]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SAMPLES), st.integers(0, 700), st.binary(max_size=40), st.integers(0, 700))
def test_cuts_and_foreign_bytes(
    tmp_path_factory: pytest.TempPathFactory, sample: tuple[Parser, bytes], cut: int, junk: bytes, at: int
) -> None:
    """Cut anywhere, with bytes put anywhere: every line ends as an event, a part of one, a directive or a problem."""
    parser, text = sample
    text = text[:at] + junk + text[at:cut]
    tmp_path = tmp_path_factory.mktemp("web")
    events, problems, told = read(tmp_path, parser, text)
    lines = [line for line in text.split(b"\n") if line.strip(b"\0\r\t\x0b\x0c ")]
    parts = sum(len(one.attrs.get("more", [])) for one in events)
    directives = told.get("directives", 0)
    assert isinstance(directives, int)
    said = len(events) + parts + directives + sum(one.code != "directive" for one in problems)
    blank = sum(not line.strip(b"\0").decode("utf-8", "surrogateescape").strip() for line in lines)
    assert len(lines) - blank <= said <= len(lines)
    # lines that no other one depends on may come in any order
    if isinstance(parser, AccessParser):
        turned, _, _ = read(tmp_path, parser, b"\n".join(reversed(text.split(b"\n"))))
        assert sorted(one.message for one in turned) == sorted(one.message for one in events)


def test_long_and_packed(tmp_path: Path) -> None:
    import gzip

    line = ACCESS.encode().split(b"\n")[0]
    text = line.replace(b"/a.gif", b"/" + b"a" * (1 << 20)) + b"\n" + b"\0" * 4096 + line + b"\r\n"
    events, problems, told = read(tmp_path, AccessParser(), gzip.compress(text))
    assert [one.code for one in problems] == ["line", "line-too-long"] and len(events) == 1
    assert told["offsets"] == "unpacked" and events[0].attrs["path"] == "/a.gif?x=1"


def test_patterns_end_in_time(tmp_path: Path) -> None:
    """Lines made against the patterns cost little: no size of a line makes its time grow with the square."""
    for filler in ('"', '\\"', " [", "a ", "a:1 ", '" "', ", client: ", "[client ", "[10/Oct/2023:13:55:36 +0000] "):
        body = (filler * 60_000)[:60_000]
        for head in ("1.2.3.4 - - [10/Oct/2023:13:55:36 +0000] ", "", "[Wed Oct 11 14:32:52 2023] [error] "):
            for parser in (AccessParser(), ErrorParser(), VsftpdParser(), IisParser()):
                events, problems, _ = read(tmp_path, parser, head + body + "\n")
                assert len(events) + len(problems) <= 2
