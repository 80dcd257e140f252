"""What a scanning child answers, checked: it met hostile bytes and may have been taken over."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from forensics.errors import RuleInvalid
from forensics.model.event import Pack, RuleProblem
from forensics.model.event_rows import finding_from_row, finding_row
from forensics.scan.packs import RulePack
from forensics.tasks.scan_content import MAX_FINDING


@dataclass(frozen=True, slots=True)
class Answer:
    """One content's answer.

    :param findings: rows; *status*: ok, matched, partial or failed.
    :param more: findings, dropped, strings_not_listed, windows.
    """

    findings: list[dict[str, Any]]
    status: str
    code: str
    detail: str
    more: dict[str, int]


def check_finding(row: Any, scanner: str, packs: Collection[str], content: str = "") -> dict[str, Any]:
    """Return a child's finding row as it is kept.

    :param packs: SHA-256 of the packs given.
    :param content: what its one reference must name; "" = any, and any number of them.
    :raises ValueError: if it is none, or is about or by something else.
    """
    if not isinstance(row, dict):
        raise ValueError("no object")
    finding = finding_from_row(row)
    if finding.by != scanner or not finding.refs:
        raise ValueError("a finding by something else, or about nothing")
    if content and [ref.content for ref in finding.refs] != [content]:
        raise ValueError("a finding about another content")
    if finding.pack_sha256 not in packs:
        raise ValueError("a finding of a pack that was not given")
    found = finding_row(finding)
    if len(json.dumps(found)) > MAX_FINDING:
        raise ValueError("a finding of more than a MiB")
    return found


def read_answer(value: Mapping[str, Any], content: str, scanner: str, packs: Collection[str]) -> Answer:
    """Return what a child said of one content; what does not fit is the answer ``bad-answer``.

    :param content: SHA-256 of the content; *packs*: SHA-256 of the packs given.
    """
    try:
        findings = [check_finding(row, scanner, packs, content) for row in value["findings"]]
        problems = [(str(one["code"]), f"{one['locator']} {one['detail']}".strip()) for one in value["problems"]]
        more = {
            "findings": len(findings),
            "dropped": int(value["counts"].get("dropped", 0)),
            "strings_not_listed": int(value["told"].get("strings_not_listed", 0)),
            "windows": int(value["told"].get("windows", 0)),
        }
        code, detail = str(value["code"]), str(value["detail"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return Answer([], "failed", "bad-answer", f"{type(error).__name__}: {error}"[:300], {})
    if problems and not code:
        code, detail = problems[0]
    elif more["dropped"] and not code:
        code, detail = "too-many-findings", f"{more['dropped']} findings are not listed"
    status = ("partial" if findings else "failed") if code else ("matched" if findings else "ok")
    return Answer(findings, status, code[:80], detail[:300], more)


def read_pack_row(row: Mapping[str, Any], read: RulePack) -> Pack:
    """Return a pack as the child compiled it, compared with the bytes that were read here.

    :raises RuleInvalid: if the child compiled something else, or says nonsense.
    """
    try:
        told = [(str(where), str(rule), str(reason)) for where, rule, reason in row["problems"]]
        sha256, rules = row["sha256"], int(row["rules"])
    except (ValueError, TypeError, KeyError) as error:
        raise RuleInvalid(f"the scanner does not say what it compiled: {error}", where=read.name) from error
    if sha256 != read.sha256:
        raise RuleInvalid("the scanner's pack is not the one that was read", where=read.name)
    return Pack(read.name, read.sha256, rules, read.problems + tuple(RuleProblem(*one) for one in told))
