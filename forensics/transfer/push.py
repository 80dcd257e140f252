"""Checkpoints sent away while a bag is written: they vouch for it against whoever takes the host later.

One thread a destination, so that a slow one holds up none. The collection never waits but at its end,
for a bounded time. What cannot be reached is tried again until then, with longer and longer pauses; what
is refused for good is not. All that became of it is told (:meth:`Pusher.outcomes`).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from forensics.custody.company import PushOutcome
from forensics.errors import SealbagError, TargetUnreachable, UsageError
from forensics.remote import Target

#: seconds between two tries: doubled from the first to the last
FIRST_PAUSE, LAST_PAUSE = 0.5, 30.0
#: notes that wait for one destination; beyond it the oldest is given up, and counted as such
MAX_WAITING = 1000
MAX_DESTINATIONS = 15
#: seconds that connections have to close
CLOSE_SECONDS = 1.0
MAX_DETAIL = 300


class Destination(Protocol):
    """Where checkpoints go. Called from one thread; every call may raise a SealbagError."""

    shown: str
    #: True if it needs every leaf hash, to prove that a checkpoint goes on from the one before
    wants_leaves: bool

    def opened(self, bag: str, run_key: bytes) -> None:
        """A bag was opened or resumed."""

    def rotated(self, statement: bytes) -> None:
        """Its run key changed."""

    def leaves(self, data: bytes, size: int) -> None:
        """Leaf hashes, 32 bytes each: the last of *size* lines."""

    def push(self, size: int, note: bytes) -> Sequence[str]:
        """Send a checkpoint; return the cosignature lines that came back, verified."""

    def check(self) -> None:
        """Raise if it would take nothing."""

    def close(self) -> None:
        """Let go."""


class TargetDestination:
    """A target takes each note as ``<bag>/<12 digits>.note``; what is there already is never replaced."""

    wants_leaves = False

    def __init__(self, target: Target) -> None:
        self.target, self.shown, self._bag = target, target.shown, ""

    def opened(self, bag: str, run_key: bytes) -> None:
        """Remember the bag's name."""
        self._bag = bag

    def rotated(self, statement: bytes) -> None:
        """The key line in the ledger says it."""

    def leaves(self, data: bytes, size: int) -> None:
        """Not needed."""

    def push(self, size: int, note: bytes) -> Sequence[str]:
        """Store the note.

        :raises TargetConflict: if another note of this size is there.
        """
        self.target.put_once(f"{self._bag}/{size:012d}.note", note)
        return ()

    def check(self) -> None:
        """Write, read back and remove a small test object."""
        self.target.probe()

    def close(self) -> None:
        """Close the connection."""
        self.target.close()


@dataclass(slots=True)
class _Item:
    """Something to be told, in order; *size* is 0 but of a note."""

    act: Callable[[], Sequence[str] | None]
    size: int = 0


