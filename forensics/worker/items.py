"""The child's loop of a batch: one item in, one answer out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forensics.worker.boundary import Boundary
from forensics.worker.channel import Channel
from forensics.worker.child import resolve
from forensics.worker.failure import failure_row

_serving: list[Channel] = []


def beat() -> None:
    """Say from inside an item that it moves on: the silence limit then starts anew.

    Harmless outside a child. Call it where work has been done, never from a timer: a hung
    item must fall silent.
    """
    if _serving:
        _serving[-1].alive()


def serve(channel: Channel, options: dict[str, Any]) -> None:
    """Answer items with ``function(item, options)`` until the parent closes the pipe.

    :param options: ``target``, the function as ``module:function``, and its ``options``.
    """
    function: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]] = resolve(options["target"])
    _serving.append(channel)
    channel.send({"serving": True})
    while (found := channel.receive()) is not None:
        with Boundary() as caught:
            channel.send({"value": function(found.message, options["options"])})
        if caught.error is not None:
            channel.send({"failure": failure_row(caught.error)})
