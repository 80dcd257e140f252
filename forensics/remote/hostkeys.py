"""An SSH connection to a server whose key is known: by fingerprint, or by known_hosts; never by first use."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forensics.errors import (
    HostKeyUnknown,
    SealbagError,
    TargetError,
    TargetMissing,
    TargetRefused,
    TargetUnreachable,
    UsageError,
)

if TYPE_CHECKING:
    from paramiko import PKey, SSHClient

MAX_KNOWN = 4 << 20
SYSTEM_KNOWN = ("/etc/ssh/ssh_known_hosts", "~/.ssh/known_hosts")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def connect(host: str, port: int, user: str | None, options: Mapping[str, str], timeout: float) -> SSHClient:
    """Return a connection.

    :param options: ``hostkey`` (SHA256:... as ``ssh-keygen -l`` prints it: this key alone), ``known_hosts``
        (this file alone), ``identity`` (this private key alone).
    :raises HostKeyUnknown: if the server shows another key than is known; nothing was sent.
    :raises TargetRefused: if no key of ours is let in.
    :raises UsageError: if *options* are none.
    """
    import paramiko

    if not (log := logging.getLogger("paramiko")).handlers:
        log.addHandler(logging.NullHandler())  # else its threads print tracebacks beside our three lines
    client = paramiko.SSHClient()
    wanted = options.get("hostkey")
    revoked = frozenset[bytes]()
    if wanted is not None and not _FINGERPRINT.fullmatch(wanted):
        raise UsageError("hostkey= is no fingerprint", hint="SHA256:... as ssh-keygen -lf KEY.pub prints it.")
    if wanted is None:
        revoked = _load_known(client, options.get("known_hosts"))
    client.set_missing_host_key_policy(_policy(host, port, wanted))
    identity = options.get("identity")
    try:
        client.connect(
            host, port, username=user, timeout=timeout, banner_timeout=timeout, auth_timeout=timeout,
            channel_timeout=timeout, key_filename=identity, allow_agent=identity is None,
            look_for_keys=identity is None,
        )  # fmt: skip
        transport = client.get_transport()
        if transport is not None and transport.get_remote_server_key().asbytes() in revoked:
            raise HostKeyUnknown("the server's key is marked @revoked in known_hosts", where=f"{host}:{port}")
    except BaseException as error:
        client.close()
        if str(error) == "No authentication methods available":  # paramiko has no class for it
            hint = "Put a key into ssh-agent (ssh-add), or add identity=FILE to the target."
            raise TargetRefused("there is no key to show to the server", where=f"{host}:{port}", hint=hint) from error
        raise
    return client


def _load_known(client: SSHClient, file: str | None) -> frozenset[bytes]:
    """Load known keys; return the blobs of those that are revoked."""
    revoked = set()
    for name in (file,) if file else SYSTEM_KNOWN:
        path = Path(name).expanduser()
        if not path.is_file():
            if file:
                raise UsageError("no such known_hosts file", hint="Check known_hosts= in the target.")
            continue
        if path.stat().st_size > MAX_KNOWN:
            raise UsageError(f"{path} is larger than {MAX_KNOWN >> 20} MiB", hint="Name a smaller known_hosts=FILE.")
        for line in path.read_text("utf-8", "replace").splitlines():
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0].startswith("@"):  # paramiko knows no markers; @cert-authority vouches for nobody here
                if words[0] == "@revoked" and len(words) >= 4:
                    revoked.add(_blob(words[3]))
                continue
            _know(client, " ".join(words))
    return frozenset(revoked)


def _know(client: SSHClient, line: str) -> None:
    """Add what a line of known_hosts says; one that paramiko cannot read is a key that is not known."""
    import paramiko
    from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

    try:
        entry = HostKeyEntry.from_line(line)
    except (InvalidHostKey, paramiko.SSHException, ValueError, EOFError):
        return
    if entry is not None and entry.key is not None:
        for name in entry.hostnames or ():
            client.get_host_keys().add(name, entry.key.get_name(), entry.key)


def _blob(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""  # no key: nothing that a server could show


def _policy(host: str, port: int, wanted: str | None) -> Any:
    """What paramiko asks when known_hosts has no line for the host."""
    import paramiko

    class Policy(paramiko.MissingHostKeyPolicy):
        def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
            shown = fingerprint(key.asbytes())
            if wanted is None:
                raise HostKeyUnknown(f"the server's key is not known: {key.get_name()} {shown}", where=f"{host}:{port}")
            if shown != wanted:
                raise HostKeyUnknown(
                    f"the server shows another key than hostkey= says: {key.get_name()} {shown}",
                    where=f"{host}:{port}",
                    hint="Somebody may stand between. Ask the server's owner which key is right.",
                )

    return Policy()


def fingerprint(blob: bytes) -> str:
    """``SHA256:...`` of an SSH public key blob."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


@contextmanager
def translate(where: str, broken: Callable[[], None]) -> Iterator[None]:
    """Errors of paramiko and of the network as errors of targets.

    :param broken: called when the connection is of no more use.
    """
    import paramiko

    try:
        yield
    except SealbagError:
        raise
    except paramiko.BadHostKeyException as error:
        shown = fingerprint(error.key.asbytes())
        raise HostKeyUnknown(
            f"the server shows another key than known_hosts has: {shown}",
            where=where,
            hint="Somebody may stand between. Ask the server's owner which key is right.",
        ) from error
    except (paramiko.AuthenticationException, paramiko.PasswordRequiredException) as error:
        broken()
        raise TargetRefused("the server does not let us in", where=where) from error
    except FileNotFoundError as error:
        raise TargetMissing("no such file or folder", where=where) from error
    except PermissionError as error:
        raise TargetRefused("the server refuses this", where=where) from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        if isinstance(error, OSError) and str(error).startswith("Failure"):
            raise TargetError("the server failed (disk full, or a name it does not take?)", where=where) from error
        broken()
        raise TargetUnreachable(f"no connection ({_words(error)})", where=where) from error


def _words(error: BaseException) -> str:
    """An error's text, bounded; the peer may have written it."""
    text = str(error) or type(error).__name__
    return "".join(char if char.isprintable() else "?" for char in text[:120])
