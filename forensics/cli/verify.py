"""sealbag verify: the verdict on a bag, by the verifier that every bag carries."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from forensics.cli.anchors import TSA_HELP, krl_checker, tsa_checker
from forensics.cli.job import sigterm_interrupts
from forensics.cli.options import output_options, print_json
from forensics.cli.progress import Bar
from forensics.cli.stepping import steps
from forensics.custody.adding import set_aside
from forensics.errors import ConfigError, NotABag, UsageError
from forensics.transfer.cite_check import holds
from forensics.verifier import AnchorError, render
from forensics.verifier import NotABag as NoBag
from forensics.verifier import verify as verify_bag


@click.command("verify")
@click.argument("bag", type=click.Path(path_type=Path))
@click.option("--signer", metavar="SHA256:...", help="Fingerprint of the key that must have sealed it.")
@click.option("--trust", type=click.Path(), metavar="FILE", help="OpenSSH allowed_signers file.")
@click.option("--seal", metavar="HEX", help="Seal digest as it was written down.")
@click.option("--checkpoint", type=click.Path(), metavar="FILE", help="A checkpoint that left the host.")
@click.option("--witness", type=click.Path(), metavar="FILE", help="Verifier keys of witnesses, one a line.")
@click.option("--origin", metavar="HEX", help="Of a subset: the seal digest of what it was taken from.")
@click.option("--revoked", type=click.Path(), metavar="FILE", help="Revoked keys: a text list, or a KRL of OpenSSH.")
@click.option("--tsa", type=click.Path(), metavar="FILE", help=TSA_HELP)
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes. Default: one a core.")
@output_options
def command(
    bag: Path,
    signer: str | None,
    trust: str | None,
    seal: str | None,
    checkpoint: str | None,
    witness: str | None,
    origin: str | None,
    revoked: str | None,
    tsa: str | None,
    jobs: int | None,
    as_json: bool,
    quiet: bool,
    no_progress: bool,
) -> int:
    """Say whether BAG, a bag's folder or a citation, is what was sealed. Offline; writes nothing.

    VALID (exit code 0) needs an anchor: --signer, --trust, --seal, --checkpoint or --witness.
    Without one the best verdict is UNTRUSTED (3). INVALID 1, INCOMPLETE 2, UNSAFE 4,
    IO ERROR 5; no bag 65; an anchor that cannot be used 78.
    """
    try:
        with sigterm_interrupts(), Bar(show=not (quiet or no_progress)) as bar:
            verdict = verify_bag(
                str(bag), signer=signer, trust=trust, seal=seal, checkpoint=checkpoint, witness=witness, origin=origin,
                revoked=revoked, krl=krl_checker(revoked), times=tsa_checker(tsa), rows=holds, jobs=jobs,
                on_progress=steps(bar),
            )  # fmt: skip
    except NoBag as error:
        raise NotABag(str(error), where=str(bag)) from None
    except AnchorError as error:
        raise ConfigError(str(error), hint="Check the file or value that was given as anchor.") from None
    except ValueError as error:
        raise UsageError(str(error)) from None
    if set_aside(bag):
        print(
            "sealbag: warning: a writer was interrupted: this bag's statements lie in custody/.TemporaryItems and "
            f"were not looked at\n  where: {bag}\n"
            "  do:    the next statement puts them back (sealbag statement note, handover...); then verify again.",
            file=sys.stderr,
        )
    if as_json:
        print_json(verdict.as_json())
    else:
        lines = list(render(verdict))
        print("\n".join(lines[-1:] if quiet else lines))
    return verdict.exit
