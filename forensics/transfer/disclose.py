"""disclose(): a part of a sealed bag, as a bag of its own that proves where it belongs (docs/format.md §14)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from forensics.catalogue.select import PathTest
from forensics.catalogue.views import write_views
from forensics.custody.bag import BagWriter
from forensics.custody.keys import Key
from forensics.custody.proving import SealedLedger
from forensics.custody.seal import seal
from forensics.errors import ConfigError, InputError, NotABag, OutputInsideSource, OutputNotEmpty, StorageError
from forensics.events.where import where as conditions_of
from forensics.transfer.disclose_choice import Choice, Wish, choose, wish_of
from forensics.transfer.disclose_origin import OriginFolder
from forensics.transfer.disclose_write import SubsetLines
from forensics.verifier import AnchorError, Verdict, verify
from forensics.verifier import NotABag as NoBag
from forensics.version import __version__

#: what is done (``verify``, ``disclose``...), how much of it, of how much
OnStep: TypeAlias = Callable[[str, int, int], None]
#: with one of these the origin's verdict must be VALID; the others only take away
_ANCHORS = ("signer", "trust", "seal", "checkpoint", "witness")


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A subset that was written, or would be.

    :param origin: id of the bag it was taken from; *origin_seal*: its seal digest.
    :param origin_verdict: what the origin's verification said: VALID or UNTRUSTED; "" in a dry run.
    :param lines: lines of the origin that are disclosed, *of*: lines that it has.
    :param artefacts: artefacts whose content goes along; *redacted*: those with another content in its place.
    :param bytes: of the contents.
    :param statements: number of statements after the origin's seal: they do not go along.
    :param bag, seal_sha256, signer, verdict: of the subset; "" and None in a dry run.
    """

    path: Path
    origin: str
    origin_seal: str
    origin_verdict: str
    lines: int
    of: int
    artefacts: int
    results: int
    redacted: int
    bytes: int
    statements: int
    bag: str = ""
    seal_sha256: str = ""
    signer: str = ""
    verdict: Verdict | None = None


def disclose(
    bag: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    where: Iterable[str] = (),
    path: PathTest | None = None,
    seqs: Collection[int] = (),
    redact: Mapping[int, str | os.PathLike[str]] | None = None,
    redact_detail: str = "",
    results: bool = False,
    purpose: str = "",
    examiner: str = "",
    key: Key | None = None,
    signer: str | None = None,
    trust: str | None = None,
    origin_seal: str | None = None,
    dry_run: bool = False,
    on_step: OnStep | None = None,
    **anchors: Any,
) -> Disclosure:
    """Write a subset of a sealed bag, with a proof of each line, sealed and verified.

    The origin is verified first and never written to. What goes along beside the lines that are chosen: the
    ``open`` line, the lines of their sources and volumes, and those that name signers. Of every other line
    nothing is told but hashes, and a line's salt keeps its hash from being guessed.

    :param out: a new or empty folder. If anything fails it is as it was before.
    :param where: conditions as ``sealbag events --where`` has them, over the rows of ``sealbag ls --json``.
    :param path: a test of a line's path, beside *where*; *seqs*: lines by number, of any kind.
    :param redact: seq of an artefact -> a file whose bytes stand in place of its content.
    :param redact_detail: how that file was made of the content.
    :param results: also the parsers' results of the contents that are disclosed.
    :param purpose: why, for whom: stands in the subset.
    :param key: signs the subset's seal; None = a key of this process.
    :param signer, trust, origin_seal: anchors for the origin, as :func:`forensics.verify` has them.
    :param anchors: more of them: checkpoint, witness, revoked, krl, times.
    :raises UsageError: if nothing fits, or what is redacted would be disclosed all the same.
    :raises InputError: if the origin does not verify (with an anchor: as VALID), is not sealed, or is a subset.
    :raises OutputRefused, StorageError: a bag that cannot be written whole is removed.
    """
    asked = list(where)
    origin, target = Path(bag), Path(out)
    files = {seq: Path(file) for seq, file in (redact or {}).items()}
    wish = wish_of(conditions_of(conditions=asked) if asked else None, path, seqs, files, results)
    _refuse(origin, target)
    anchors |= {"signer": signer, "trust": trust, "seal": origin_seal}
    verdict = None if dry_run else _verified(origin, on_step, anchors)
    ledger = SealedLedger.open(origin)
    if verdict is not None and verdict.seal_sha256 != ledger.digest:
        raise InputError("the bag was changed after it was verified", where=str(origin))
    choice = choose(origin, wish)
    if "subset" in choice.found.open:
        raise InputError("the bag is a subset itself", where=str(origin), hint="Disclose from the whole bag.")
    made = Disclosure(
        target, ledger.bag, ledger.digest, verdict.code if verdict else "", len(choice.lines), choice.total,
        len(choice.artefacts), len(choice.results), len(files), choice.bytes, _statements(origin),
    )  # fmt: skip
    if dry_run:
        return made
    about = {
        "case": ledger.fields["case"], "exhibit": ledger.fields["exhibit"], "examiner": examiner, "tool": "sealbag",
        "version": __version__, "actors": ["sealbag: program", *([f"{examiner}: examiner"] if examiner else [])],
        "subset": ledger.bag, "subset_seal": ledger.digest,
    }  # fmt: skip
    with whole_or_nothing(target):
        subset = BagWriter.create(target, about, key=key)
        try:
            done = _write(subset, ledger, choice, wish, redact_detail, purpose, made, on_step)
        finally:
            subset.release()
    return _own_verdict(done, on_step)


