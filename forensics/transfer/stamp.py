"""Time tokens for a sealed bag: asked for over the network, or carried out and back (RFC 3161; docs/format.md §7)."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from forensics.custody.adding import adding
from forensics.custody.after import Held, Statement, add_statement, read_statements
from forensics.custody.keys import SigningKey
from forensics.custody.timestamps import MAX_TOKEN, TokenFacts, check_answer, make_request, read_token
from forensics.errors import InputError, SealbagError, TargetError, UsageError
from forensics.remote.http import http_errors, opener
from forensics.transfer.merge import next_tsr, read_tokens

SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Stamped:
    """A token that is in the bag now; who checks it needs the authority's root (``sealbag verify --tsa``).

    :param path: of the .tsr file in the bag, or of the ``token`` statement.
    :param over: "" = the seal's signature, else SHA-256 of the token that it renews.
    """

    path: str
    facts: TokenFacts
    over: str = ""
    statement: Statement | None = None


def check_address(url: str) -> str:
    """Return the host of an authority's address.

    :raises UsageError: unless it is http or https, without user or password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise UsageError("the address of a time-stamping authority is http:// or https://", where=url[:200])
    return parts.hostname


def ask(url: str, request: bytes, seconds: float = SECONDS) -> bytes:
    """Send a TimeStampReq to an authority and return its answer (RFC 3161 §3.4), at most 256 KiB.

    :param url: http or https, without user or password. A token is signed by itself, so plain http is as good.
    :raises UsageError: for another address.
    :raises TargetError, TargetUnreachable: if there is no answer within *seconds*, or it is none.
    """
    import urllib.request

    host = check_address(url)
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    sending = urllib.request.Request(url, request, headers, method="POST")
    deadline, data = time.monotonic() + seconds, b""
    with http_errors(url), opener(host).open(sending, timeout=seconds) as answer:
        if answer.headers.get_content_type() != "application/timestamp-reply":
            raise TargetError("no time-stamping authority: it does not answer with a timestamp-reply", where=url)
        while chunk := answer.read1(1 << 14):
            data += chunk
            if len(data) > MAX_TOKEN:
                raise TargetError(f"an answer of more than {MAX_TOKEN} bytes", where=url)
            if time.monotonic() > deadline:
                raise TimeoutError
    return data


def make_query(bag: str | os.PathLike[str], *, renew: bool = False) -> bytes:
    """Return a TimeStampReq to carry out: over the seal's signature, or over the bag's last token.

    :raises NotABag, InputError: if the bag is not sealed, or has no token to renew.
    :raises FeatureUnavailable: without the extra ``transport``.
    """
    return make_request(_covered(Path(bag), renew)[0])


def stamp(
    bag: str | os.PathLike[str],
    url: str | None = None,
    *,
    response: bytes | None = None,
    request: bytes | None = None,
    renew: bool = False,
    key: SigningKey | None = None,
) -> Stamped:
    """Put a time token into a sealed bag: ``custody/seal.tsr``, or with *renew* a ``token`` statement.

    The answer is checked before it is kept: granted, over what it must be over, and the answer to this
    request. Whether its authority is to be trusted is decided by whoever verifies.

    :param url: the authority that is asked now; or else *response* is the answer that was brought back,
        and *request* what was carried out.
    :param renew: cover the bag's last token by a new one, before the certificate of its authority ends.
    :param key: signs the statement; needed with *renew*.
    :raises UsageError: if there is neither *url* nor *response*, or no key for a statement.
    :raises InputError: if the answer is not what it must be; the bag is as it was.
    :raises NotABag, TargetError, FeatureUnavailable, OutputRefused, StorageError:
    """
    path = Path(bag)
    if renew and key is None:
        raise UsageError("a renewed token stands in a statement, which a key signs", hint="Give --key.")
    if (url is None) == (response is None):
        raise UsageError("an authority's address or its answer", hint="Give --tsa URL, or --response FILE.")
    covered, over = _covered(path, renew)
    if url is not None:
        request = make_request(covered)
        response = ask(url, request)
    assert response is not None
    facts = check_answer(response, covered, request)
    with adding(path) as room:
        if key is not None and renew:
            fields = {"token": base64.b64encode(response).decode(), "over": over}
            made = add_statement(room, read_statements(path), "token", fields, key)
            return Stamped(f"custody/after/{made.name}", facts, over, made)
        name = next_tsr(path)
        room.file(name, response)
    return Stamped(f"custody/{name}", facts)


def _covered(bag: Path, renew: bool) -> tuple[bytes, str]:
    """What a token is to be over, and the field ``over``."""
    held = read_statements(bag)
    if not renew:
        return held.seal.signature, ""
    last = _last_token(bag, held)
    return last, hashlib.sha256(last).hexdigest()


def _last_token(bag: Path, held: Held) -> bytes:
    """The token that no other covers yet, the latest of them by its own word."""
    found = [*read_tokens(bag).values()]
    found += [base64.b64decode(one.text("token")) for one in held.statements if one.kind == "token"]
    covered = {one.text("over") for one in held.statements if one.kind == "token"}
    ends: list[tuple[str, bytes]] = []
    for data in found:
        if hashlib.sha256(data).hexdigest() in covered:
            continue
        try:
            ends.append((read_token(data).t, data))
        except InputError:
            continue  # no token at all: verify says so
    if not ends:
        raise InputError("there is no time token to renew", where=str(bag), hint="First: sealbag stamp BAG --tsa URL.")
    return max(ends)[1]


def try_stamp(bag: Path, url: str) -> dict[str, str]:
    """Ask for a token for a bag that was just sealed; what became of it, in words for JSON and people.

    The bag is sealed and sound without one, so a failure is stated and not raised.
    """
    try:
        done = stamp(bag, url)
    except SealbagError as error:
        return {"tsa": url, "state": "failed", "code": error.code, "detail": str(error)}
    return {"tsa": url, "state": "stamped", "path": done.path, "t": done.facts.t}
