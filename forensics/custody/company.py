"""What accompanies a writer from outside custody: a job ticket, and places that checkpoints are sent to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol


class RunTicket(Protocol):
    """A job ticket with the job key's private half (docs/format.md §13)."""

    @property
    def sha256(self) -> str:
        """Digest of the ticket's .json file."""

    @property
    def signer(self) -> str:
        """Fingerprint of the key that signed it."""

    def require(self, case: str) -> None:
        """Check, before anything is written, that it holds for *case*, on this host, now. :raises KeyInvalid:"""

    def prove(self, bag: str, run_key: bytes, signer_key: bytes) -> str:
        """Return ``ticket_proof`` (base64) for a bag and two public keys of 32 bytes."""

    def files(self) -> Mapping[str, bytes]:
        """Return the files that go to ``custody/keys``, by name."""


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What became of the checkpoints sent to one target: the fields of a ``push`` line.

    :param target: where, without secrets.
    :param state: all, some, none.
    :param last_size: the largest checkpoint that arrived, 0 = none.
    :param cosigned: number of cosignatures that came back.
    :param code: of the last failure, "" if there was none; *detail* says it in words.
    """

    target: str
    state: str
    pushed: int
    failed: int
    last_size: int
    cosigned: int = 0
    code: str = ""
    detail: str = ""

    def fields(self) -> dict[str, Any]:
        """As fields of a line."""
        return asdict(self)


class CheckpointTargets(Protocol):
    """Sends checkpoints away while a bag is written. No call may raise or wait for a network, but :meth:`settle`."""

    def opened(self, bag: str, run_key: bytes) -> None:
        """A bag was opened or resumed with this run key; called before its first checkpoint."""

    def rotated(self, old: bytes, new: bytes, statement: bytes) -> None:
        """The run key changed; *statement* is a signed note of the old key that names the new one."""

    def push(self, size: int, note: bytes, leaves: Sequence[bytes]) -> None:
        """Send the checkpoint of *size* lines.

        :param leaves: leaf hashes of the last ``len(leaves)`` of these lines: at least those since the call
            before, and at a process's first call all.
        """

    def settle(self, seconds: float) -> None:
        """Wait until all that was pushed has arrived or failed, at most so long."""

    def outcomes(self) -> list[PushOutcome]:
        """What became of it so far, one for each target."""

    def cosigned(self) -> Mapping[int, bytes]:
        """Notes that came back with more signatures than were sent, by size."""
