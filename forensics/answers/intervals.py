"""Numbers kept as runs: which of a log's record ids were seen, in memory that grows with its gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

#: runs that are kept; beyond, the nearest ones are taken together and that is said
MAX_RUNS = 20_000


class Numbers:
    """Integers, as runs. *coarse*: some gaps were closed, since there were too many."""

    def __init__(self) -> None:
        self._runs: list[list[int]] = []
        self._merged = True
        self.coarse = False

    def __bool__(self) -> bool:
        return bool(self._runs)

    def add(self, number: int) -> None:
        """One more; numbers that rise by one cost nothing."""
        last = self._runs[-1] if self._runs else None
        if last is not None and last[0] <= number <= last[1] + 1:
            last[1] = max(last[1], number)
            return
        self._merged = False
        self._runs.append([number, number])
        if len(self._runs) > 2 * MAX_RUNS:
            self._merge()
            if len(self._runs) > MAX_RUNS:
                self._thin()

    def _merge(self) -> None:
        if self._merged:
            return
        out: list[list[int]] = []
        for begin, end in sorted(self._runs):
            if out and begin <= out[-1][1] + 1:
                out[-1][1] = max(out[-1][1], end)
            else:
                out.append([begin, end])
        self._runs, self._merged = out, True

    def _thin(self) -> None:
        """Close the smallest gaps, so that half of the room is free."""
        self.coarse = True
        gaps = sorted((right[0] - left[1], at) for at, (left, right) in enumerate(pairwise(self._runs)))
        closed = {at for _, at in gaps[: len(self._runs) - MAX_RUNS // 2]}
        out: list[list[int]] = []
        for at, run in enumerate(self._runs):
            if out and at - 1 in closed:
                out[-1][1] = run[1]
            else:
                out.append(run)
        self._runs = out

    def runs(self) -> list[tuple[int, int]]:
        """(first, last) of each run, in order."""
        self._merge()
        return [(begin, end) for begin, end in self._runs]

    def gaps(self) -> Iterator[tuple[int, int]]:
        """(first, last) of the numbers between the runs."""
        runs = self.runs()
        for (_, end), (begin, _) in pairwise(runs):
            yield end + 1, begin - 1

    def within(self, spans: Iterable[tuple[int, int]]) -> int:
        """How many of the numbers lie in *spans* (first, last), which are in order and apart."""
        count, at, runs = 0, 0, self.runs()
        for begin, end in spans:
            while at < len(runs) and runs[at][1] < begin:
                at += 1
            look = at
            while look < len(runs) and runs[look][0] <= end:
                count += min(end, runs[look][1]) - max(begin, runs[look][0]) + 1
                look += 1
            at = max(at, look - 1)
        return count
