"""The child process: ``python -I -m forensics.worker.child``.

Its first frame names the function and the limits: ``{target, options, parent, data, cpu}``.
``options["sys_path"]``, a list of absolute folders, is added to ``sys.path`` before the
import; it exists for tests, whose modules ``-I`` hides.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from forensics.worker.boundary import Boundary
from forensics.worker.channel import Channel
from forensics.worker.failure import failure_row
from forensics.worker.limits import platform_limits

EXIT_MEMORY = 86  #: this process ran out of memory and could still say so
EXIT_REFUSED = 87  #: the function ended with an exception, sent as an error frame
#: Made beforehand: when memory is short there may be none left to make it.
_OUT_OF_MEMORY = {"class": "", "type": "MemoryError", "what": "out of memory"}


def _take_pipes() -> Channel:
    """Move the frames away from descriptors 0 and 1.

    What a C library prints to standard output goes to standard error, of which the
    parent keeps the tail; what reads standard input finds its end.
    """
    channel = Channel(os.dup(0), os.dup(1))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return channel


def resolve(target: str) -> Any:
    """Return the object that ``module:name`` or ``module:Class.name`` stands for.

    :raises ImportError, AttributeError: if there is none.
    """
    module, _, name = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _serve(channel: Channel) -> int:
    order = channel.receive()
    if order is None:
        return 0
    message = order.message
    platform_limits.confine(message["parent"], message["data"])
    options = message["options"]
    sys.path[:0] = options.get("sys_path", [])
    with Boundary() as caught:
        function: Callable[[Channel, dict[str, Any]], None] = resolve(message["target"])
        channel.cpu = message["cpu"]
        channel.ready()
        function(channel, options)
    if caught.error is None:
        return 0
    channel.send_error(failure_row(caught.error))
    return EXIT_REFUSED


def main() -> int:
    """Serve one parent until it closes the pipe; return the exit code."""
    channel = _take_pipes()
    try:
        return _serve(channel)
    except MemoryError:
        channel.send_error(_OUT_OF_MEMORY)
        return EXIT_MEMORY
    except BrokenPipeError:
        return 0  # the parent is gone: nobody to tell


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # No finalisation: C libraries that met hostile bytes may crash in their destructors.
    os._exit(code)
