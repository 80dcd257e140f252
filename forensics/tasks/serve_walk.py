"""The child's side of a walk: rows in batches."""

from __future__ import annotations

import json
import time
from typing import Any

from forensics.model import Entry, EvidenceSource, SourcePath, Trouble, entry_row, trouble_row
from forensics.tasks.rows import MAX_ROWS, volume_from_row
from forensics.worker.boundary import Boundary
from forensics.worker.channel import Channel
from forensics.worker.failure import clean, failure_row
from forensics.worker.frames import MESSAGE, frame

_BATCH = 256
_BATCH_BYTES = 256 << 10
_BATCH_SECONDS = 0.25
_MAX_ROW = 1 << 20
assert _BATCH <= MAX_ROWS


def _text(item: Entry | Trouble) -> str:
    """Return the row of *item* as JSON; one that cannot travel becomes a Trouble's row."""
    with Boundary() as caught:
        row = trouble_row(item) if isinstance(item, Trouble) else entry_row(item)
        text = json.dumps(row, separators=(",", ":"), allow_nan=False)
        if len(text) <= _MAX_ROW:
            return text
    why = f"the row has {len(text)} bytes" if caught.error is None else f"{caught.error}"
    path = SourcePath(item.path.raw[:4096], "bytes")
    return json.dumps(trouble_row(Trouble(item.volume, path, "failed", "row-unsendable", clean(why, 300))))


class _Batch:
    """Rows until there are enough of them, or they have waited long enough."""

    def __init__(self, channel: Channel, most: int) -> None:
        self._channel, self._most = channel, most
        self._rows: list[str] = []
        self._bytes = 0
        self._since = time.monotonic()

    def add(self, text: str) -> None:
        self._rows.append(text)
        self._bytes += len(text)
        late = time.monotonic() - self._since >= _BATCH_SECONDS
        if late or len(self._rows) >= self._most or self._bytes >= _BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            body = '{"rows":[' + ",".join(self._rows) + "]}"
            self._channel.write(frame(MESSAGE, body.encode("ascii")))
        self._rows.clear()
        self._bytes, self._since = 0, time.monotonic()


def walk(channel: Channel, source: EvidenceSource, message: dict[str, Any]) -> None:
    """Send every row of a volume, then ``done`` with their number, or ``failure``.

    :param message: ``volume``; ``skip``, rows that the parent has from a child that died,
        and ``after``, the last of them: if the walk does not repeat itself, ``differs`` is sent
        instead; ``alone``: one row a frame, so that nothing before a death is lost.
    """
    skip, after = message["skip"], message["after"]
    batch = _Batch(channel, 1 if message["alone"] else _BATCH)
    count = 0
    with Boundary() as caught:
        for item in source.walk(volume_from_row(message["volume"])):
            count += 1
            text = _text(item)
            if count > skip:
                batch.add(text)
            elif count == skip and json.loads(text) != after:
                return channel.send({"differs": count})
            else:
                channel.alive()
    batch.flush()
    if caught.error is not None:
        return channel.send({"failure": failure_row(caught.error)})
    return channel.send({"differs": count} if count < skip else {"done": count})
