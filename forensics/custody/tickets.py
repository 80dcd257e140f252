"""Job tickets: a key made for one job, vouched for by the examiner's key, which stays at home (docs/format.md §13).

On the host the job key signs one thing, the run key of the process, and is forgotten; the run
key signs the checkpoints and the seal. Who takes the host later finds no key that could have
signed what came before; who steals a ticket can collect for its case and hosts until it ends.
"""

from __future__ import annotations

import base64
import os
import string
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from forensics.custody import ed25519_openssh as openssh
from forensics.custody.keys import RunKey, SigningKey
from forensics.custody.lines import host_name, now
from forensics.custody.publickey import PublicKey
from forensics.custody.signed import read_line, sign_line, text_of, texts_of
from forensics.custody.trust_options import matches
from forensics.errors import KeyInvalid
from forensics.source.times import parse_rfc3339

FORMAT = "sealbag-ticket/1.0"
NAMESPACE = "sealbag-ticket-v1"
MAX_HOSTS = 256
MAX_RECIPIENTS = 64
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass(frozen=True, slots=True)
class Ticket:
    """The public part of a ticket, read and its signature checked; whether its signer is trusted is not.

    :param data: the bytes of the .json file; *signature*: of the .sig beside it.
    :param hosts: patterns; *not_before*, *not_after*: times of the format; *recipients*: of age.
    :param certificate: the signer's OpenSSH certificate as a line, "" if there is none.
    """

    data: bytes
    signature: bytes
    id: str
    case: str
    hosts: tuple[str, ...]
    not_before: str
    not_after: str
    recipients: tuple[str, ...]
    job_key: bytes
    t: str
    signer: PublicKey
    certificate: str = ""

    @property
    def sha256(self) -> str:
        """Digest of the ticket's .json file."""
        return sha256(self.data).hexdigest()

    def why_not(self, case: str, host: str, *times: str) -> str:
        """Return "" if the ticket holds for this case, host and these times, else why not."""
        if case != self.case:
            return f"it is for case {self.case!r}, not {case!r}"
        if not any(matches(pattern.translate(_LOWER), host.translate(_LOWER)) for pattern in self.hosts):
            return f"it is for hosts {', '.join(self.hosts)[:200]}, not {host!r}"
        for time in times:
            if time < self.not_before:
                return f"it is not valid before {self.not_before}, and it is {time}"
            if time > self.not_after:
                return f"it was valid until {self.not_after}, and it is {time}"
        return ""

    def files(self) -> Mapping[str, bytes]:
        """Return the files that go to ``custody/keys``, by name."""
        name = f"ticket-{self.sha256[:8]}.json"
        found = {name: self.data, name + ".sig": self.signature}
        if self.certificate:
            found[f"ticket-{self.sha256[:8]}-cert.pub"] = self.certificate.encode("ascii") + b"\n"
        return found


class JobTicket:
    """A ticket with its job key: what :func:`forensics.collect` takes as ``ticket``.

    It serves one process's work on one bag: with the proof the job key is forgotten.

    :ivar warnings: what should be said to the user, one line each.
    """

    def __init__(self, ticket: Ticket, job_key: RunKey, warnings: tuple[str, ...] = ()) -> None:
        if job_key.public_raw != ticket.job_key:
            raise ValueError("the job key is not the one that the ticket names")
        self.ticket, self._key, self.warnings = ticket, job_key, warnings

    @property
    def sha256(self) -> str:
        """Digest of the ticket's .json file."""
        return self.ticket.sha256

    @property
    def case(self) -> str:
        """The case that it is for."""
        return self.ticket.case

    @property
    def signer(self) -> str:
        """Fingerprint of the key that signed it: what verifies a bag made under it."""
        return self.ticket.signer.fingerprint

    @property
    def recipients(self) -> tuple[str, ...]:
        """The age recipients for what is packed under this ticket."""
        return self.ticket.recipients

    @property
    def erased(self) -> bool:
        """True when the proof was made: the job key is forgotten."""
        return self._key.erased

    def require(self, case: str) -> None:
        """Check that the ticket holds for *case*, on this host, now.

        :raises KeyInvalid: if not.
        """
        why = self.ticket.why_not(case, host_name(), now())
        if why:
            hint = "Get a ticket for this job: sealbag ticket new; if times differ, look at this host's clock."
            raise KeyInvalid(f"the job ticket does not hold here: {why}", where=f"ticket {self.ticket.id}", hint=hint)

    def prove(self, bag: str, run_key: bytes, signer_key: bytes) -> str:
        """Return ``ticket_proof`` (base64) for a bag and two public keys of 32 bytes, and forget the job key.

        :raises KeyInvalid: the second time.
        """
        try:
            return base64.b64encode(self._key.sign_raw(proof_text(bag, run_key, signer_key))).decode()
        finally:
            self._key.erase()

    def files(self) -> Mapping[str, bytes]:
        """Return the files that go to ``custody/keys``, by name."""
        return self.ticket.files()


