"""Tables of the kernel as rows: real lines, lines of no form, and what a hostile host may write."""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("not shown: needs linux", allow_module_level=True)

from hypothesis import given
from hypothesis import strategies as st

from collectors.volatile.accounts_linux import LONG, SHORT, _password, session_row
from collectors.volatile.autoruns_linux import cron_line
from collectors.volatile.containers_linux import _docker, _oci
from collectors.volatile.crosscheck_linux import compare, parse_lsof, parse_ps, parse_ss
from collectors.volatile.exe_linux import slug
from collectors.volatile.maps_linux import summary
from collectors.volatile.mounts_linux import mount_row
from collectors.volatile.netfiles_linux import TABLES, address, sockets_of
from collectors.volatile.network_linux import _route4, _route6
from collectors.volatile.rows import jsonl, words
from collectors.volatile.stat_linux import parse_stat, parse_status
from collectors.volatile.tools_linux import MAX_OUTPUT, TOOLS, Ran, Tool, in_kernel, run
from collectors.volatile.units_linux import unit_fields

# Lines of a Debian host (little-endian), as the kernel printed them.
TCP6 = (
    b"  sl  local_address                         remote_address                        st tx_queue rx_queue tr\n"
    b"   0: 00000000000000000000000001000000:0016 B80D01200000000000000000DDCCBBAA:D431 01 00000024:00000000 "
    b"01:00000014 00000000  1000        0 51966 4 0000000000000000 20 4 31 10 -1\n"
)
UNIX = (
    b"Num       RefCount Protocol Flags    Type St Inode Path\n"
    b"0000000000000000: 00000002 00000000 00010000 0001 01 1234 @/tmp/.X11 unix/X0\n"
    b"0000000000000000: 00000003 00000000 00000000 0001 03 1235\n"
)
MOUNT = b"36 35 98:0 /mnt1 /mnt\\0402\\012x rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue"
MAPS = (
    b"55d0c0000000-55d0c0005000 r-xp 00002000 fe:00 131 /tmp/a b (deleted)\n"
    b"7f0000000000-7f0000001000 rwxp 00000000 00:00 0 \n"
    b"7f0000002000-7f0000003000 r-xs 00000000 00:01 77 /memfd:x (deleted)\n"
    b"7f0000004000-7f0000005000 r-xp 00000000 fe:00 9 /usr/lib/libc.so.6\n"
    b"7f0000006000-7f0000007000 rw-p 00000000 fe:00 9 /usr/lib/libc.so.6\n"
    b"7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0 [vdso]\n"
)


def test_inet_and_unix_sockets() -> None:
    if sys.byteorder == "little":
        (row,) = sockets_of("tcp6", TCP6)
        assert (row["local"], row["local_port"]) == ("::1", 22)
        assert (row["remote"], row["remote_port"]) == ("2001:db8::aabb:ccdd", 54321)
        assert (row["state"], row["uid"], row["inode"], row["queued_out"]) == ("established", 1000, 51966, 36)
        assert address(b"0100007F") == "127.0.0.1"
    listening, other = sockets_of("unix", UNIX)
    assert (listening["state"], listening["path"], listening["kind"]) == ("listen", "@/tmp/.X11 unix/X0", "stream")
    assert (other["state"], other["path"], other["inode"]) == ("connected", "", 1235)


@pytest.mark.parametrize("table", TABLES)
@given(line=st.binary(max_size=200).filter(lambda raw: b"\n" not in raw and raw))
def test_a_line_of_no_form_is_a_problem_row(table: str, line: bytes) -> None:
    rows = list(sockets_of(table, b"head\n" + line + b"\n"))
    assert len(rows) == 1 and rows[0]["type"] in ("socket", "problem")
    json.dumps(rows)


