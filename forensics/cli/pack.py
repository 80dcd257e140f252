"""sealbag pack: a bag as one encrypted stream, to a file, a pipe or a target elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from forensics.acquisition.progress import Progress
from forensics.cli.options import human_bytes, output_options, print_json
from forensics.cli.progress import Bar
from forensics.errors import UsageError
from forensics.transfer.outputs import is_address
from forensics.transfer.packing import Packed, pack
from forensics.transfer.uploading import Uploaded, upload

if TYPE_CHECKING:
    from forensics.custody.trust import TrustedSigner


@click.command("pack")
@click.argument("bag", type=click.Path(path_type=Path))
@click.option(
    "--to", "recipients", multiple=True, metavar="WHO", help="age1..., a .pub or .recipient file; two or more."
)
@click.option(
    "--out", default=".", metavar="PLACE", help="A new file, a folder, -, sftp://, s3://. Default: this folder."
)
@click.option("--stage", type=click.Path(path_type=Path), metavar="FILE", help="Pack into FILE first, then send it.")
@click.option("--resume", is_flag=True, help="Send the FILE of --stage on from where an earlier try was cut off.")
@click.option("--trust", type=click.Path(), metavar="FILE", help="allowed_signers: who may certify a .recipient file.")
@click.option("--signer", default="", metavar="SHA256:...", help="Fingerprint of a key that may, too.")
@click.option("--level", type=click.IntRange(1, 19), default=3, show_default=True, help="Of zstd.")
@output_options
def command(
    bag: Path, recipients: tuple[str, ...], out: str, stage: Path | None, resume: bool, trust: str | None, signer: str,
    level: int, as_json: bool, quiet: bool, no_progress: bool,
) -> int:  # fmt: skip
    """Pack BAG into one stream, encrypted to two or more recipients. BAG is only read.

    The stream is tar, zstd, age: the age program decrypts it, and any part of it that arrived unpacks to a sound
    bag. An address's last part is the file's name; one that ends in / is a folder.
    """
    if stage is not None and not is_address(out):
        raise UsageError("--stage is for what is then sent to an address", hint="Name the file by --out instead.")
    if resume and stage is None:
        raise UsageError(
            "only a staged stream can go on: no two packs of a bag are alike",
            hint="Pack again, or use --stage FILE --out ADDRESS, and then --resume.",
        )
    sent: Uploaded | None = None
    packed: Packed | None = None
    with Bar(show=not (quiet or no_progress)) as bar:
        report = moving(bar)
        if not (resume and stage is not None and stage.exists()):
            known = _trusted(trust) if trust else ()
            packed = pack(
                bag, stage if stage is not None else out, recipients, trust=known, signer=signer, level=level,
                on_progress=report,
            )  # fmt: skip
        if stage is not None:
            sent = upload(stage, out, resume=resume, on_progress=report)
    row = _row(packed, sent)
    if out == "-":
        print(_text(row), file=sys.stderr) if not quiet else None
    elif as_json:
        print_json(row)
    elif not quiet:
        print(_text(row))
    return 0


def _trusted(path: str) -> Sequence[TrustedSigner]:
    from forensics.custody.trust import load_trust  # with it come certificates, which few packs need

    return load_trust(path)


def moving(bar: Bar) -> Callable[[str, int], None]:
    """A callable for ``on_progress`` of pack and unpack that moves *bar*."""

    def report(phase: str, done: int) -> None:
        bar(Progress(phase=phase, done_bytes=done))

    return report


def _row(packed: Packed | None, sent: Uploaded | None) -> dict[str, Any]:
    last = sent or packed
    assert last is not None
    row: dict[str, Any] = {"schema": "sealbag/pack/1", "out": last.out, "size": last.size, "sha256": last.sha256}
    if packed is not None:
        names = ("bag", "files", "lines", "bytes", "recipients", "sealed", "seal_sha256", "missing", "odd", "litter")
        row |= {name: getattr(packed, name) for name in names}
    if sent is not None:
        row |= {"resumed_at": sent.resumed_at, "can_resume": sent.can_resume}
    return row


def _text(row: dict[str, Any]) -> str:
    lines = [
        f"stream       {row['out']} ({human_bytes(row['size'])})",
        f"sha256       {row['sha256']}",
    ]
    if "bag" in row:
        lines.append(f"holds        bag {row['bag']}: {row['files']:,} files, {row['lines']:,} lines")
        lines.append(f"encrypted    to {row['recipients']} recipients")
        lines.append(f"seal digest  {row['seal_sha256'] or 'none: the bag is not sealed, unpacked it is INCOMPLETE'}")
        for name, what in (
            ("missing", "named by the ledger and not there"), ("odd", "not of the digest that is their name"),
            ("litter", "left out: files of operating systems"),
        ):  # fmt: skip
            if row[name]:
                lines.append(f"note         {len(row[name]):,} {what}, first {row[name][0]}")
    if row.get("resumed_at"):
        lines.append(f"resumed      at byte {row['resumed_at']:,}")
    return "\n".join(lines)
