"""sealbag handover: a bag changes hands, and the recipient signs for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from forensics.cli.anchors import Anchors, anchor_options, take_anchors
from forensics.cli.options import output_options
from forensics.cli.progress import Bar
from forensics.cli.signing import signing_key
from forensics.cli.stating import KEY, print_stated
from forensics.custody.after import read_statements
from forensics.custody.publickey import PublicKey
from forensics.custody.trust import load_trust
from forensics.errors import ConfigError, UsageError
from forensics.transfer import handover

BAG = click.argument("bag", type=click.Path(path_type=Path))
OFFER = click.option("--offer", required=True, metavar="HEX", help="The offer: 8 digits of its digest or more.")
BY = click.option("--by", default="", help="Who answers: a person.")
MAX_PUB = 1 << 16


def recipient_key(text: str, bag: Path, trust: str | None) -> PublicKey:
    """The key that ``--to`` names: a .pub file, or a fingerprint that --trust or a statement in the bag knows.

    :raises UsageError, ConfigError: if there is no such key.
    """
    if re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", text):
        known = [line.public for line in load_trust(trust)] if trust else []
        known += [one.public for one in read_statements(bag).statements]
        for key in known:
            if key.fingerprint == text:
                return key
        hint = "Give the recipient's .pub file, or --trust FILE with a line that has the key."
        raise UsageError("a fingerprint alone: its key is not known here", where=text, hint=hint)
    try:
        with Path(text).open("rb") as stream:
            line = stream.read(MAX_PUB + 1).decode("utf-8").strip()
        return PublicKey.from_line(line)[0]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"no public key of the recipient ({reason})", where=text, hint="Check --to.") from error


@click.group("handover")
def command() -> None:
    """Hand a sealed bag over: offer, accept, refuse. Each is a signed statement in the bag."""


@command.command()
@BAG
@click.option(
    "--to", "recipient", required=True, metavar="FILE|SHA256:...", help="The key that is to answer: its .pub."
)
@KEY
@click.option("--releaser", default="", help="Who hands over: a person.")
@click.option("--recipient-name", default="", help="To whom: a person.")
@click.option("--purpose", default="", help="What for.")
@click.option("--place", default="", help="Where.")
@click.option("--method", default="", help="How it travels: by hand, courier, SFTP...")
@click.option("--condition", default="", help="State of the medium and its packaging.")
@click.option("--trust", type=click.Path(), metavar="FILE", help="allowed_signers file, to find a fingerprint's key.")
@output_options
def offer(bag: Path, recipient: str, key_file: str, trust: str | None, **options: Any) -> int:
    """Offer BAG to the holder of a key.

    The statement goes into the bag. Send the bag, or only custody/after/, and the seal digest by another way.
    """
    as_json, quiet = options.pop("as_json"), options.pop("quiet")
    options.pop("no_progress")
    done = handover.offer(bag, signing_key(key_file), recipient_key(recipient, bag, trust), **options)
    print_stated("handover", bag, done, as_json=as_json, quiet=quiet)
    if not as_json and not quiet:
        print(f"answer it    sealbag handover accept BAG --offer {done.statement.sha256[:8]} --key ...")
    return 0


def _verify(bag: Path, anchors: Anchors, show: bool) -> Any:
    with Bar(show=show) as bar:
        return anchors.verify(bag, bar)


@command.command()
@BAG
@OFFER
@KEY
@BY
@click.option("--place", default="", help="Where.")
@click.option("--condition", default="", help="State of the medium and its packaging when it came.")
@click.option("--despite", default="", metavar="REASON", help="Accept although the verdict is not VALID; it is stated.")
@anchor_options
@output_options
def accept(bag: Path, offer: str, key_file: str, **options: Any) -> int:
    """Accept an offer: BAG is verified in full first, with your anchors.

    The verdict and its digest stand in your answer. If it is not VALID (3 without an anchor) nothing
    is signed, unless you say --despite REASON; refuse it otherwise.
    """
    anchors = take_anchors(options)
    as_json, quiet, no_progress = (options.pop(name) for name in ("as_json", "quiet", "no_progress"))
    key = signing_key(key_file)
    verdict = _verify(bag, anchors, not (quiet or no_progress))
    done = handover.accept(bag, key, offer, verdict, **options)
    print_stated("handover", bag, done, as_json=as_json, quiet=quiet)
    return 0


@command.command()
@BAG
@OFFER
@KEY
@BY
@click.option("--reason", required=True, help="Why.")
@click.option("--unverified", is_flag=True, help="Do not verify first; no verdict stands in the answer then.")
@anchor_options
@output_options
def refuse(bag: Path, offer: str, key_file: str, unverified: bool, **options: Any) -> int:
    """Refuse an offer. BAG is verified first, and the verdict stands in the answer, whatever it is."""
    anchors = take_anchors(options)
    as_json, quiet, no_progress = (options.pop(name) for name in ("as_json", "quiet", "no_progress"))
    key = signing_key(key_file)
    verdict = None if unverified else _verify(bag, anchors, not (quiet or no_progress))
    done = handover.refuse(bag, key, offer, verdict, **options)
    print_stated("handover", bag, done, as_json=as_json, quiet=quiet)
    return 0
