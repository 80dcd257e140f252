"""One supervised child, seen from its parent."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from forensics.errors import ChildDied, ChildError, ChildHung, ChildRefused, FrameError, SealbagError
from forensics.worker.child import EXIT_MEMORY
from forensics.worker.failure import MEMORY, clean, failure_from_row, with_code
from forensics.worker.frames import ALIVE, BYTES, ERROR, MESSAGE, READY, Frame, FrameReader, encode, frame
from forensics.worker.limits import Limits, platform_limits
from forensics.worker.spawn import spawn
from forensics.worker.wire import open_wire

_GRACE = 2.0
CPU = "child-cpu"
_NO_MEMORY = re.compile(rb"MemoryError|bad_alloc|[Cc]annot allocate memory|[Oo]ut of memory")


class Child:
    """A process that runs ``function(channel, options)`` and speaks frames.

    :param target: ``module:function``; see :mod:`forensics.worker.channel` for its side.
    :param options: a JSON object for the function; ``sys_path`` as in
        :mod:`forensics.worker.child`.
    :raises OSError: if no process can be started.
    """

    def __init__(self, target: str, options: Mapping[str, Any], limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._process: subprocess.Popen[bytes] = spawn()
        self._wire = open_wire(self._process)
        self._reader = FrameReader()
        self._ready = False
        self._end: SealbagError | None = None
        order = {"target": target, "options": dict(options), "parent": os.getpid()}
        ordered = False
        try:
            self._guard = platform_limits.guard(self._process, self.limits.data)
            self.send({**order, "data": self.limits.data, "cpu": self.limits.cpu})
            ordered = True
        finally:
            if not ordered:
                self.kill()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """False once the child has ended, was killed or was closed."""
        return self._end is None and self._process.poll() is None

    def send(self, message: Mapping[str, Any], payload: bytes | None = None) -> int:
        """Send a message, and *payload* as a frame behind it; never blocks.

        :returns: the number of bytes queued.
        :raises FrameError: if it is too large, or too much waits already.
        """
        data = frame(MESSAGE, encode(message))
        if payload is not None:
            data += frame(BYTES, payload)
        self.send_frames(data)
        return len(data)

    def send_frames(self, frames: bytes) -> None:
        """Send whole frames in one write: each write wakes the child, many small ones cost.

        :raises FrameError: if too much waits already.
        """
        if self._end is None:
            self._wire.put(frames)

    def wait_ready(self) -> None:
        """Wait until the function is imported and the limits hold.

        :raises ChildError: as :meth:`receive`; ChildRefused if the target cannot be imported.
        """
        if not self._ready:
            if self._next(self.limits.start).kind != READY:
                raise self._stop(FrameError("the child did not begin with a ready frame"))
            self._ready = True

    def receive(self, timeout: float | None = None) -> Frame:
        """Return the next message or bytes frame.

        :param timeout: seconds without a frame; the limits' own silence when None.
        :raises ChildDied: the child ended; ``code`` is ``child-memory`` if memory was why.
        :raises ChildHung: no frame in time, or (``child-cpu``) too much CPU; it is dead now.
        :raises FrameError: the child broke the protocol and was killed.
        :raises SealbagError: what the function raised (ChildRefused if no class of ours).
        """
        self.wait_ready()
        found = self._next(self.limits.silence if timeout is None else timeout)
        if found.kind == READY:
            raise self._stop(FrameError("the child sent a second ready frame"))
        return found

    def _next(self, silence: float) -> Frame:
        if self._end is not None:
            raise self._end
        deadline = 0.0
        while True:
            found = self._parsed()
            if found is None:
                now = time.monotonic()
                deadline = deadline or now + silence
                data = self._wire.get(max(0.0, deadline - now))
                if data is None:
                    raise self._stop(ChildHung(f"the child sent nothing for {silence:g} s and was killed"))
                if not data:
                    raise self._stop(self._death())
                self._reader.feed(data)
            elif found.kind == ALIVE:
                deadline = 0.0
            elif found.kind == ERROR:
                raise self._stop(failure_from_row(found.message))
            else:
                return found

    def _parsed(self) -> Frame | None:
        try:
            return self._reader.next()
        except FrameError as error:
            raise self._stop(error) from None

    def _stop(self, error: SealbagError) -> SealbagError:
        """Make *error* the child's end, and its end certain."""
        self._end = error
        self.kill()
        return error

    def _death(self) -> ChildError:
        """Say how the child ended; its output is at EOF."""
        try:
            code = self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            return ChildDied("the child closed its pipe without ending")
        tail = self._wire.tail()
        words = clean(tail.decode("utf-8", "replace").strip().rpartition("\n")[2], 300)
        name = platform_limits.signal_name(code)
        if -code in platform_limits.CPU_SIGNALS:
            return with_code(ChildHung(f"the child used more than {self.limits.cpu} s of CPU for one item"), CPU)
        what = f"the child was killed by {name}" if name else f"the child ended with exit code {code}"
        error = ChildDied(f"{what}: {words}" if words else what)
        return with_code(error, MEMORY) if code == EXIT_MEMORY or _NO_MEMORY.search(tail) else error

    def abort(self) -> None:
        """From another thread: end the process; the thread that waits for it sees it die."""
        self._process.kill()

    def kill(self) -> None:
        """End the child at once; harmless when called twice."""
        if self._end is None:
            self._end = ChildRefused("the child was killed by its supervisor")
        self._process.kill()
        self._process.wait()
        self._wire.close()

    def close(self) -> None:
        """Let the child end by itself (EOF), kill it after two seconds."""
        if self._end is None:
            self._end = ChildRefused("the child was closed")
            self._wire.hang_up()
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close() if error is None else self.kill()
