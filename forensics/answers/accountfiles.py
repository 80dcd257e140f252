"""Accounts of a Linux host: from its files, else from the live host's rows.

Sources: passwd(5), shadow(5), group(5). No password hash leaves the file: only whether there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from forensics.answers.case import Case, Held
from forensics.model.event import Ref

MAX_FILE = 16 << 20
MAX_ACCOUNTS = 200_000
_NO_LOGON = ("nologin", "false", "sync", "halt", "shutdown", "true", "git-shell")


@dataclass(slots=True)
class Account:
    """One line of passwd.

    :param password: set, locked, none, empty; "" if shadow is not known.
    :param ref: the line.
    """

    name: str
    uid: int | None
    gid: int | None
    home: str
    shell: str
    ref: Ref
    password: str = ""
    groups: list[str] = field(default_factory=list)

    @property
    def can_log_on(self) -> bool:
        """True if its shell is one."""
        return not self.shell.endswith(_NO_LOGON)

    @property
    def is_service(self) -> bool:
        """True for the numbers that distributions keep for services (login.defs(5): below 1000), root left out."""
        return self.uid is not None and (0 < self.uid < 1000 or self.uid == 65534)


def password_state(text: str) -> str:
    """What a shadow field says: empty, none (``*``, ``!``), locked (a hash behind ``!``), set."""
    if not text:
        return "empty"
    if text.startswith(("!", "*")):
        return "locked" if text.strip("!*") else "none"
    return "set"


def _lines(case: Case, held: Held) -> Iterator[tuple[int, list[str]]]:
    offset = 0
    for line in (case.read(held, MAX_FILE) or b"").split(b"\n"):
        text = line.decode("utf-8", "backslashreplace")
        if text.strip() and not text.startswith("#"):
            yield offset, text.split(":")
        offset += len(line) + 1


def _integer(text: str) -> int | None:
    return int(text) if text.isdigit() and len(text) < 12 else None


def _from_files(case: Case) -> dict[str, Account]:
    files = {
        held.path: held
        for held in case.artefacts()
        if held.path in ("/etc/passwd", "/etc/shadow", "/etc/group") and held.sha256
    }
    found: dict[str, Account] = {}
    if "/etc/passwd" not in files:
        return found
    for offset, words in _lines(case, files["/etc/passwd"]):
        if len(words) >= 7 and len(found) < MAX_ACCOUNTS:
            ref = files["/etc/passwd"].ref(f"o{offset}")
            account = Account(words[0], _integer(words[2]), _integer(words[3]), words[5], words[6], ref)
            account.password = "" if words[1] == "x" else password_state(words[1])
            # a name that stands twice is two accounts
            found[words[0] if words[0] not in found else f"{words[0]} ({offset})"] = account
    if "/etc/shadow" in files:
        for _, words in _lines(case, files["/etc/shadow"]):
            if len(words) > 1 and words[0] in found:
                found[words[0]].password = password_state(words[1])
    if "/etc/group" in files:
        _groups(found, [words for _, words in _lines(case, files["/etc/group"])])
    return found


def _groups(found: dict[str, Account], rows: list[list[str]]) -> None:
    numbers = {_integer(words[2]): words[0] for words in rows if len(words) > 2}
    for account in found.values():
        if account.gid in numbers:
            account.groups.append(numbers[account.gid])
    for words in rows:
        for member in words[3].split(",") if len(words) > 3 else ():
            account = found.get(member)  # type: ignore[assignment]
            if account is not None and words[0] not in account.groups:
                account.groups.append(words[0])


def _from_rows(case: Case) -> dict[str, Account]:
    found: dict[str, Account] = {}
    rows: list[list[str]] = []
    for row in case.volatile("users"):
        if row.text("type") == "user" and len(found) < MAX_ACCOUNTS:
            state = row.text("password").split(",")[0]
            account = Account(
                row.text("name"), row.number("uid"), row.number("gid"), row.text("home"), row.text("shell"), row.ref
            )
            account.password = state if state in ("empty", "none", "locked", "set") else ""
            found[account.name if account.name not in found else f"{account.name} ({row.ref.locator})"] = account
        elif row.text("type") == "group":
            rows.append([row.text("name"), "", str(row.number("gid")), ",".join(row.texts("members"))])
    _groups(found, rows)
    return found


def accounts_of(case: Case) -> dict[str, Account]:
    """Return the host's accounts by name; empty if none are known."""
    return _from_files(case) or _from_rows(case)
