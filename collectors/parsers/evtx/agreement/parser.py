"""``windows.evtx-agreement``: every record by a second parser, disputed ones by a third.

What it tells of a file is the agreement certificate (docs/agreement.md); each disagreement is
an event at the record's offset. A disagreement is evidence about parsers and bytes, never an error.
Needs the extra ``second`` (libevtx-python, python-evtx).
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from collectors.parsers.evtx.agreement.arbiter import OUT_OF_TIME, SECONDS, Arbiter
from collectors.parsers.evtx.agreement.compare import disputes
from collectors.parsers.evtx.agreement.disputes import Dispute
from collectors.parsers.evtx.agreement.libyal import whole
from collectors.parsers.evtx.agreement.ours import OurChunk, our_chunks
from collectors.parsers.evtx.agreement.third import SECONDS_ALL, opinions, third_event
from forensics.errors import ConfigError, FeatureUnavailable
from forensics.model.event import Event, Opened, Problem

ARBITERS = ("second", "all", "none")
#: the certificate's numbers, told even where they are 0
COUNTS = (
    "records-walker", "records-evtx", "records-libevtx", "records-libevtx-mended", "records-python-evtx", "compared",
    "fields-compared", "agree", "disagree", "only-evtx", "only-libevtx", "neither-renders", "arbitrated",
    "arbiter-for-us", "arbiter-for-libevtx", "arbiter-for-both", "arbiter-neither", "arbiter-no-answer",
    "arbiter-out-of-time", "arbiter-agrees", "arbiter-differs",
    "arbiter-gave-nothing",
)  # fmt: skip
_VERDICTS = {
    "ours": "arbiter-for-us", "libevtx": "arbiter-for-libevtx", "both": "arbiter-for-both",
    "neither": "arbiter-neither", "no-answer": "arbiter-no-answer",
}  # fmt: skip
_THIRD = {
    "parser-agreement": "arbiter-agrees", "parser-disagreement": "arbiter-differs",
    "parser-no-answer": "arbiter-gave-nothing",
}  # fmt: skip
_SECOND = {"pyevtx": "libevtx-python", "Evtx": "python-evtx"}


class AgreementParser:
    """Compares ``evtx`` with libevtx on every record; python-evtx decides.

    :param options: ``arbiter``: ``second`` (default: python-evtx on disputed records), ``all`` (on every
        record), ``none``.
    :raises FeatureUnavailable: if the extra ``second`` is not installed.
    :raises ConfigError: for an unknown option.
    """

    id = "windows.evtx-agreement"
    version = "1"
    inputs: tuple[str, ...] = ()
    beside = "windows.evtx"

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        chosen = str(dict(options or {}).get("arbiter", "second"))
        if chosen not in ARBITERS:
            raise ConfigError(f"no arbiter is called {chosen[:60]}: {', '.join(ARBITERS)}", where=self.id)
        lacking = [name for module, name in _SECOND.items() if importlib.util.find_spec(module) is None]
        if lacking:
            raise FeatureUnavailable(
                f"the second parser needs {' and '.join(lacking)}",
                where=self.id,
                hint="pip install 'sealbag[second]'",
            )
        self.arbiter = chosen
        #: python-evtx does about 100 records a second: a task must end before its silence is taken for a hang
        self.part = (2 if chosen == "all" else 32) << 20

    def claims(self, name: str, head: bytes) -> int:
        """0: it gets what ``windows.evtx`` is given."""
        return 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield one event a disagreement; tell the certificate."""
        counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
        arbiter = Arbiter(SECONDS_ALL if self.arbiter == "all" else SECONDS)
        unseen: Counter[int] = Counter()
        with opened.open() as stream:
            for chunk in our_chunks(stream, opened.span):
                disputed: set[int | None] = set()
                for dispute in disputes(chunk, counts):
                    self._judge(dispute, chunk, arbiter, counts)
                    disputed.add(dispute.offset)
                    yield _event(opened, dispute, unseen)
                if self.arbiter == "all":
                    yield from _all(opened, chunk, disputed, arbiter, counts)
        for name, value in counts.items():
            opened.tell(name, value)
        for name, text in self._facts(opened).items():
            opened.tell(name, text)

    def _facts(self, opened: Opened) -> dict[str, int | str]:
        facts: dict[str, int | str] = {"arbiter": self.arbiter, **versions()}
        if opened.span == (0, opened.size):
            facts["libevtx-file"], facts["libevtx-file-records"] = whole(opened.path, opened.size)
        else:
            facts["libevtx-file"] = "not asked: the file was compared in parts"
        return facts

    def _judge(self, dispute: Dispute, chunk: OurChunk, arbiter: Arbiter, counts: Counter[str]) -> None:
        if self.arbiter == "none" or dispute.offset is None:
            return
        opinion = arbiter.ask(chunk.data, dispute.offset - chunk.offset)
        if opinion.error == OUT_OF_TIME:
            counts["arbiter-out-of-time"] += 1
            return
        dispute.judge(opinion)
        counts["arbitrated"] += 1
        counts["records-python-evtx"] += opinion.fields is not None
        counts[_VERDICTS[dispute.verdict]] += 1

    def arbitrate(self, opened: Opened, locators: Iterable[str]) -> Iterator[Event]:
        """Yield python-evtx' opinion of the records at *locators*: see :func:`.third.opinions`."""
        return opinions(opened, locators)


def versions() -> dict[str, str]:
    """Return the versions of the three parsers, as installed."""
    named = {"evtx": "evtx", "libevtx": "libevtx-python", "python-evtx": "python-evtx"}
    found = {}
    for name, distribution in named.items():
        try:
            found[f"version-{name}"] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            found[f"version-{name}"] = "unknown"
    return found


def _event(opened: Opened, dispute: Dispute, unseen: Counter[int]) -> Event:
    if dispute.offset is None:
        locator = f"r{dispute.record}.{unseen[dispute.record]}"
        unseen[dispute.record] += 1
    else:
        locator = f"o{dispute.offset}"
    attrs = dispute.attrs()
    return opened.event(locator, action="parser-disagreement", message=dispute.sentence(), attrs=attrs)


def _all(
    opened: Opened, chunk: OurChunk, done: Collection[int | None], arbiter: Arbiter, counts: Counter[str]
) -> Iterator[Event]:
    """Ask python-evtx of the records that nobody disputes; yield where it differs."""
    for one in chunk.records:
        place = chunk.offset + one.record.offset
        if place in done:
            continue
        opinion = arbiter.ask(chunk.data, one.record.offset)
        if opinion.error == OUT_OF_TIME:
            counts["arbiter-out-of-time"] += 1
            continue
        event = third_event(opened, place, one, opinion)
        counts["records-python-evtx"] += opinion.fields is not None
        counts[_THIRD[event.action]] += 1
        if event.action == "parser-disagreement":
            yield event
