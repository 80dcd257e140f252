"""collect_stream(): collect straight into an encrypted stream; nothing but a small spool stays here."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics.acquisition.bag import Bag
from forensics.acquisition.collect import collect
from forensics.acquisition.guard import refuse_inside
from forensics.custody.trust import TrustedSigner
from forensics.errors import Interrupted, OutputRefused, UsageError
from forensics.model import EvidenceSource
from forensics.transfer.outputs import is_address, open_output
from forensics.transfer.recipients import load_recipients
from forensics.transfer.streamed import Sender, streamed
from forensics.transfer.writing import TransportWriter


@dataclass(frozen=True, slots=True)
class Streamed:
    """What went out.

    :param bag: as of :func:`forensics.collect`; its ``path`` was the spool, which is gone.
    :param out: where to, without secrets; *size* in bytes and *sha256* are of the encrypted stream.
    """

    bag: Bag
    out: str
    size: int
    sha256: str
    files: int
    recipients: int


def collect_stream(
    sources: Sequence[EvidenceSource],
    out: str,
    recipients: Sequence[str],
    *,
    spool: str | os.PathLike[str] | None = None,
    trust: Sequence[TrustedSigner] = (),
    **options: Any,
) -> Streamed:
    """Collect as :func:`forensics.collect` does, into a stream as :func:`forensics.pack` makes it.

    Contents leave as groups are committed: the spool holds a group (64 MiB) or the largest file, and the
    ledger. A stream that was cut unpacks to an unsealed bag of what was acknowledged; it cannot be resumed.

    :param out: ``-`` or the address of a file at a target.
    :param spool: a folder for the spool; None = the system's temporary folder.
    :param options: of :func:`forensics.collect`.
    :raises OutputInsideSource: if the spool would lie in what is collected.
    :raises ConfigError: for fewer than two recipients.
    :raises Interrupted: on KeyboardInterrupt; what was sent can be unpacked.
    """
    if out != "-" and not is_address(out):
        raise UsageError("a stream goes to - or an address", hint="Into a folder: collect, then pack.")
    if options.pop("resume", False):
        raise UsageError("a stream cannot be resumed", hint="Begin a new one; the cut one unpacks to what it holds.")
    keys = load_recipients(recipients, trust)
    refuse_inside(Path(spool or tempfile.gettempdir()), sources)
    try:
        place = Path(tempfile.mkdtemp(prefix="sealbag-spool-", dir=spool))
    except OSError as error:
        raise OutputRefused(f"no spool there ({error.strerror})", where=str(spool or tempfile.gettempdir())) from error
    try:
        with open_output(out, "", place.name.replace("_", "-")) as output:
            sender = Sender(TransportWriter(output, keys))
            try:
                bag = collect(sources, place, writer=streamed(sender), **options)
                sender.finish(place)
            except Interrupted:
                hint = "What was sent unpacks to an unsealed bag (INCOMPLETE). A stream cannot be resumed."
                raise Interrupted("stopped; the stream was cut", where=output.shown, hint=hint) from None
            finally:
                sender.cut()
                if not sender.begun:
                    output.discard()
            output.finish()
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return Streamed(bag, output.shown, output.size, output.sha256, sender.stream.files, len(keys))