@given(st.binary(max_size=400))
def test_hostile_text_raises_nothing_but_what_is_said(raw: bytes) -> None:
    summary(raw)
    parse_status(raw)
    unit_fields(raw)
    cron_line(raw, True)
    assert slug(raw) and slug(raw).isascii() and "/" not in slug(raw)
    for parse in (parse_stat, mount_row):
        try:
            parse(raw)
        except ValueError:
            continue
    ran = Ran(TOOLS["ps"], "ran", out=raw)
    for read in (parse_ps, parse_ss, parse_lsof):
        read(ran)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(
    st.sampled_from(["Name", "State", "Pid", "Args", "Config", "MountPoints", "mounts", "process", "args", "Ports",
                     "NetworkSettings", "annotations"]), x)))  # fmt: skip
def test_a_container_configuration_of_any_shape(config: object) -> None:
    json.dumps([_docker(config), _oci(config)])


def test_mappings_that_stand_out() -> None:
    row = summary(MAPS)
    assert row["maps"] == 6 and row["maps_executable"] == 5
    assert row["libraries"] == ["/tmp/a b (deleted)", "/memfd:x (deleted)", "/usr/lib/libc.so.6"]
    assert [odd["why"] for odd in row["odd_maps"]] == [
        ["deleted"], ["anonymous", "writable"], ["memory-file", "deleted"],
    ]  # fmt: skip


def test_the_stat_line_of_a_process_named_to_deceive() -> None:
    fields = b" ".join(str(n).encode() for n in range(1, 50))
    stat = parse_stat(b"77 (a) R 1 (x) S " + fields)
    assert (stat.name, stat.state, stat.ppid, stat.flags, stat.threads, stat.start_ticks) == (
        b"a) R 1 (x",
        "S",
        1,
        6,
        17,
        19,
    )
    for text in (b"", b"1 2 3", b"1 (x) S 1 2"):
        with pytest.raises(ValueError, match="no stat line"):
            parse_stat(text)


def test_mounts_and_routes() -> None:
    row = mount_row(MOUNT)
    assert (row["point"], row["shared"], row["super_options"]) == (
        "/mnt 2\\u{A}x",
        ["master:1", "shared:7"],
        "rw,errors=continue",
    )
    assert "over_process" not in row
    assert mount_row(MOUNT.replace(b"/mnt\\0402\\012x", b"/proc/812"))["over_process"] is True
    if sys.byteorder == "little":
        route = _route4(b"eth0\t0000A8C0\t0100A8C0\t0003\t0\t0\t100\t0000FFFF\t0\t0\t0")
        assert (route["destination"], route["gateway"], route["metric"]) == ("192.168.0.0/16", "192.168.0.1", 100)
    six = b"fe80000000000000" + b"0" * 16
    route = _route6(six + b" 40 " + b"0" * 32 + b" 00 " + b"0" * 32 + b" 00000100 00000001 00000000 00000001     eth0")
    assert (route["destination"], route["gateway"], route["metric"]) == ("fe80::/64", "::", 256)


def test_sessions_and_passwords() -> None:
    record = SHORT.pack(
        7, 812, b"pts/0", b"ts/0", b"alice\0junk", b"h\x1bost", 0, 0, 3, 1700000000, 5, b"\x0a\0\0\x01" + bytes(12)
    )
    row = session_row(record, SHORT)
    assert len(record) == 384 and (row["kind"], row["user"], row["address"]) == ("user", "alice", "10.0.0.1")
    assert (row["host"], row["start"]) == ("h\\u{1B}ost", "2023-11-14T22:13:20.000005000Z")
    assert [_password(field) for field in (b"", b"!", b"*", b"!$6$x$y", b"$y$j9T$a$b", b"abc")] == [
        "empty", "none", "none", "locked", "set, scheme y", "set",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "shape"), [("utmp_x86_64", SHORT), ("utmp_aarch64", LONG)])
