"""Random rules over a small alphabet, and records that they may be about; for tests of the fast engine."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import strategies as st

from forensics.detect.ast import And, Atom, Node, Not, Or, Rule, RuleSet

LETTERS = 'abKks\\"/:. 1İıſßΣς\u212a\x1f\t☃'
SYSMON = ("Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational", 1)
SECURITY = ("Microsoft-Windows-Security-Auditing", "Security", 4688)
FIELDS = ("Image", "User", "A", "Channel", "EventID", "Computer", "Level")
TEXTS = st.text(st.sampled_from(LETTERS), max_size=4)
SCALARS = st.one_of(
    TEXTS, st.sampled_from([0, 1, 10, -3, 1 << 70, True, False, None, 1.0, 0.5, "1", "true", "10.0.0.1", "::1", "0x10"])
)


def rule(index: int, condition: Node, gate: Node | None = None) -> Rule:
    """A rule with nothing to say but its conditions."""
    return Rule(
        index, f"id-{index}", "", f"rule {index}", "high", "test", ("windows", "", ""), gate or And(()), condition,
        f"{index}.yml", "0" * 64, "1" * 64,
    )  # fmt: skip


def ruleset(*conditions: Node, gates: tuple[Node | None, ...] = ()) -> RuleSet:
    """A rule set of these conditions."""
    padded = (*gates, *[None] * (len(conditions) - len(gates)))
    return RuleSet(
        tuple(rule(n, c, g) for n, (c, g) in enumerate(zip(conditions, padded, strict=True))), sha256="ab" * 32
    )


def record(head: tuple[str, Any, Any] = SYSMON, data: Any = None, section: str = "EventData", **more: Any) -> str:
    """A record as ``evtx`` writes it; *more* replaces parts of System."""
    provider, channel, number = head
    system: dict[str, Any] = {
        "Provider": {"#attributes": {"Name": provider, "Guid": "5770385F-C22A-43E0-BF4C-06F5698FFBD9"}},
        "EventID": number, "Version": 5, "Level": 4, "Task": 1, "Opcode": 0, "Keywords": "0x8000000000000000",
        "TimeCreated": {"#attributes": {"SystemTime": "2024-03-01T10:00:00.123456Z"}}, "EventRecordID": 7,
        "Correlation": None, "Execution": {"#attributes": {"ProcessID": 4, "ThreadID": 8}}, "Channel": channel,
        "Computer": "HOST-1", "Security": {"#attributes": {"UserID": "S-1-5-18"}},
    }  # fmt: skip
    system |= more
    event = {"#attributes": {"xmlns": "http://example.test/event"}, "System": system, section: data}
    return json.dumps({"Event": event}, ensure_ascii=False, separators=(",", ":"))


def _pieces(pattern: str) -> tuple[str, ...]:
    """What a pattern of :func:`_patterns` needs, as the front says it of real ones."""
    return tuple(re.findall(r"[a-z]+", pattern.split("(")[0].lower()))


PATTERNS = st.sampled_from(["a.*k", "^ks", "s$", "k+(a|b)", r"\\", "[a-k]s", "(?:s|k)b", ".", "ab", "^$"])


@st.composite
def _atoms(draw: st.DrawFn) -> Atom:
    op = draw(st.sampled_from([
        "eq", "contains", "startswith", "endswith", "re", "wildcard", "null", "exists", "gt", "lte", "cidr",
        "fieldref", "fieldref-contains", "eq", "contains", "endswith",
    ]))  # fmt: skip
    field: str | None = draw(st.sampled_from(FIELDS))
    cased = draw(st.booleans())
    if op in ("eq", "contains", "startswith", "endswith"):
        text = draw(TEXTS)
        field = draw(st.sampled_from([field, field, field, None]))
        return Atom(field, op, text if cased else text.lower(), cased)
    if op == "re":
        pattern = draw(PATTERNS)
        return Atom(draw(st.sampled_from([field, None])), "re", pattern, flags=draw(st.sampled_from(["", "i", "is"])),
                    literals=() if "+" in pattern or "[" in pattern else _pieces(pattern))  # fmt: skip
    if op == "wildcard":
        text = draw(TEXTS)
        low = text if cased else text.lower()
        pattern = f"(?s:.*{re.escape(low)}.)"
        return Atom(field, "wildcard", pattern, cased, literals=(text.lower(),) if text.isascii() else ())
    values = {"null": [None], "exists": [True, False], "gt": [0, 1, 1.5], "lte": [1, 16],
              "cidr": ["10.0.0.0/8", "::/64"], "fieldref": list(FIELDS), "fieldref-contains": list(FIELDS)}  # fmt: skip
    return Atom(field, op, draw(st.sampled_from(values[op])), cased and op.startswith("fieldref"))  # type: ignore[arg-type,misc]


_CLASS = st.sampled_from([
    Atom("EventID", "eq", "1"), Atom("EventID", "eq", "4688"), Atom("Channel", "eq", "security"),
    Atom("Provider_Name", "contains", "sysmon"), Atom("Channel", "null", None), Atom("EventID", "gt", 3),
])  # fmt: skip
NODES: st.SearchStrategy[Node] = st.recursive(
    st.one_of(_atoms(), _atoms(), _CLASS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: And(tuple(items))),
        st.lists(inner, max_size=4).map(lambda items: Or(tuple(items))),
        inner.map(Not),
    ),
    max_leaves=8,
)
GATES = st.one_of(st.none(), _CLASS, st.tuples(_CLASS, _CLASS).map(And))
_FLAT = st.dictionaries(st.sampled_from([*FIELDS, "Other", "#text"]), SCALARS, max_size=5)
_DEEP = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["Image", "A", "Data", "#text", "#attributes", "Channel"]), inner, max_size=3),
    ),
    max_leaves=6,
)
_PLAIN = st.dictionaries(st.sampled_from(["Image", "User", "A", "Other"]), SCALARS, max_size=4)
_HEADS = st.sampled_from(
    [SYSMON, SYSMON, SECURITY, ("", None, "1"), ("Sysmon", "x", {"#attributes": {"Qualifiers": 3}, "#text": 1})]
)
_MORE = st.sampled_from(
    [
        {},
        {},
        {},
        {"Level": "a"},
        {"Computer": "ksa"},
        {"Security": None},
        {"Computer": "K\\s"},
        {"Image": "a"},
        {"Correlation": {"A": "b"}},
    ]
)
RECORDS = st.one_of(
    st.builds(record, _HEADS, _PLAIN),
    st.builds(lambda head, data, section, more: record(head, data, section, **more),
              _HEADS, st.one_of(_FLAT, _FLAT, _DEEP), st.sampled_from(["EventData", "EventData", "UserData"]), _MORE),
)  # fmt: skip
