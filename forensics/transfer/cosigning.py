"""A witness as a place that checkpoints go to: told of the bag, asked for cosignatures (c2sp.org/tlog-witness)."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Sequence
from urllib.error import HTTPError
from urllib.parse import urlunsplit

from forensics.custody.cosign import WitnessKey, check_answer
from forensics.custody.growing import GrowingIndex
from forensics.custody.notes import MAX_NOTE, verifier_key
from forensics.custody.tree import HASH_SIZE
from forensics.custody.witnessing import ADD, OPEN, ROTATE, SIZE_TYPE, render_open, render_request
from forensics.errors import InputError, TargetConflict, TargetError, TargetMissing, UsageError
from forensics.remote.http import authorization, http_errors, opener, status_error
from forensics.remote.opening import shown, split
from forensics.remote.target import SECONDS

_SIZE = re.compile(rb"(0|[1-9][0-9]{0,15})\n")


class WitnessDestination:
    """A witness at an address. A cosignature is kept only if it is by one of the keys that were given."""

    wants_leaves = True

    def __init__(self, url: str, keys: Sequence[WitnessKey], token: str | None, timeout: float = SECONDS) -> None:
        """Name a witness.

        :param keys: whose cosignatures count.
        :param token: opens bags there.
        :raises UsageError: if the address is none, or the token would travel in the clear.
        """
        parts = split(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username is not None:
            raise UsageError("no address of a witness", hint="https://host/prefix")
        if not keys:
            raise UsageError("no key of the witness", hint="--witness-key FILE: its verifier key, as it prints it.")
        self.shown, self._keys, self._timeout = shown(parts), tuple(keys), timeout
        self._base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        self._token = authorization(parts, token)
        self._client = opener(parts.hostname)
        self._tree, self._had, self._bag = GrowingIndex(), 0, ""

    def opened(self, bag: str, run_key: bytes) -> None:
        """Tell the witness the bag's origin and key."""
        self._bag = f"sealbag/{bag}"
        status, _, body = self._post(OPEN, render_open(self._bag, verifier_key(self._bag, run_key)), self._token)
        self._require(status, body)

    def rotated(self, statement: bytes) -> None:
        """Hand on the statement of the old key."""
        status, _, body = self._post(ROTATE, statement)
        self._require(status, body)

    def leaves(self, data: bytes, size: int) -> None:
        """Let the tree grow: what it has already is left out."""
        first = size - len(data) // HASH_SIZE
        if first > self._tree.size:
            return  # a gap: push() says that lines are missing
        for at in range((self._tree.size - first) * HASH_SIZE, len(data), HASH_SIZE):
            self._tree.append(data[at : at + HASH_SIZE])

    def push(self, size: int, note: bytes) -> Sequence[str]:
        """Have a checkpoint cosigned.

        :raises TargetConflict: if the witness has seen a larger or another tree of this bag.
        :raises TargetError: if it refuses, or its answer is none.
        """
        status, kind, answer = self._ask(size, note)
        if status == 409 and kind == SIZE_TYPE:
            match = _SIZE.fullmatch(answer)
            if match is None or int(match[1]) > size or int(match[1]) == self._had:
                raise TargetConflict("the witness has seen another ledger of this bag", where=self.shown)
            self._had = int(match[1])  # of an earlier process, or an answer that was lost
            status, kind, answer = self._ask(size, note)
        self._require(status, answer)
        try:
            found = check_answer(note, answer, self._keys)
        except InputError as error:
            raise TargetError(f"the witness's answer is not kept: {error.what}", where=self.shown) from error
        self._had = size
        return [one.line for one in found]

    def _ask(self, size: int, note: bytes) -> tuple[int, str, bytes]:
        if self._tree.size < size:
            raise TargetError("lines are missing to prove that this goes on", where=self.shown)
        proof = self._tree.consistency(self._had, size) if 0 < self._had < size else []
        return self._post(ADD, render_request(self._had, proof, note))

    def check(self) -> None:
        """Ask whose witness answers there.

        :raises TargetError: if it does not, or it is none of those whose keys were given.
        """
        with http_errors(self.shown), self._client.open(f"{self._base}/", timeout=self._timeout) as answer:
            said = answer.read(4096)
        if said.strip().decode("utf-8", "replace") not in {str(key) for key in self._keys}:
            raise TargetError("another witness answers there than the key says", where=self.shown)

    def close(self) -> None:
        """Nothing is held open."""

    def _post(self, call: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, str, bytes]:
        """Send; return status, type and a bounded answer; what is more than that is no answer."""
        kind = {"Content-Type": "text/plain"}
        request = urllib.request.Request(self._base + call, body, kind | (headers or {}), method="POST")
        with http_errors(self.shown):
            try:
                answer = self._client.open(request, timeout=self._timeout)
            except HTTPError as error:
                answer = error
            with answer:
                data = answer.read(MAX_NOTE + 1)
                if len(data) > MAX_NOTE:
                    raise TargetError("the witness's answer is too long", where=self.shown)
                return int(answer.status or 0), answer.headers.get("Content-Type", ""), data

    def _require(self, status: int, body: bytes) -> None:
        if status == 200:
            return
        error = status_error(status, self.shown)
        if isinstance(error, TargetMissing):
            error = TargetMissing("the witness was not told of this bag, or none is there", where=self.shown)
        words = "".join(char for char in body[:120].decode("utf-8", "replace") if char.isprintable())
        error.what += f" ({words})" if words else ""
        raise error
