"""The anchors that commands take which verify a bag first, and what they make of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from forensics.acquisition.progress import Progress
from forensics.cli.progress import Bar
from forensics.custody.chain import Vouched, vouched_by
from forensics.custody.revocation import is_krl, load_revoked
from forensics.custody.timestamps import MAX_ROOTS, TokenChecker, token_checker
from forensics.errors import ConfigError, NotABag, UsageError
from forensics.verifier import AnchorError, Verdict, verify
from forensics.verifier import NotABag as NoBag

F = TypeVar("F", bound=Callable[..., Any])
TSA_HELP = "Roots (PEM) of the time-stamping authorities that you trust."
_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--signer",), {"metavar": "SHA256:...", "help": "Fingerprint of the key that must have sealed it."}),
    (("--trust",), {"type": click.Path(), "metavar": "FILE", "help": "OpenSSH allowed_signers file."}),
    (("--seal",), {"metavar": "HEX", "help": "Seal digest as it was written down."}),
    (("--checkpoint",), {"type": click.Path(), "metavar": "FILE", "help": "A checkpoint that left the host."}),
    (("--witness",), {"type": click.Path(), "metavar": "FILE", "help": "Verifier keys of witnesses, one a line."}),
    (
        ("--revoked",),
        {"type": click.Path(), "metavar": "FILE", "help": "Revoked keys: a text list, or an OpenSSH KRL."},
    ),
    (("--tsa",), {"type": click.Path(), "metavar": "FILE", "help": TSA_HELP}),
)


@dataclass(frozen=True, slots=True)
class Anchors:
    """As given."""

    signer: str | None = None
    trust: str | None = None
    seal: str | None = None
    checkpoint: str | None = None
    witness: str | None = None
    revoked: str | None = None
    tsa: str | None = None

    def times(self) -> TokenChecker | None:
        """What judges time tokens; None without roots."""
        return tsa_checker(self.tsa)

    def vouched(self) -> Vouched:
        """What says who vouches for a statement."""
        return vouched_by(self.signer, self.trust)

    def given(self) -> dict[str, Any]:
        """They as keyword arguments of :func:`forensics.verify`.

        :raises ConfigError: for roots or a KRL that cannot be read.
        """
        named = ("signer", "trust", "seal", "checkpoint", "witness", "revoked")
        given: dict[str, Any] = {name: getattr(self, name) for name in named if getattr(self, name) is not None}
        return given | {"times": self.times(), "krl": krl_checker(self.revoked)}

    def verify(self, bag: Path, bar: Bar) -> Verdict:
        """Verify *bag* in full.

        :raises NotABag, ConfigError, UsageError: as ``sealbag verify``.
        """
        try:
            return verify(str(bag), on_progress=lambda what, done, total: bar(_step(done, total)), **self.given())
        except NoBag as error:
            raise NotABag(str(error), where=str(bag)) from None
        except AnchorError as error:
            raise ConfigError(str(error), hint="Check the file or value that was given as anchor.") from None
        except ValueError as error:
            raise UsageError(str(error)) from None


def _step(done: int, total: int) -> Progress:
    return Progress(phase="verify", done=done, total=total)


def anchor_options(command: F) -> F:
    """--signer, --trust, --seal, --checkpoint, --witness, --revoked, --tsa."""
    for names, settings in reversed(_OPTIONS):
        command = click.option(*names, **settings)(command)
    return command


def take_anchors(options: dict[str, Any]) -> Anchors:
    """Take the anchors out of a command's options."""
    return Anchors(**{name.lstrip("-"): options.pop(name.lstrip("-")) for (name,), _ in _OPTIONS})


def tsa_checker(path: str | None) -> TokenChecker | None:
    """What ``--tsa FILE`` gives to the verifier.

    :raises ConfigError: if the file cannot be read or holds no certificate.
    """
    if path is None:
        return None
    try:
        with Path(path).open("rb") as stream:
            pem = stream.read(MAX_ROOTS + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"the file of roots cannot be read ({reason})", where=path, hint="Check --tsa.") from error
    return token_checker(pem)


def krl_checker(path: str | None) -> Callable[[bytes], bool] | None:
    """What ``--revoked FILE`` gives to the verifier beside the file itself: who reads it, if it is a KRL.

    :raises ConfigError: if it is one and cannot be understood.
    """
    return load_revoked(path) if path is not None and is_krl(path) else None
