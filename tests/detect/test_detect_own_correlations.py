"""The correlations that ship, each on events that fulfil it and on events that just do not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from sample_records import record

from forensics.detect.ast import RuleSet
from forensics.detect.correlations import correlate
from forensics.detect.matches import Match, keep, only_counted, wanted_fields
from forensics.detect.reference import matches
from forensics.detect.rules import load_packs
from forensics.detect.view import view_of
from forensics.scan.folder import own_pack

S = 1_000_000_000
#: seconds, computer, log, event id, fields
Told = tuple[float, str, str, int, dict[str, Any]]


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    return load_packs([own_pack("sigma")]).ruleset


def said(ruleset: RuleSet, events: Iterable[Told]) -> list[tuple[str, str]]:
    wanted, rows = wanted_fields(ruleset), []
    for number, (second, computer, log, ident, data) in enumerate(events):
        view = view_of(record(log, ident, data, computer=computer))
        rows += [
            Match(
                rule.id,
                int(second * S),
                f"e{number}",
                "c" * 64,
                f"o{number}",
                fields=keep(wanted[rule.id], view.fields),
            )
            for rule in ruleset.rules
            if rule.id in wanted and matches(rule, view)
        ]
    names = {one.id: one.name for one in ruleset.correlations}
    done = correlate(ruleset, sorted(rows, key=lambda one: one.order))
    return sorted((names[one.rule], one.level) for one in done.findings)


def failed(second: float, user: str, source: str = "203.0.113.5", host: str = "DC1") -> Told:
    return second, host, "security", 4625, {"TargetUserName": user, "IpAddress": source, "LogonType": "3"}


def logon(second: float, user: str, source: str = "203.0.113.5", host: str = "DC1") -> Told:
    data = {"TargetUserName": user, "IpAddress": source, "LogonType": "3", "TargetUserSid": "S-1-5-21-1-2-3-1104"}
    return second, host, "security", 4624, data


def service(second: float, host: str) -> Told:
    return second, host, "scm", 7045, {"ServiceName": "x", "ImagePath": "%COMSPEC% /c x"}


SPRAY = [failed(10 * n, f"user{n}") for n in range(10)]
GUESSING = [failed(n, "bob") for n in range(20)]
CASES: dict[str, tuple[list[Told], list[tuple[str, str]]]] = {
    "ten names": (SPRAY, [("password_spray", "alert")]),
    "nine names": (SPRAY[:9], []),
    "ten names from ten places": ([failed(n, f"user{n}", f"203.0.113.{n}") for n in range(10)], []),
    "ten names over hours": ([failed(1800 * n, f"user{n}") for n in range(10)], []),
    "ten names, Kerberos": (
        [(n, "DC1", "security", 4771, {"TargetUserName": f"u{n}", "IpAddress": "::ffff:10.0.0.5", "Status": "0x18"})
         for n in range(10)],
        [("password_spray_kerberos", "alert")],
    ),
    "twenty of one": (GUESSING, [("password_guessing", "warning")]),
    "nineteen of one": (GUESSING[:19], []),
    "guessed": ([*GUESSING, logon(60, "bob")], [("guessed", "alert"), ("password_guessing", "warning")]),
    "another logs on": ([*GUESSING, logon(60, "eve")], [("password_guessing", "warning")]),
    "a logon before": (
        [logon(0, "bob"), *[failed(60 + n, "bob") for n in range(20)]], [("password_guessing", "warning")],
    ),
    "five hosts": ([logon(60 * n, "adm", "10.0.0.9", f"WS{n}") for n in range(5)], [("many_hosts", "warning")]),
    "four hosts": ([logon(60 * n, "adm", "10.0.0.9", f"WS{n % 4}") for n in range(5)], []),
    "service behind a logon": (
        [logon(0, "adm", "10.0.0.9", "FS1"), service(20, "FS1")], [("service_after_logon", "alert")],
    ),
    "service on another host": ([logon(0, "adm", "10.0.0.9", "FS1"), service(20, "FS2")], []),
    "service long after": ([logon(0, "adm", "10.0.0.9", "FS1"), service(400, "FS1")], []),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(CASES))
def test_own_correlations(ruleset: RuleSet, case: str) -> None:
    events, expected = CASES[case]
    assert said(ruleset, events) == expected
    assert said(ruleset, reversed(events)) == expected


def test_what_is_only_counted_says_little_by_itself(ruleset: RuleSet) -> None:
    counted = only_counted(ruleset)
    assert {one.level for one in ruleset.rules if one.id in counted} == {"informational"}
