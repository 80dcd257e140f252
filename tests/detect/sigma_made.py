"""Rules and events for the tests of Sigma's front, and an evaluator over pySigma's own tree."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forensics.detect.ast import Rule, RuleSet
from forensics.detect.compile import Options
from forensics.detect.rules import load_packs
from forensics.detect.view import View, view_of

HEAD = """
title: {title}
id: {ident}
status: test
level: high
logsource: {{product: windows, service: application}}
detection:
"""


def record(
    data: Mapping[str, Any] | None, *, channel: str = "Application", event: Any = 1, provider: str = "P"
) -> dict[str, Any]:
    """A native record with *data* as EventData."""
    system = {"Provider": {"#attributes": {"Name": provider}}, "EventID": event, "Channel": channel, "Computer": "HOST"}
    return {"Event": {"#attributes": {"xmlns": "http://schemas"}, "System": system, "EventData": data}}


def view(**data: Any) -> View:
    return view_of(record(data))


def text_of_rule(detection: str, title: str = "T", ident: str = "11111111-0000-4000-8000-000000000000") -> str:
    """A rule's YAML; *detection* is what stands below ``detection:``, a condition is added if it has none."""
    lines = detection.strip("\n").splitlines()
    body = "\n".join("    " + line for line in lines)
    if not any(line.startswith("condition:") for line in lines):
        body += "\n    condition: sel"
    return HEAD.format(title=title, ident=ident) + body + "\n"


def compiled(folder: Path, *texts: str | bytes, options: Options | None = None) -> RuleSet:
    """The rule set of files that hold *texts*."""
    root = folder / "pack"
    root.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        data = text if isinstance(text, bytes) else text.encode()
        (root / f"{number:03}.yml").write_bytes(data)
    return load_packs([root], options).ruleset


def one_rule(folder: Path, detection: str, options: Options | None = None) -> Rule:
    ruleset = compiled(folder, text_of_rule(detection), options=options)
    assert not ruleset.problems, ruleset.problems
    return ruleset.rules[0]


# What follows reads pySigma's tree, with nothing of ours: strings as regular expressions over lower case.

_OTHERS = ("-", "/", "\u2013", "\u2014", "\u2015")


def pysigma_holds(node: Any, event: Mapping[str, list[str | None]]) -> bool:
    """Whether a condition of pySigma holds of field -> values."""
    kind = type(node).__name__
    if kind == "ConditionAND":
        return all(pysigma_holds(one, event) for one in node.args)
    if kind == "ConditionOR":
        return any(pysigma_holds(one, event) for one in node.args)
    if kind == "ConditionNOT":
        return not pysigma_holds(node.args[0], event)
    if kind == "ConditionValueExpression":
        texts = [value or "" for values in event.values() for value in values]
        return any(_value(node.value, text, keyword=True) for text in texts)
    assert kind == "ConditionFieldEqualsValueExpression", kind
    return _field(node.value, event.get(node.field, []), event)


def _field(wanted: Any, values: list[str | None], event: Mapping[str, list[str | None]]) -> bool:
    kind = type(wanted).__name__
    if kind == "SigmaExpansion":
        return any(_field(one, values, event) for one in wanted.values)
    if kind == "SigmaNull":
        return not values or None in values
    if kind == "SigmaExists":
        return bool(values) == wanted.exists
    if kind == "SigmaFieldReference":
        assert not wanted.starts_with and not wanted.ends_with
        others = [(other or "").lower() for other in event.get(wanted.field, [])]
        return any((value or "").lower() in others for value in values)
    return any(_value(wanted, value or "") for value in values)


def _value(wanted: Any, value: str, keyword: bool = False) -> bool:
    kind = type(wanted).__name__
    if kind == "SigmaExpansion":
        return any(_value(one, value, keyword) for one in wanted.values)
    if kind == "SigmaRegularExpression":
        flags = {"IGNORECASE": re.I, "MULTILINE": re.M, "DOTALL": re.S}
        bits = 0
        for flag in wanted.flags:
            bits |= flags[flag.name]
        return re.search(_text(wanted.regexp), value, bits) is not None
    if kind == "SigmaCIDRExpression":
        try:
            return ipaddress.ip_address(value) in wanted.network
        except ValueError:
            return False
    if kind == "SigmaCompareExpression":
        if not re.fullmatch(r"-?\d+", value, re.A):
            return False
        found, number = int(value), wanted.number.number
        return {"LT": found < number, "LTE": found <= number, "GT": found > number, "GTE": found >= number}[
            wanted.op.name
        ]
    if kind == "SigmaNumber":
        return str(wanted.number) in value if keyword else value == str(wanted.number)
    if kind == "SigmaBool":
        return value.lower() == str(wanted.boolean).lower()
    cased = kind == "SigmaCasedString"
    assert cased or kind == "SigmaString", kind
    parts = ["".join(".*" if part.name == "WILDCARD_MULTI" else "." for part in [one]) if not isinstance(one, str)
             else re.escape(one if cased else one.lower()) for one in wanted.s]  # fmt: skip
    pattern = "".join(parts)
    text = value if cased else value.lower()
    found_at = re.search(pattern, text, re.S) if keyword else re.fullmatch(pattern, text, re.S)
    return found_at is not None


def _text(regexp: Any) -> str:
    """A regular expression as its rule has it."""
    return str(regexp.original) if hasattr(regexp, "original") else str(regexp)
