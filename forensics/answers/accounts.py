"""Accounts: which there are, who may become root, what was made or changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from forensics.answers import accounts_sam, fields
from forensics.answers.accountfiles import Account, accounts_of
from forensics.answers.case import Case, Held, NotEvaluated, event_ref
from forensics.answers.grade import Subject, finding, missing, table
from forensics.model.event import Event, Finding

ID = "answers.accounts"
ACTIONS = {
    "account-created": "created", "account-enabled": "changed", "account-renamed": "changed",
    "account-changed": "", "password-reset": "changed", "password-changed": "changed", "group-member-added": "group",
    "sid-history-added": "changed", "account-deleted": "changed", "dsrm-password-set": "changed",
}  # fmt: skip
_SUDOERS = re.compile(r"^/etc/sudoers(?:\.d/[^/]+)?$")
_ALL = re.compile(r"^\s*([^\s#=:]+)\s+[^=]+=\s*(?:\([^)]*\)\s*)?(?:\w+:\s*)*NOPASSWD:\s*(?:\w+:\s*)*ALL\b")
_BUILT_IN = {"guest", "defaultaccount", "wdagutilityaccount", "krbtgt", "administrator"}


def _privileged(event: Event) -> bool:
    places = table("places")["groups"]
    names = [fields.text(event, name).lower() for name in ("group", "TargetUserName", "owned")]
    sid = fields.text(event, "TargetSid")
    return any(name in places["names"] for name in names) or any(sid.endswith(end) for end in places["sids"])


def reasons_of(event: Event) -> list[str]:
    """Reasons that a change of an account gives by itself."""
    name = event.user.rpartition("\\")[2].lower()
    action = event.action
    if action == "account-created":
        # a computer's account is made by another event (4741)
        fake = name.endswith("$") and fields.event_id(event) == "4720"
        return ["created", "looks-like-machine"] if fake else ["created"]
    if action == "group-member-added":
        return ["group-change", "privileged-group"] if _privileged(event) else ["group-change"]
    if action == "sid-history-added":
        return ["identity-history"]
    if action == "account-enabled" and name in _BUILT_IN:
        return ["account-change", "guest-enabled"]
    if action in ("password-reset", "password-changed", "dsrm-password-set"):
        return ["password-set"]
    if action == "account-renamed" and fields.text(event, "NewTargetUserName").endswith("$") != fields.text(
        event, "OldTargetUserName"
    ).endswith("$"):
        return ["account-change", "looks-like-machine"]
    return ["account-change"]


def _event_findings(case: Case) -> Iterator[Finding]:
    for event in case.events(tuple(ACTIONS)):
        rule = ACTIONS[event.action]
        # one's own password, and the changes that come with any logon of a machine, are no news
        own = event.action == "password-changed" and fields.text(event, "by") in ("", event.user)
        if not rule or own:
            continue
        subject = Subject(
            event.message, (event_ref(event),), event.ts, "",
            (("user", event.user), ("by", fields.text(event, "SubjectUserName", "by")),
             ("computer", fields.computer(event)), ("action", event.action)),
        )  # fmt: skip
        yield finding(ID, rule, subject, reasons_of(event))


def _account_findings(account: Account) -> Iterator[Finding]:
    attrs: tuple[tuple[str, object], ...] = (
        ("user", account.name), ("uid", account.uid), ("shell", account.shell), ("home", account.home),
    )  # fmt: skip
    subject = Subject(f"{account.name} (uid {account.uid}, {account.shell})", (account.ref,), None, "", attrs)
    if account.uid == 0 and account.name != "root":
        yield finding(ID, "uid-0", subject, ["second-root"])
    if account.password == "empty" and account.can_log_on:
        yield finding(ID, "password", subject, ["no-password"])
    elif account.password == "set" and account.can_log_on and account.is_service:
        yield finding(ID, "password", subject, ["service-shell"])


def _sudoers(case: Case, held: Held) -> Iterator[Finding]:
    offset = 0
    for line in (case.read(held, 1 << 20) or b"").split(b"\n"):
        text = line.decode("utf-8", "replace")
        match = _ALL.match(text)
        if match and match[1] not in ("root", "Defaults"):
            subject = Subject(f"{match[1]} ({held.path})", (held.ref(f"o{offset}"),), held.m, text.strip())
            yield finding(ID, "sudo", subject, ["all-rights"])
        offset += len(line) + 1


class Accounts:
    """Account files, volatile rows, and account events."""

    id = ID
    title = "Accounts"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield accounts that stand out and what was done to accounts."""
        known: Mapping[str, Account] = accounts_of(case)
        for account in known.values():
            yield from _account_findings(account)
        for held in case.artefacts():
            if _SUDOERS.match(held.path) and held.sha256:
                yield from _sudoers(case, held)
        yield from _event_findings(case)
        yield from accounts_sam.findings(case)
        windows = case.parsers().get("windows.evtx", 0)
        if not known and not windows:
            yield missing(ID, "list of accounts", "neither /etc/passwd nor the live host's users are in the bag")
        elif not known:
            yield missing(
                ID, "list of accounts", "the SAM hive is not read here: only accounts that events name are known"
            )
        elif not any(account.password for account in known.values()):
            yield missing(ID, "passwords", "no /etc/shadow is in the bag")
