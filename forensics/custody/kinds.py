"""The kinds of statement after the seal, and what each says (docs/format.md §9)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from forensics.custody import ed25519_openssh as openssh
from forensics.custody.publickey import PublicKey
from forensics.source.times import parse_rfc3339

_DIGEST = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[0-9a-f]{32}")
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
#: DER of one time token that is carried in a statement
MAX_TOKEN = 1 << 18

#: kind -> field -> what it is; a name in _MAY may be missing
KINDS: dict[str, dict[str, str]] = {
    "offer": {
        "recipient": "fingerprint", "recipient_key": "key", "recipient_application": "text", "releaser": "text",
        "recipient_name": "text", "purpose": "text", "place": "text", "method": "text", "condition": "text",
    },
    "accept": {
        "offer": "digest", "by": "text", "place": "text", "condition": "text", "verdict": "text",
        "verdict_sha256": "digest", "despite": "text",
    },
    "refuse": {"offer": "digest", "by": "text", "reason": "text", "verdict": "text", "verdict_sha256": "digest"},
    "note": {"text": "text"},
    "correct": {"text": "text", "corrects": "seq"},
    "hold": {"text": "text"},
    "release": {"text": "text", "releases": "digest"},
    "retain": {"until": "time", "text": "text"},
    "revoke": {"revokes": "fingerprint", "since": "time", "reason": "text"},
    "destroy": {"text": "text", "method": "text", "by": "text", "place": "text"},
    "supplement": {"supplement_bag": "id", "supplement_seal": "digest", "text": "text"},
    "token": {"token": "base64", "over": "digest"},
}  # fmt: skip
_MAY = {"recipient_application", "despite", "refuse.verdict", "refuse.verdict_sha256"}


def check_fields(kind: str, fields: Mapping[str, Any]) -> None:
    """Check what a statement of *kind* says.

    :raises ValueError: naming the field that is missing or not what it must be.
    """
    for name, what in KINDS[kind].items():
        value = fields.get(name)
        if value is None and {name, f"{kind}.{name}"} & _MAY:
            continue
        if not _fits(what, value):
            raise ValueError(f"{name} is missing or no {what}")
    if kind == "offer":
        raw = openssh.decode_base64(fields["recipient_key"])
        if public_key(raw, fields.get("recipient_application")).fingerprint != fields["recipient"]:
            raise ValueError("recipient is not the fingerprint of recipient_key")


def public_key(raw: bytes, application: Any) -> PublicKey:
    """A key from the fields of a statement.

    :raises ValueError: if it is no sound Ed25519 key, or the application is none.
    """
    if application is None:
        return PublicKey.from_wire(openssh.public_blob(raw))
    if not isinstance(application, str):
        raise ValueError("the application of a key is no text")
    return PublicKey.fido(raw, application.encode("utf-8", "surrogatepass"))


def is_time(value: Any) -> bool:
    """Whether *value* is a time of the format (docs/format.md §2)."""
    try:
        parse_rfc3339(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return True


def _fits(what: str, value: Any) -> bool:
    if what == "seq":
        return type(value) is int and value >= 0
    if not isinstance(value, str):
        return False
    if what == "time":
        return is_time(value)
    if what in ("key", "base64"):
        return _decodes(value, 32 if what == "key" else None)
    form = {"digest": _DIGEST, "id": _ID, "fingerprint": FINGERPRINT}.get(what)
    return form is None or form.fullmatch(value) is not None


def _decodes(value: str, size: int | None) -> bool:
    if len(value) > MAX_TOKEN * 4 // 3 + 4:
        return False
    try:
        raw = openssh.decode_base64(value)
    except ValueError:
        return False
    return len(raw) == size if size is not None else bool(raw)
