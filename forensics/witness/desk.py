"""What a witness decides: a request in, a status and a body out; no network here.

Source: c2sp.org/tlog-witness. Beside it: which key speaks for a bag. The first is given with the
token when the bag opens; each next one is named by the one before it; a resumed run's, a new process's,
comes with the token again and is logged as such. Whoever holds any of them can only append.
"""

from __future__ import annotations

import hmac
import threading
from dataclasses import dataclass, replace

from forensics.custody.cosign import WitnessKey, cosign
from forensics.custody.keys import SigningKey
from forensics.custody.lines import now
from forensics.custody.notes import verify_note
from forensics.custody.tree import verify_consistency
from forensics.custody.witnessing import SIZE_TYPE, Request, parse_open, parse_request, parse_rotation
from forensics.errors import InputError, SealbagError
from forensics.witness.state import Record, State, refused

PLAIN = "text/plain; charset=utf-8"
#: contradictions that are logged of one bag; a holder of its key could fill the disk with more
MAX_REFUSED = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body and its type."""

    status: int
    body: bytes
    type: str = PLAIN


class Desk:
    """A witness: name, key, state. Every answer is given under one lock, and after the state is durable."""

    def __init__(self, state: State, name: str, key: SigningKey, token: str) -> None:
        """Begin to answer.

        :param token: what opens a bag here.
        :raises ConfigError: if the state is another witness's.
        """
        self.state, self.name, self.token = state, name, token
        self._key = key
        self.verifier_key = WitnessKey(name, key.public_raw)
        state.pin(str(self.verifier_key))
        self._lock = threading.Lock()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Cosign a checkpoint that goes on from what was cosigned before."""
        try:
            request = parse_request(body)
        except InputError as error:
            return _words(400, str(error))
        with self._lock:
            record = self._record(request.checkpoint.origin)
            if record is None:
                return _words(404, "this witness was not told of this bag")
            return self._judge(request, record)

    def _judge(self, request: Request, record: Record) -> Answer:
        head = request.checkpoint
        if not verify_note(request.note, record.origin, bytes.fromhex(record.run_key)):
            return _words(403, "not signed by the bag's current run key")
        if request.old > head.size:
            return _words(400, "the old size is above the checkpoint's")
        if request.old != record.size:
            return Answer(409, f"{record.size}\n".encode(), SIZE_TYPE)
        if request.old == head.size:
            if head.size and head.root.hex() != record.root:
                self._contradiction(request, record)
                return Answer(409, f"{record.size}\n".encode(), SIZE_TYPE)
        elif request.proof if not request.old else not self._proved(request, record):
            if request.old:
                self._contradiction(request, record)
            return _words(422, "the proof does not lead from what was cosigned to this checkpoint")
        return self._cosign(request, record)

    def _proved(self, request: Request, record: Record) -> bool:
        head = request.checkpoint
        return verify_consistency(request.old, head.size, bytes.fromhex(record.root), head.root, request.proof)

    def _cosign(self, request: Request, record: Record) -> Answer:
        if not request.checkpoint.size:
            return _words(400, "a bag has at least one line")
        line = cosign(request.note.text, self.name, self._key)
        note = request.data.decode() + line
        head = request.checkpoint
        self.state.keep(replace(record, size=head.size, root=head.root.hex(), note=note, seen=now()))
        self.state.log("cosigned", record, checkpoint=head.size, root=head.root.hex(), note=note)
        return Answer(200, line.encode())

    def _contradiction(self, request: Request, record: Record) -> None:
        """Signed by the bag's key and no continuation: it may be proof of a second ledger, and is kept."""
        if record.refused < MAX_REFUSED:
            self.state.keep(refused(record))
            fields = {"checkpoint": request.checkpoint.size, "note": request.data.decode()}
            self.state.log("contradiction", record, **fields)

    def open_bag(self, body: bytes, token: str | None) -> Answer:
        """Learn a bag's origin and key, or a resumed run's key; with the token."""
        given = (token or "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(self.token.encode(), given):
            return _words(403, "the token is not right")
        try:
            origin, public = parse_open(body)
        except InputError as error:
            return _words(400, str(error))
        with self._lock:
            record = self._record(origin)
            if record is not None and record.run_key == public.hex():
                return _words(200, "known")
            if record is None:
                self._keep(Record(origin, public.hex(), now()), "opened")
            else:
                keys, openings = record.keys + 1, record.openings + 1
                self._keep(replace(record, run_key=public.hex(), keys=keys, openings=openings), "resumed")
            return _words(200, "opened")

    def rotate(self, body: bytes) -> Answer:
        """Go on with the key that the current one names."""
        try:
            note, origin, public = parse_rotation(body)
        except InputError as error:
            return _words(400, str(error))
        with self._lock:
            record = self._record(origin)
            if record is None:
                return _words(404, "this witness was not told of this bag")
            if record.run_key == public.hex():
                return _words(200, "known")
            if not verify_note(note, origin, bytes.fromhex(record.run_key)):
                return _words(403, "not signed by the bag's current run key")
            self._keep(replace(record, run_key=public.hex(), keys=record.keys + 1), "rotated", statement=body.decode())
            return _words(200, "rotated")

    def close(self) -> None:
        """Let an answer under way end, give no more, let go of the state."""
        self._lock.acquire()
        self.state.close()

    def _keep(self, record: Record, event: str, **fields: str) -> None:
        self.state.keep(record)
        self.state.log(event, record, run_key=record.run_key, **fields)

    def _record(self, origin: str) -> Record | None:
        try:
            return self.state.record(origin)
        except InputError:
            return None  # an origin that is no bag's is one that this witness was not told of


def _words(status: int, text: str) -> Answer:
    return Answer(status, text.encode("utf-8", "replace")[:500] + b"\n")


def failure(error: SealbagError) -> Answer:
    """The answer when the state could not be read or kept: nothing was cosigned."""
    return _words(503, f"{error.code}: this witness cannot keep its state")
