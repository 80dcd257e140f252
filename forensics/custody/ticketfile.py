"""The file that a ticket is carried in: its two public files, and the job key's private half."""

from __future__ import annotations

import base64
import os
import stat
import sys
from pathlib import Path

from forensics.custody import ed25519_openssh as openssh
from forensics.custody.certificates import from_line
from forensics.custody.keys import RunKey
from forensics.custody.keywriter import write_new
from forensics.custody.oneline import make_one_line, parse_one_line
from forensics.custody.signed import MAX_SIGNED, read_chosen, text_of
from forensics.custody.sshsig import MAX_ARMOURED
from forensics.custody.tickets import FORMAT, JobTicket, Ticket, read_ticket
from forensics.errors import KeyInvalid

FILE_FORMAT = "sealbag-ticket-file/1.0"
MAX_FILE = 2 * MAX_SIGNED + (64 << 10)


def write_job_ticket(path: Path, ticket: Ticket, secret: bytes) -> None:
    """Write the private file of a ticket, mode 0600, never over a file.

    The mode protects nothing on Windows: there the folder's own access list counts.

    :raises OutputRefused: if something is there, or there is no such folder.
    :raises PermissionRefused, DiskFull, StorageError: if the system refuses or fails.
    """
    fields = {
        "format": FILE_FORMAT, "ticket": ticket.data.decode("ascii"), "signature": ticket.signature.decode("ascii"),
        "certificate": ticket.certificate, "job_secret": base64.b64encode(secret).decode(),
    }  # fmt: skip
    write_new(path, make_one_line(fields), 0o600, "ticket")


def read_job_ticket(path: str | os.PathLike[str]) -> JobTicket:
    """Read a ticket with its job key, for one process's work on one bag.

    :raises KeyInvalid: if there is no such file, it is damaged, not signed by whom it names, or holds no job key.
    :raises PermissionRefused: if the system refuses to read it.
    """
    file = Path(path)
    ticket, secret = _read(file)
    if secret is None:
        hint = "Give the private file that sealbag ticket new wrote, not the copy in a bag."
        raise KeyInvalid("a ticket without its job key", where=str(file), hint=hint)
    warnings: tuple[str, ...] = ()
    if sys.platform != "win32" and file.stat().st_mode & 0o077:
        mode = stat.S_IMODE(file.stat().st_mode)
        warnings = (f"{file}: others than its owner have access to this ticket (mode {mode:04o}): chmod 600",)
    try:
        return JobTicket(ticket, RunKey.of_secret(secret), warnings)
    except ValueError as error:
        raise _damaged(file, error) from error


def read_public_ticket(path: str | os.PathLike[str]) -> tuple[Ticket, bool]:
    """Return (ticket, whether the file holds its job key) of a private file, or of a .json with its .sig beside.

    :raises KeyInvalid, PermissionRefused: as :func:`read_job_ticket`.
    """
    ticket, secret = _read(Path(path))
    return ticket, secret is not None


def _read(path: Path) -> tuple[Ticket, bytes | None]:
    data = read_chosen(path, MAX_FILE, "job ticket")
    try:
        fields = parse_one_line(data)
        if fields.get("format") == FORMAT:
            signature = read_chosen(path.with_name(path.name + ".sig"), MAX_ARMOURED, "signature of a ticket")
            return read_ticket(data, signature), None
        if fields.get("format") != FILE_FORMAT:
            raise ValueError(f"no {FILE_FORMAT}")
        text, signature = text_of(fields, "ticket", MAX_SIGNED), text_of(fields, "signature", MAX_ARMOURED).encode()
        certificate = text_of(fields, "certificate", MAX_SIGNED)
        ticket = read_ticket(text.encode(), signature, certificate)
        if certificate and from_line(certificate).public != ticket.signer:
            raise ValueError("the certificate is another key's")
        secret = openssh.decode_base64(text_of(fields, "job_secret"))
    except ValueError as error:
        raise _damaged(path, error) from error
    return ticket, secret


def _damaged(path: Path, error: ValueError) -> KeyInvalid:
    return KeyInvalid(f"no sound job ticket: {error}", where=str(path), hint="Copy it again, or make a new one.")