def test_real_utmp_records(shared_data: Path, name: str, shape: struct.Struct) -> None:
    text = (shared_data / "plaso" / "utmp" / name).read_bytes()
    assert len(text) % shape.size == 0
    rows = [session_row(text[at : at + shape.size], shape) for at in range(0, len(text), shape.size)]
    assert {"boot", "run-level"} <= {row["kind"] for row in rows}
    assert all("2010" < row["start"] < "2030" for row in rows if row["kind"] in ("boot", "user"))


def test_cron_lines_and_units() -> None:
    assert cron_line(b"*/5 * * * * root /bin/x --y", True) == {
        "schedule": "*/5 * * * *",
        "user": "root",
        "command": "/bin/x --y",
    }
    assert cron_line(b"@reboot curl a | sh", False) == {"schedule": "@reboot", "command": "curl a | sh"}
    assert cron_line(b"PATH = /tmp", True) == {"setting": "PATH = /tmp"}
    assert cron_line(b"nonsense", True) == {"text": "nonsense"}
    fields = unit_fields(
        b"[Service]\nExecStart=/bin/a \\\n  b\n;ExecStart=no\nExecStart=\n[Install]\nWantedBy=x.target\n"
    )
    assert fields == {"execstart": ["/bin/a    b", ""], "wantedby": ["x.target"]}


def test_a_difference_must_be_in_both_of_our_lists() -> None:
    assert compare({1, 2, 3}, {2, 5, 6}, {2, 3, 5}) == ({3}, {6})
    lsof = Ran(TOOLS["lsof"], "ran", out=b"p1\nf3\nPTCP\nn*:22\np9\nf4\nf5\n", pid=9)
    assert parse_lsof(lsof) == {(1, 3)}
    assert parse_ss(Ran(TOOLS["ss"], "ran", out=b"tcp LISTEN ino:77 sk:1 <->\ntcp ino:0 x\n")) == {77}


def test_words_are_bounded() -> None:
    assert words(b"a\0b\0", 4, 99) == (["a", "b"], False)
    assert words(b"a\0\0b", 4, 99) == (["a", "", "b"], False)
    assert words(b"a\0b\0c\0", 2, 99) == (["a", "b"], True)
    assert words(b"a\0b\0", 2, 99) == (["a", "b"], False)
    assert words(b"abcdef", 4, 3) == (["abc"], True)
    assert words(b"", 4, 3) == ([], False)


def test_many_rows_leave_in_pieces() -> None:
    chunks = list(jsonl("x", ({"type": "row", "n": n, "pad": "x" * 90} for n in range(5000))))
    rows = [json.loads(line) for line in b"".join(chunks).splitlines()]
    assert len(chunks) > 3 and max(map(len, chunks)) < 1 << 18
    assert [row["n"] for row in rows[1:-1]] == list(range(5000)) and rows[-1]["counts"] == {"row": 5000}


def test_a_tool_that_does_not_end_or_does_not_stop_talking() -> None:
    start = time.monotonic()
    ran = run(Tool("sleep", ("sleep", "60")), 0.3)
    assert ran.state == "timed-out" and not ran.good and time.monotonic() - start < 5
    with pytest.raises(ProcessLookupError):
        os.kill(ran.pid, 0)
    ran = run(Tool("yes", ("yes",)), 10)
    assert ran.cut and len(ran.out) == MAX_OUTPUT and not ran.good
    ran = run(Tool("env", ("env",)), 5)
    assert dict(line.split(b"=", 1) for line in ran.out.splitlines()).keys() == {b"PATH", b"LC_ALL", b"TZ", b"HOME"}
    assert run(Tool("x", ("no-such-tool",)), 1).state == "absent"
    assert run(Tool("x", ("true",), needs="/no/such/path"), 1).state == "not-asked"
    there = in_kernel("no_such_module", "no_such_symbol")
    assert there is not Path("/proc/modules").exists() and in_kernel("no_such_module", "sys_call_table") in (
        True,
        there,
    )
    assert run(Tool("x", ("true",), loads=("no_such_module", "no")), 1).state == ("ran" if there else "not-asked")
