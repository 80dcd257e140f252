"""One child that sends whole entries in order, and what has been asked of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from forensics.errors import ChildError, ChildRefused, FrameError
from forensics.model import Entry, entry_row
from forensics.tasks.pool import Pool
from forensics.worker.frames import MESSAGE, Frame, encode, frame
from forensics.worker.supervisor import Child

_AHEAD = 128
_AHEAD_BYTES = 256 << 10


@dataclass(slots=True, eq=False)
class Ticket:
    """One entry asked for.

    :param start: position from which it is (still) wanted.
    :param deaths: children it has cost.
    :param length: bytes of the request sent for it.
    :param refused: why it could not be sent.
    """

    id: int
    entry: Entry
    start: int = 0
    deaths: int = 0
    length: int = 0
    refused: FrameError | None = None


class Lane:
    """Sends requests ahead; after a death the entry at the head is asked for again, alone."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._child: Child | None = None
        self._asked: deque[Ticket] = deque()
        self._sent = 0
        self._bytes = 0
        self._last = 0
        self._closed = False

    @property
    def wanted(self) -> int:
        """How many entries may be asked for now: none until half of those under way are done.

        Requests then leave by dozens in one write.
        """
        under_way = len(self._asked)
        return 0 if under_way > _AHEAD // 2 else _AHEAD - under_way

    def ask(self, entry: Entry) -> None:
        """Add an entry to what is wanted."""
        self._last += 1
        self._asked.append(Ticket(self._last, entry))

    @property
    def head(self) -> Ticket | None:
        """The entry whose answer comes next."""
        return self._asked[0] if self._asked else None

    def _push(self, child: Child) -> None:
        """Send what may be sent: all that is asked, or the head alone if it has cost a child."""
        allowed = 1 if self._asked[0].deaths else len(self._asked)
        frames = []
        while self._sent < allowed and (self._bytes < _AHEAD_BYTES or not self._sent):
            ticket = self._asked[self._sent]
            request = {"op": "take", "id": ticket.id, "row": entry_row(ticket.entry), "start": ticket.start}
            try:
                frames.append(frame(MESSAGE, encode(request)))
                ticket.length = len(frames[-1])
            except FrameError as error:
                ticket.refused = error  # raised when its turn comes
            self._sent += 1
            self._bytes += ticket.length
        if frames:
            child.send_frames(b"".join(frames))

    def receive(self) -> Frame:
        """Return the next frame for the head.

        :raises ChildError: as :meth:`forensics.worker.supervisor.Child.receive`; call
            :meth:`died` then.
        :raises SealbagError: if no child can be had: call :meth:`lost`.
        """
        if self._closed:
            raise ChildRefused("the stream's source has gone on or is closed")
        if self._child is None:
            self._child = self._pool.take()
        self._push(self._child)
        if (refused := self._asked[0].refused) is not None:
            raise ChildRefused("the entry's row is too long to be asked for", where=refused.what)
        return self._child.receive()

    def say(self, ticket: Ticket, op: str) -> bool:
        """Send ``more`` or ``skip`` for the head; False if no child is at work on it."""
        if self._child is None or not self._sent or self.head is not ticket:
            return False
        self._child.send({"op": op, "id": ticket.id})
        return True

    def _drop(self) -> None:
        if self._child is not None:
            self._pool.drop(self._child)
        self._child, self._sent, self._bytes = None, 0, 0

    def died(self, error: ChildError, position: int, wanted: bool) -> bool:
        """The child died over the head: tell, and return True if the head is tried once more.

        :param position: how far the head has come.
        :param wanted: False if its consumer has given it up.
        """
        head = self._asked[0]
        head.deaths += 1
        head.start = position
        again = wanted and head.deaths < 2
        self._drop()
        self._pool.death("read", head.entry.path.display, error, again)
        if not again:
            self._asked.popleft()
        return again

    def lost(self, ticket: Ticket) -> None:
        """The head cannot be answered at all."""
        if self._closed or self.head is not ticket:
            return None
        if ticket.refused is not None:
            return self.done()  # the child knows nothing of it and goes on
        self._drop()
        self._asked.popleft()
        return None

    def done(self) -> None:
        """The head is answered completely."""
        self._bytes -= self._asked.popleft().length
        self._sent -= 1

    def close(self) -> None:
        """Give the child back; one that still owes answers is killed."""
        self._closed = True
        if self._child is not None and not self._sent:
            self._pool.give(self._child)
            self._child = None
        self._drop()
