"""What was done to accounts and groups, one row a change, of Windows and Linux logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from forensics.answers import fields
from forensics.answers.accounts import reasons_of
from forensics.answers.case import Case, NotEvaluated
from forensics.answers.changes import Change, Changes
from forensics.answers.cited import host, short
from forensics.answers.grade import Subject, finding, missing
from forensics.answers.session import bare
from forensics.model.event import Event, Finding
from forensics.source.times import SECOND

ID = "answers.account-changes"
_WORDS = {
    "account-created": "account created", "account-deleted": "account deleted", "account-enabled": "account enabled",
    "account-disabled": "account disabled", "account-changed": "account changed",
    "account-locked": "account locked out",
    "account-unlocked": "account unlocked", "account-renamed": "account renamed", "password-reset": "password reset",
    "password-changed": "password changed", "password-change-attempt": "password change tried",
    "group-created": "group created", "group-deleted": "group deleted", "group-changed": "group changed",
    "group-member-added": "member added", "group-member-removed": "member removed",
    "sid-history-added": "SID history added", "dsrm-password-set": "DSRM password set",
    "rights-assigned": "right assigned", "domain-policy-changed": "domain policy changed",
}  # fmt: skip
ACTIONS = tuple(_WORDS)
_GROUPS = frozenset(("group-created", "group-deleted", "group-changed", "group-member-added", "group-member-removed"))
#: what a change of an account (4738, 4742) sets; "-" was not changed
_SET = (
    "SamAccountName", "DisplayName", "UserPrincipalName", "HomeDirectory", "ScriptPath", "ProfilePath",
    "UserWorkstations", "PasswordLastSet", "AccountExpires", "PrimaryGroupId", "AllowedToDelegateTo", "OldUacValue",
    "NewUacValue", "UserAccountControl", "SidHistory", "LogonHours", "DnsHostName", "ServicePrincipalNames",
)  # fmt: skip
#: "value not set", and nothing
_UNSET = ("", "%%1793", "%%1794")
_DAY = 86400 * SECOND


def _detail(event: Event) -> str:
    if event.action == "account-renamed":
        return f"before: {fields.text(event, 'OldTargetUserName')}"
    if event.action == "rights-assigned":
        return fields.text(event, "PrivilegeList", "AccessGranted")
    if event.action in ("account-changed", "account-created", "sid-history-added"):
        found = ((name, fields.text(event, name)) for name in _SET)
        return "; ".join(f"{name}={' '.join(value.split())[:256]}" for name, value in found if value not in _UNSET)
    return ""


def _change(event: Event) -> Change:
    get, group = fields.text, ""
    if event.action in _GROUPS:
        domain, name = get(event, "TargetDomainName"), get(event, "TargetUserName", "group")
        group = f"{domain}\\{name}" if domain and name else name
    member = event.action in ("group-member-added", "group-member-removed")
    who = "" if group and not member else event.user
    domain, by = get(event, "SubjectDomainName"), get(event, "SubjectUserName", "by")
    sid = get(event, "MemberSid") if member else get(event, "TargetSid", "TargetUserSid")
    values = {
        "user": short(who, 256), "sid": short(sid, 256), "group": short(group, 256),
        "by": short(f"{domain}\\{by}" if domain and by else by, 256), "detail": short(_detail(event)),
        "flags": ", ".join(reasons_of(event)) if event.action in _GRADED else "",
        "logon_id": get(event, "SubjectLogonId"),
        "log": f"{fields.channel(event)[:128]} {fields.event_id(event)[:8]}".strip() or event.parser,
    }  # fmt: skip
    return Change(host(event), _WORDS[event.action], f"{who}\0{group}\0{sid}", values)


_GRADED = frozenset((
    "account-created", "account-enabled", "account-renamed", "password-reset", "group-member-added",
    "sid-history-added", "dsrm-password-set",
))  # fmt: skip


def account_changes(case: Case) -> Changes:
    """Read every record of a change."""
    found = Changes()
    for event in case.events(ACTIONS):
        found.step(event, _change(event))
    return found


def change_rows(case: Case, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The table ``account-changes``."""
    found = account_changes(case)
    notes += found.said()
    for change in found.rows():
        yield change.row()


class AccountChanges:
    """Accounts and memberships that lasted less than a day. Each change alone is what answers.accounts grades."""

    id = ID
    title = "Accounts for a day"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield what was given and taken away again."""
        found = account_changes(case)
        given: dict[tuple[str, ...], Change] = {}
        ends = {"account deleted": "account created", "member removed": "member added"}
        for change in found.rows():
            values = change.values
            # an account may be named with its domain in one record and without it in another
            key = (change.host, bare(str(values["user"])), str(values["group"]).casefold())
            if change.what in ends.values() and change.first is not None:
                given[change.what, *key] = change
            elif change.what in ends and change.first is not None:
                first = given.pop((ends[change.what], *key), None)
                if first is not None and 0 <= change.first - (first.first or 0) <= _DAY:
                    yield _short(first, change)
        for text in found.said():
            yield missing(ID, "account changes", text)
        if not found.seen:
            yield missing(
                ID, "account changes", "no log that records changes of accounts was parsed, or it records none"
            )


def _short(first: Change, last: Change) -> Finding:
    values, seconds = first.values, ((last.first or 0) - (first.first or 0)) // SECOND
    what = f"member of {values['group']}" if values["group"] else "account"
    text = f"{values['user']} on {first.host}: {what} for {seconds:,} s, by {values['by'] or 'unknown'}"
    attrs = (
        ("user", values["user"]), ("group", values["group"]), ("by", values["by"]), ("computer", first.host),
        ("seconds", seconds),
    )  # fmt: skip
    refs = (*first.cited.refs[:8], *last.cited.refs[:8])
    privileged = "privileged-group" in str(values["flags"])
    # the set-up of Windows puts the first account into Users and takes it out again
    reasons = ["brief-member"] if values["group"] and not privileged else ["short-lived"]
    reasons += ["privileged-group"] if privileged else []
    return finding(ID, "short-lived", Subject(text, refs, first.first, "", attrs), reasons)