def proof_text(bag: str, run_key: bytes, signer_key: bytes) -> bytes:
    """Return what the job key signs for a process."""
    lines = ("sealbag-run-v1", bag, base64.b64encode(run_key).decode(), base64.b64encode(signer_key).decode())
    return "".join(f"{line}\n" for line in lines).encode()


def new_ticket(
    key: SigningKey,
    *,
    case: str,
    hosts: tuple[str, ...],
    not_before: str,
    not_after: str,
    recipients: tuple[str, ...] = (),
) -> tuple[Ticket, bytes]:
    """Make a ticket and its job key.

    :param key: the examiner's; it vouches for what is collected under the ticket.
    :param hosts: 1 to 256 patterns (``*``, ``?``) of host names.
    :param not_before: a time of the format, as *not_after*.
    :param recipients: age recipients that packed bags go to by default.
    :return: the ticket, and the job key's 32 secret bytes.
    :raises ValueError: if one of them is none.
    :raises KeyInvalid: if the key does not sign.
    """
    secret, job_key = RunKey.new_with_secret()
    fields: dict[str, Any] = {
        "format": FORMAT, "ticket": os.urandom(16).hex(), "case": case, "hosts": list(hosts),
        "not_before": not_before, "not_after": not_after, "recipients": list(recipients),
        "job_key": base64.b64encode(job_key.public_raw).decode(), "t": now(),
    }  # fmt: skip
    data, signature = sign_line(key, fields, NAMESPACE)
    return read_ticket(data, signature, key.certificate), secret


def read_ticket(data: bytes, signature: bytes, certificate: str = "") -> Ticket:
    """Read a ticket's two public files.

    :raises ValueError: if it is not of the form, or its signature does not verify.
    """
    fields, signer = read_line(data, signature, FORMAT, NAMESPACE)
    hosts = texts_of(fields, "hosts", MAX_HOSTS)
    if not hosts or not all(0 < len(one) <= 255 and one.isprintable() for one in hosts):
        raise ValueError("hosts are 1 to 256 patterns of 1 to 255 visible characters")
    ident, job_key = text_of(fields, "ticket"), openssh.decode_base64(text_of(fields, "job_key"))
    if len(ident) != 32 or not set(ident) <= set("0123456789abcdef"):
        raise ValueError("ticket is no 32 hex digits")
    if not openssh.is_sound(job_key):
        raise ValueError("job_key is no sound Ed25519 key")
    times = [text_of(fields, name) for name in ("not_before", "not_after", "t")]
    after, before, _ = map(parse_rfc3339, times)
    if before < after:
        raise ValueError("not_after is before not_before")
    case, recipients = text_of(fields, "case"), texts_of(fields, "recipients", MAX_RECIPIENTS)
    return Ticket(
        data, signature, ident, case, hosts, times[0], times[1], recipients, job_key, times[2], signer, certificate
    )
