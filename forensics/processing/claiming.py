"""Which parser gets which content: the one that claims it most, and its companions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from forensics.errors import InputError
from forensics.processing.completeness import Completeness
from forensics.processing.contents import Content, Named, receipt_key
from forensics.processing.plugins import Loaded, choose, companions, declared


@dataclass(frozen=True, slots=True)
class Claim:
    """One content for one parser, under the name by which it was claimed."""

    content: Content
    parser: Loaded
    named: Named

    @property
    def inputs(self) -> Mapping[str, str | int | None]:
        """What the parser declared, of this name."""
        return declared(self.parser, self.named)

    def key(self, gathered: str = "") -> str:
        """The receipt's key.

        :param gathered: SHA-256 of what all contents gave (GatheringParser), "" if that plays no part.
        """
        inputs = dict(self.inputs)
        inputs |= {f"option:{name}": value for name, value in self.parser.options.items()}
        if gathered:
            inputs["sealbag:gathered"] = gathered
        parser = self.parser
        return receipt_key(self.content.sha256, parser.id, parser.obj.version, parser.digest, inputs)


def claim_all(
    parsers: Iterable[Loaded], contents: Iterable[Content], found: Completeness, quiet: Collection[str] = ()
) -> list[Claim]:
    """Ask every parser about every content; a companion gets what the parser beside it gets.

    :param found: told of contents that are unclaimed or cannot be read, and of parsers that fail.
    :param quiet: ids of parsers that only claim: their companions run, they do not.
    """
    return list(_claims(tuple(parsers), contents, found, frozenset(quiet)))


def _claims(
    parsers: tuple[Loaded, ...], contents: Iterable[Content], found: Completeness, quiet: Collection[str]
) -> Iterator[Claim]:
    for content in contents:
        try:
            chosen = choose(parsers, content, content.head(), found.claim_failed)
        except (OSError, InputError) as error:
            found.unread.append((content.sha256, str(error)))
            continue
        if chosen is None:
            found.unclaimed += 1
            continue
        parser, named = chosen
        for one in (parser, *companions(parsers, parser.id)):
            if one.id not in quiet:
                yield Claim(content, one, named)