def _refuse(origin: Path, target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputNotEmpty("the output is not a new or empty folder", where=str(target))
    place = target.resolve()
    if any((folder / "custody" / "ledger.jsonl").exists() for folder in place.parents):
        raise OutputInsideSource("the output lies inside a bag", where=str(target))


def _verified(bag: Path, on_step: OnStep | None, anchors: dict[str, Any]) -> Verdict:
    """:raises InputError: unless the origin is what was sealed, whoever vouches for it."""
    try:
        found = verify(str(bag), on_progress=on_step, **anchors)
    except NoBag as error:
        raise NotABag(str(error), where=str(bag)) from None
    except AnchorError as error:
        raise ConfigError(str(error), hint="Check the file or value that was given as anchor.") from None
    anchored = any(anchors.get(name) is not None for name in _ANCHORS)
    if found.code != "VALID" and (anchored or found.code != "UNTRUSTED"):
        why = f"{found.first.why}" if found.first else "see sealbag verify"
        hint = "Disclose from the whole bag." if found.code == "INCOMPLETE" else "Run sealbag verify on it."
        raise InputError(f"the bag is {found.code} ({why}): nothing was disclosed", where=str(bag), hint=hint)
    return found


def _statements(bag: Path) -> int:
    after = bag / "custody" / "after"
    return sum(1 for place in after.glob("*.json")) if after.is_dir() else 0


@contextmanager
def whole_or_nothing(target: Path) -> Iterator[None]:
    """Remove what was begun at *target* (which was new or empty) if it was not ended; also on Ctrl-C."""
    was = target.is_dir()
    try:
        yield
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        if was:
            target.mkdir(exist_ok=True)
        raise


def _write(
    subset: BagWriter,
    ledger: SealedLedger,
    choice: Choice,
    wish: Wish,
    how: str,
    purpose: str,
    made: Disclosure,
    on_step: OnStep | None,
) -> Disclosure:
    lines = SubsetLines(ledger.path, subset, choice, wish.redact, how)
    with OriginFolder(subset.path, ledger) as folder:
        for raw, line in ledger.lines(choice.lines):
            folder.add(line["seq"], raw)
            lines.add(line)
            if on_step is not None:
                on_step("disclose", folder.lines, len(choice.lines))
    told = {"text": f"discloses {folder.lines} of {choice.total} lines of bag {ledger.bag}", "purpose": purpose[:4000]}
    subset.line("note", told | {"disclosed": folder.lines, "of": choice.total})
    sealed = seal(subset, write_views)
    return Disclosure(
        made.path, made.origin, made.origin_seal, made.origin_verdict, folder.lines, choice.total, made.artefacts,
        made.results, made.redacted, lines.bytes, made.statements, subset.id, sealed.sha256, sealed.signer,
    )  # fmt: skip


def _own_verdict(made: Disclosure, on_step: OnStep | None) -> Disclosure:
    """Verify the subset against the key and the origin's seal that were just used.

    :raises StorageError: if it is anything but INCOMPLETE, which is the best that a subset can be.
    """
    verdict = verify(str(made.path), signer=made.signer, origin=made.origin_seal, on_progress=on_step)
    if verdict.code != "INCOMPLETE":
        raise StorageError(
            f"the subset does not verify: {verdict.code}", where=f"{made.path}: {verdict.first}",
            hint="Keep it, run sealbag verify on it, and check the destination disk.",
        )  # fmt: skip
    fields = {name: getattr(made, name) for name in Disclosure.__slots__ if name != "verdict"}
    return Disclosure(**fields, verdict=verdict)
