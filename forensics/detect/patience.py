"""Rules whose regular expressions run away, ended one by one.

``re`` is Python's and backtracks: an expression such as ``(\\w+\\s?)*!$`` takes longer than anybody waits. In a
child that matches, a timer of the child's own CPU time looks whether one rule has been asked about one event since
it last looked, and ends that question: ``re`` looks for signals while it searches. The rule is then undecided on
that event, which is counted and told; after three such events it is not asked any more. Where there is no such
timer (Windows) or none was begun (the library's callers), the limits of the child are the only bound.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forensics.detect.ast import Rule

#: CPU seconds between two looks: a question ends after one to two of them
INTERVAL = 1.0
#: events on which a rule may be too slow before it is not asked any more
STRIKES = 3


class TooSlow(BaseException):
    """The question took too long. No Exception: what catches all errors of a plug-in is not to take it for one."""


class Patience:
    """What is being asked, and which rules were too slow."""

    def __init__(self) -> None:
        self._asked: Rule | None = None
        self._turn = self._looked = 0
        self._strikes: Counter[int] = Counter()
        #: rule's index -> events on which it is undecided, since :meth:`take`
        self.undecided: Counter[int] = Counter()
        self.begun = False

    def ask(self, rule: Rule, question: Callable[[], bool], *, decides: bool = True) -> bool | None:
        """Return *question*'s answer about one event; None if it took too long, or *rule* is not asked any more.

        :param decides: whether the event is undecided without it; False for why a rule fired.
        """
        if not self.begun:
            return question()
        if self._strikes[rule.index] < STRIKES:
            self._asked = rule
            self._turn += 1
            try:
                return question()
            except TooSlow:
                self._strikes[rule.index] += 1
            finally:
                self._asked = None
        self.undecided[rule.index] += decides
        return None

    def take(self) -> dict[int, int]:
        """Return :attr:`undecided` and begin it anew."""
        found = {number: count for number, count in self.undecided.items() if count}
        self.undecided.clear()
        return found

    def begin(self) -> None:
        """Look at what is asked from now on; in the main thread of a child. Nothing where there is no such timer."""
        if sys.platform == "win32" or self.begun:
            return
        signal.signal(signal.SIGVTALRM, lambda number, frame: self._look())
        signal.setitimer(signal.ITIMER_VIRTUAL, INTERVAL, INTERVAL)
        self.begun = True

    def end(self) -> None:
        """Look no more, and forget who was slow."""
        self._strikes.clear()
        if sys.platform != "win32" and self.begun:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
            self.begun = False

    def _look(self) -> None:
        if self._asked is not None and self._looked == self._turn:
            self._looked = -1
            raise TooSlow
        self._looked = self._turn


#: of this process
patience = Patience()
