"""The child of a source: opens it read-only and answers its parent, one request after the other.

Requests are messages with ``op``:

``identity``, ``volumes``, ``walk`` (serve_walk.py), ``take`` (serve_take.py: whole entries,
pipelined), ``open``, ``read``, ``extents``, ``stat``, ``close`` (serve_files.py: random access).
``more`` and ``skip`` belong to a ``take`` in progress; late ones are ignored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from forensics.model import EvidenceSource
from forensics.tasks.rows import volume_row
from forensics.tasks.serve_files import Files
from forensics.tasks.serve_take import Taker
from forensics.tasks.serve_walk import walk
from forensics.worker.boundary import Boundary
from forensics.worker.channel import Channel
from forensics.worker.child import resolve
from forensics.worker.failure import failure_row


def serve(channel: Channel, options: dict[str, Any]) -> None:
    """Serve one source until the parent closes the pipe.

    :param options: ``source``, its class as ``module:Class``, and its ``uri``.
    :raises SealbagError: what opening the source raises; the parent raises it too.
    """
    factory: Callable[[str], EvidenceSource] = resolve(options["source"])
    with factory(options["uri"]) as source:
        channel.send({"opened": source.kind})
        _Server(channel, source).run()


class _Server:
    def __init__(self, channel: Channel, source: EvidenceSource) -> None:
        self._channel, self._source = channel, source
        self._waiting: deque[dict[str, Any]] = deque()
        files = Files(channel, source)
        self._ops: dict[str, Callable[[dict[str, Any]], None]] = {
            "identity": self._identity,
            "volumes": self._volumes,
            "walk": lambda message: walk(channel, source, message),
            "take": Taker(channel, source, self._waiting).take,
            "open": files.open,
            "read": files.read,
            "extents": files.extents,
            "stat": files.stat,
            "close": files.close,
        }

    def run(self) -> None:
        while True:
            if self._waiting:
                message = self._waiting.popleft()
            else:
                found = self._channel.receive()
                if found is None:
                    return
                message = found.message
            op = message["op"]
            if op not in ("more", "skip"):
                self._ops[op](message)

    def _answer(self, make: Callable[[], dict[str, Any]]) -> None:
        with Boundary() as caught:
            self._channel.send(make())
        if caught.error is not None:
            self._channel.send({"failure": failure_row(caught.error)})

    def _identity(self, message: dict[str, Any]) -> None:
        self._answer(lambda: {"identity": dict(self._source.identity())})

    def _volumes(self, message: dict[str, Any]) -> None:
        self._answer(lambda: {"volumes": [volume_row(volume) for volume in self._source.volumes()]})
