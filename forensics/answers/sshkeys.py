"""authorized_keys: who may log on with a key. Sources: sshd(8), AUTHORIZED_KEYS FILE FORMAT; RFC 4253."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator

from forensics.answers.case import Case, Held
from forensics.answers.grade import Subject, finding
from forensics.answers.started import Started
from forensics.model.event import Finding

AUTHORIZED = re.compile(
    r"/\.ssh/authorized_keys2?$|^/etc/ssh/authorized_keys(?:\.d)?/[^/]+$|^/etc/dropbear/authorized_keys$"
)
_KEY = re.compile(
    r"(?:^|\s)((?:sk-)?(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+)(?:@openssh\.com)?)\s+([A-Za-z0-9+/=]{16,})(?:\s+(.*))?$"
)
_STRONG = re.compile(r"\b(?:command|environment|permitopen|tunnel|cert-authority|principals)\b", re.IGNORECASE)
_HOME = re.compile(r"^/(?:home/([^/]+)|(root)|var/lib/([^/]+)|(?:srv|opt)/([^/]+))/\.ssh/")
MAX_KEYS = 10_000


def _account(path: str) -> str:
    match = _HOME.match(path)
    if match:
        return next(group for group in match.groups() if group)
    parts = path.rsplit("/", 3)
    return parts[-1] if "/etc/ssh/authorized_keys" in path else parts[1] if len(parts) > 3 else ""


def key_entries(case: Case, held: Held) -> Iterator[Started]:
    """Yield each key; what is no key and no comment is passed over (sshd does so too)."""
    data = case.read(held, 4 << 20)
    account, offset, count = _account(held.path), 0, 0
    for line in (data or b"").split(b"\n"):
        text = line.decode("utf-8", "replace").strip()
        match = _KEY.search(text) if text and not text.startswith("#") else None
        if match and count < MAX_KEYS:
            count += 1
            options = text[: match.start(1)].strip()
            try:
                digest = hashlib.sha256(base64.b64decode(match[2], validate=True)).digest()
            except (binascii.Error, ValueError):
                digest = b""
            print_ = "SHA256:" + base64.b64encode(digest).decode().rstrip("=") if digest else "unreadable"
            comment = (match[3] or "").strip()
            yield Started(
                "key", held.path, f"{match[1]} {print_} {comment}".strip(), account, options, held.ref(f"o{offset}"),
                held.c or held.m, held.m, (("fingerprint", print_),),
            )  # fmt: skip
        offset += len(line) + 1


def key_findings(answer: str, keys: list[Started]) -> Iterator[Finding]:
    """Yield one finding for each key that stands out: root's, a service's, with options, or shared."""
    accounts: dict[str, set[str]] = {}
    for key in keys:
        accounts.setdefault(str(dict(key.more)["fingerprint"]), set()).add(key.user)
    for key in keys:
        reasons = []
        if key.user == "root":
            reasons.append("root-key")
        elif re.match(r"^/(?:var/(?!home/)|srv/|opt/|usr/|bin/|dev/)", key.path):
            reasons.append("service-key")
        if _STRONG.search(key.when):
            reasons.append("forced")
        if key.path.endswith("keys2"):
            reasons.append("old-name")
        if len(accounts[str(dict(key.more)["fingerprint"])]) > 1:
            reasons.append("shared-key")
        if reasons:
            attrs = (("path", key.path), ("user", key.user), ("options", key.when[:1000]), ("key", key.command[:300]))
            yield finding(
                answer, "authorized-key",
                Subject(f"{key.user or key.path}: {key.command}", (key.ref,), key.ts, key.when, attrs), reasons,
            )  # fmt: skip