class _Lane:
    """One destination, its thread, what waits for it, and what became of what was sent."""

    def __init__(self, destination: Destination) -> None:
        self.destination = destination
        self.wake = threading.Condition()
        self.waiting: deque[_Item] = deque()
        self.sent = self.arrived = self.last = 0
        self.lines: dict[int, Sequence[str]] = {}
        self.code = self.detail = ""
        self.hurry = self.busy = self.ended = self.gave_up = False
        self._thread: threading.Thread | None = None

    def add(self, item: _Item) -> None:
        with self.wake:
            self.sent += item.size > 0
            self.waiting.append(item)
            notes = [one for one in self.waiting if one.size]
            if len(notes) > MAX_WAITING:
                self.waiting.remove(notes[0])
                self._failed("queue-full", f"more than {MAX_WAITING} checkpoints waited")
            if self._thread is None:
                # a daemon: a call that hangs must not keep the program from ending
                self._thread = threading.Thread(target=self._run, name="sealbag-push", daemon=True)
                self._thread.start()
            self.wake.notify_all()

    def _failed(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail[:MAX_DETAIL]

    def _run(self) -> None:
        try:
            self._work()
            self.destination.close()
        finally:
            with self.wake:
                if not self.ended:
                    self._failed("internal", "the thread that sends ended")
                self.ended, self.busy = True, False
                self.wake.notify_all()

    def _work(self) -> None:
        pause = FIRST_PAUSE
        while (item := self._next()) is not None:
            error = self._try(item)
            with self.wake:
                if not isinstance(error, TargetUnreachable):
                    self._settled(item, error)
                    pause = FIRST_PAUSE
                    continue
                self._failed(error.code, error.what)
                self.gave_up = self.hurry  # one try was made; whoever waits need not wait for the rest
                self.wake.notify_all()
                self.wake.wait_for(lambda: self.ended or (self.hurry and not self.gave_up), timeout=pause)
                pause = min(2 * pause, LAST_PAUSE)

    def _next(self) -> _Item | None:
        with self.wake:
            self.busy = False
            self.wake.notify_all()
            self.wake.wait_for(lambda: self.waiting or self.ended)
            if self.ended:
                return None
            self.busy = True
            return self.waiting[0]

    def _try(self, item: _Item) -> SealbagError | None:
        try:
            lines = item.act() or ()
        except SealbagError as error:
            return error
        except (OSError, ValueError, RuntimeError) as error:
            # a client library's own: this lane must go on and say so
            return SealbagError(f"{type(error).__name__}: {error}")
        with self.wake:
            if item.size:
                self.arrived, self.last = self.arrived + 1, max(self.last, item.size)
                if lines:
                    self.lines[item.size] = lines
        return None

    def _settled(self, item: _Item, error: SealbagError | None) -> None:
        if error is not None:
            self._failed(error.code, error.what)
        if self.waiting and self.waiting[0] is item:
            self.waiting.popleft()

    def hasten(self) -> None:
        """No more pauses: each that waits is tried at once, until one cannot be reached."""
        with self.wake:
            self.hurry, self.gave_up = True, False
            self.wake.notify_all()

    def wait(self, until: float) -> None:
        """Wait until all that waited is settled, or cannot be reached, or time is over."""
        with self.wake:
            self.wake.wait_for(
                lambda: self.gave_up or self.ended or not (self.waiting or self.busy),
                timeout=max(0.0, until - time.monotonic()),
            )
            self.hurry = False

    def outcome(self) -> PushOutcome:
        with self.wake:
            missing = self.sent - self.arrived
            state = "all" if not missing else "some" if self.arrived else "none"
            code, detail = self.code, self.detail
            if missing and not code:
                code, detail = "pending", "not arrived when this was written"
            return PushOutcome(
                self.destination.shown, state, self.arrived, missing, self.last,
                sum(len(lines) for lines in self.lines.values()), code, detail,
            )  # fmt: skip

    def end(self) -> None:
        with self.wake:
            self.ended = True
            self.wake.notify_all()

    def join(self, until: float) -> None:
        """Let the thread close its connection; one that hangs is left behind."""
        if self._thread is not None:
            self._thread.join(max(0.0, until - time.monotonic()))


class Pusher:
    """Sends a bag's checkpoints to destinations: what :class:`forensics.custody.company.CheckpointTargets` asks for.

    Use one for one bag, and close it, or use it in a ``with``.
    """

    def __init__(self, destinations: Sequence[Destination]) -> None:
        """Begin; nothing is sent before the bag is opened.

        :raises UsageError: for more than 15 (a note takes 16 signatures).
        """
        if len(destinations) > MAX_DESTINATIONS:
            raise UsageError(f"more than {MAX_DESTINATIONS} places for checkpoints")
        self._lanes = [_Lane(destination) for destination in destinations]
        self._notes: dict[int, bytes] = {}

    def check(self) -> None:
        """Try each destination now.

        :raises SealbagError: of the first that would take nothing.
        """
        for lane in self._lanes:
            lane.destination.check()

    def opened(self, bag: str, run_key: bytes) -> None:
        """See CheckpointTargets."""
        for lane in self._lanes:
            lane.add(_Item(_call(lane.destination.opened, bag, run_key)))

    def rotated(self, old: bytes, new: bytes, statement: bytes) -> None:
        """See CheckpointTargets."""
        for lane in self._lanes:
            lane.add(_Item(_call(lane.destination.rotated, statement)))

    def push(self, size: int, note: bytes, leaves: Sequence[bytes]) -> None:
        """See CheckpointTargets."""
        data = b"".join(leaves)
        if any(lane.destination.wants_leaves for lane in self._lanes):
            self._notes[size] = note
        for lane in self._lanes:
            if lane.destination.wants_leaves:
                lane.add(_Item(_call(lane.destination.leaves, data, size)))
            lane.add(_Item(_push(lane.destination, size, note), size))

    def settle(self, seconds: float) -> None:
        """See CheckpointTargets."""
        until = time.monotonic() + seconds
        for lane in self._lanes:
            lane.hasten()
        for lane in self._lanes:
            lane.wait(until)

    def outcomes(self) -> list[PushOutcome]:
        """See CheckpointTargets."""
        return [lane.outcome() for lane in self._lanes]

    def cosigned(self) -> Mapping[int, bytes]:
        """See CheckpointTargets."""
        found: dict[int, bytes] = {}
        for lane in self._lanes:
            with lane.wake:
                lines = dict(lane.lines)
            for size, some in lines.items():
                found[size] = found.get(size, self._notes[size]) + "".join(some).encode()
        return found

    def close(self) -> None:
        """End the threads; what has not arrived does not."""
        until = time.monotonic() + CLOSE_SECONDS
        for lane in self._lanes:
            lane.end()
        for lane in self._lanes:
            lane.join(until)

    def __enter__(self) -> Pusher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _call(act: Callable[..., None], *given: object) -> Callable[[], None]:
    return lambda: act(*given)


def _push(destination: Destination, size: int, note: bytes) -> Callable[[], Sequence[str]]:
    return lambda: destination.push(size, note)
