"""Movement that goes on: from A to B, then from B to C within an hour by the same account; and remote execution."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from forensics.answers.case import Case, NotEvaluated
from forensics.answers.grade import Subject, finding, missing
from forensics.answers.lateral import MAX_SPANS, Edge, Graph, graph
from forensics.answers.lateral_edges import UNKNOWN
from forensics.answers.places import public
from forensics.answers.session import bare
from forensics.model.event import Finding
from forensics.source.times import SECOND, rfc3339

ID = "answers.lateral"
HOUR = 3600 * SECOND
#: pairs of edges that are compared
MAX_PAIRS = 200_000
_NOBODY = {"", "anonymous logon", "system", "local service", "network service"}
_MADE = ("service installed", "task registered", "task updated", "process started")


class Lateral:
    """Reads the edges of the table lateral."""

    id = ID
    title = "Movement between machines"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield chains, and what was made or started from another machine."""
        found = graph(case)
        yield from _made(found)
        chains = _Chains(found)
        yield from chains.find()
        if chains.left:
            yield missing(ID, "chains", f"more than {MAX_PAIRS:,} pairs of steps: {chains.left:,} not compared")
        cut = sum(edge.cut for edge in found.edges.values())
        if cut:
            words = f"{cut:,} ways were used in more than {MAX_SPANS} spans of ten minutes: the later ones"
            yield missing(ID, "chains", f"{words} are not compared")
        for text in found.said():
            yield missing(ID, "movement between machines", text)
        if not found.seen and case.parsers():
            yield missing(ID, "movement between machines", "no log tells of logons or connections between machines")


def _made(found: Graph) -> Iterator[Finding]:
    for edge in found.ordered():
        if not edge.protocol.startswith(_MADE):
            continue
        details = ", ".join(sorted(edge.details)[:4])
        text = f"{edge.protocol} on {edge.target} from {edge.source} by {edge.account}: {details}"
        reasons = ["remote-run", *(["from-outside"] if public(edge.source) else [])]
        yield finding(ID, "remote-run", Subject(text, edge.cited.refs, edge.first, "", _attrs(edge)), reasons)


def _attrs(edge: Edge) -> tuple[tuple[str, object], ...]:
    return (
        ("source", edge.source), ("target", edge.target), ("account", edge.account), ("protocol", edge.protocol),
        ("count", edge.count), ("details", sorted(edge.details)),
    )  # fmt: skip


class _Chains:
    """Pairs of edges of one account, the second from where the first went."""

    def __init__(self, found: Graph) -> None:
        self.left = self.pairs = 0
        self.found = found
        self.by_source: dict[tuple[str, str], list[Edge]] = {}
        self.edges = [
            edge for edge in found.ordered()
            if edge.times and edge.source != UNKNOWN and not edge.protocol.startswith("connection")
            and bare(edge.account) not in _NOBODY and not bare(edge.account).endswith("$")
        ]  # fmt: skip
        for edge in self.edges:
            self.by_source.setdefault((bare(edge.account), found.names.node(edge.source)), []).append(edge)

    def find(self) -> Iterator[Finding]:
        """One finding for each account and three machines."""
        node, said = self.found.names.node, set()
        for edge in self.edges:
            a, b, account = node(edge.source), node(edge.target), bare(edge.account)
            for after in self.by_source.get((account, b), ()):
                c = node(after.target)
                if len({a, b, c}) < 3 or (account, a, b, c) in said:
                    continue
                if self.pairs >= MAX_PAIRS:
                    self.left += 1
                    continue
                self.pairs += 1
                times = _within(edge.times, after.times)
                if times is not None:
                    said.add((account, a, b, c))
                    yield _chain(edge, after, times, (a, b, c))


def _within(first: list[int], second: list[int]) -> tuple[int, int] | None:
    """The first pair of times of which the second follows within an hour."""
    for ts in first:
        at = bisect_right(second, ts)
        if at < len(second) and second[at] - ts <= HOUR:
            return ts, second[at]
    return None


def _chain(edge: Edge, after: Edge, times: tuple[int, int], nodes: tuple[str, str, str]) -> Finding:
    seconds = (times[1] - times[0]) // SECOND
    text = (
        f"{edge.account}: {nodes[0]} to {nodes[1]} ({edge.protocol}), after {seconds:,} s to {nodes[2]} "
        f"({after.protocol}), {(rfc3339(times[0]) or '')[:19]} UTC"
    )
    attrs = (
        ("account", edge.account), ("machines", list(nodes)), ("protocols", [edge.protocol, after.protocol]),
        ("seconds", seconds),
    )  # fmt: skip
    refs = (*edge.cited.refs[:8], *after.cited.refs[:8])
    reasons = ["chain", *(["from-outside"] if public(edge.source) else [])]
    return finding(ID, "chain", Subject(text, refs, times[0], "", attrs), reasons)
