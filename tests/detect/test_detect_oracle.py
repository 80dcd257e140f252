"""pySigma as oracle: its tree of a rule, evaluated on events made of the rule's own words, says what ours says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sigma_made import pysigma_holds, text_of_rule
from testkit import data_folder

from forensics.detect.ast import Node
from forensics.detect.compile import tree_of
from forensics.detect.reference import holds
from forensics.detect.selections import Builder
from forensics.detect.yaml_read import documents

sigma_rule = pytest.importorskip("sigma.rule", reason="not shown: needs pySigma")

OWN = [
    "sel:\n  A|contains: ['foo', 'b?r', 'x*y']\n  B|startswith: 'C:\\Win'\n  C|endswith: '\\\\*.exe'",
    "sel:\n  A: ['*', '']\n  B: null\nflt:\n  C: 'a\\*b'\ncondition: sel and not flt",
    "sel_a:\n  A|all|contains: [one, two]\nsel_b:\n  - A: x\n  - B: 4624\n    C|cased: Abc\ncondition: all of sel_*",
    "_skip:\n  A: a\nk:\n  - word\n  - 12\n  - 'x*y'\ncondition: 1 of them or _skip",
    "sel:\n  A|re: '^a.c[0-9]+'\n  B|re|i: 'K+'\n  C|cidr: [10.0.0.0/8, '2001:db8::/32']",
    "sel:\n  A|windash|contains: ' -enc '\n  B|base64offset|contains: 'hello'\n  C|wide|base64offset|contains: 'ping'",
    "sel:\n  A|fieldref: B\n  C|exists: true\nflt:\n  D|exists: false\ncondition: sel or not flt",
    "sel:\n  A|gt: 3\n  B|lte: 10\nb:\n  C: true\ncondition: sel or (b and not sel)",
    "a:\n  A: a\nb:\n  B: b\nc:\n  C: c\ncondition: a or b and not c or not (a and c)",
    "a:\n  A|base64: foo\n  B|startswith|cased: Ab\nb:\n  C|contains|cased: [\"\\u0130\", \"\\u212a\"]\ncondition: 1 of *",  # noqa: E501
    "a:\n  A: ['a\\\\\\*b', 'a\\\\*b', 'a\\\\b', '\\\\\\\\unc']\nb:\n  B|windash|endswith: '/c -k'\ncondition: any of them",  # noqa: E501
    "sel:\n  A|neq: x\n  B|neq: [y, 'z*']",
]  # fmt: skip


def rules_of_sigmahq(every: int = 9) -> Iterator[str]:
    folder = data_folder()
    if folder is None:
        return
    paths = sorted(path for path in (folder / "sigma").glob("rules*/**/*.yml"))
    for path in paths[::every]:
        text = path.read_text("utf-8")
        if "product: windows" in text and "|expand" not in text:
            yield text


@cache
def pairs() -> list[tuple[Node, Any, dict[str, list[str]]]]:
    """Of each rule our tree, pySigma's, and the words of its fields."""
    found = []
    for text in [*(text_of_rule(one) for one in OWN), *rules_of_sigmahq()]:
        (document,) = documents(text.encode())
        ours = tree_of(document["detection"], Builder())
        theirs = [one.parsed for one in sigma_rule.SigmaRule.from_yaml(text).detection.parsed_condition]
        found.append((ours, theirs, words_of(document["detection"])))
    return found


def words_of(detection: Any) -> dict[str, list[str]]:
    """Field -> texts that the rule has for it, modifiers forgotten; "" = keywords."""
    found: dict[str, list[str]] = {}

    def walk(name: str, content: Any) -> None:
        if isinstance(content, dict):
            for key, value in content.items():
                field, *modifiers = key.split("|")
                found.setdefault(field, [])
                if "fieldref" in modifiers:
                    found.setdefault(str(value), [])
                walk(field, value)
        elif isinstance(content, list):
            for one in content:
                walk(name, one)
        elif content is not None:
            text = str(content).lower() if isinstance(content, bool) else str(content)
            found.setdefault(name, []).append(text)

    for name, content in detection.items():
        if name != "condition":
            walk("", content)
    return found


def mutated(text: str, chance: random.Random) -> str:
    """A text that fulfils a comparison with *text*, or nearly."""
    text = "".join(
        {"*": chance.choice(["", "zz", "\n"]), "?": chance.choice(["q", ""])}.get(char, char) for char in text
    )
    way = chance.randrange(12)
    if way == 0:
        text = text.upper()
    elif way == 1:
        text = text[1:]
    elif way == 2:
        text = text[:-1]
    elif way == 3:
        text = "x" + text
    elif way == 4:
        text += " y"
    elif way == 5:
        text = "C:\\a" + text + "b.exe"
    elif way == 6:
        text = text.replace("\\\\", "\\")
    elif way == 7:
        text = text.replace("-", chance.choice("/\u2013\u2014\u2015"))
    elif way == 8:
        text = text.replace("k", "\u212a").replace("i", "\u0130").replace("s", "\u017f")
    return text


def event_of(words: dict[str, list[str]], chance: random.Random) -> dict[str, list[str | None]]:
    special = [
        "",
        "10.1.2.3",
        "2001:db8::1",
        "4",
        "aGVsbG8gd29ybGQ=",
        "AGHELLO aGVsbG8",
        "cABpAG4AZwA=",
        "one two",
        "Abc",
    ]
    event: dict[str, list[str | None]] = {}
    everything = [text for texts in words.values() for text in texts] or ["x"]
    for field, texts in words.items():
        way = chance.random()
        if not field or way < 0.12:
            continue
        values: list[str | None] = [
            mutated(chance.choice(texts or everything), chance) for _ in range(chance.choice([1, 1, 1, 2]))
        ]
        if way < 0.17:
            values = [None]
        elif way < 0.25:
            values = [chance.choice(special)]
        elif way < 0.4:
            values = [chance.choice(everything)]
        elif way < 0.5 and len(texts) > 1:
            values = [" ".join(texts[:6])]
        event[field] = values
    if "" in words and chance.random() < 0.7:
        event["Extra"] = [mutated(chance.choice(words[""]), chance)]
    return event


@settings(max_examples=1_500, suppress_health_check=list(HealthCheck))
@given(place=st.integers(0, 10_000), seed=st.integers(0, 2**32))
@example(place=0, seed=0)
def test_ours_says_what_pysigma_says(place: int, seed: int) -> None:
    ours, theirs, words = pairs()[place % len(pairs())]
    chance = random.Random(seed)
    for _ in range(3):
        event = event_of(words, chance)
        fields = {name: tuple(values) for name, values in event.items()}
        texts = tuple(value or "" for values in event.values() for value in values)
        expected = any(pysigma_holds(tree, event) for tree in theirs)
        assert holds(ours, fields, texts) == expected, event


def test_the_events_are_worth_it() -> None:
    """Rules fire and do not fire on what is made: agreement on silence alone would show nothing."""
    chance = random.Random(7)
    fired = silent = 0
    for ours, _, words in pairs():
        outcomes = set()
        for _ in range(30):
            event = event_of(words, chance)
            texts = tuple(value or "" for values in event.values() for value in values)
            outcomes.add(holds(ours, {name: tuple(values) for name, values in event.items()}, texts))
        fired += True in outcomes
        silent += False in outcomes
    assert fired > len(pairs()) * 0.6 and silent > len(pairs()) * 0.9, (fired, silent, len(pairs()))


def test_yaml_is_read_as_the_library_reads_it() -> None:
    folder = data_folder()
    texts = [text_of_rule(one) for one in OWN]
    paths: list[Path] = sorted((folder / "sigma").glob("rules*/**/*.yml"))[::20] if folder else []
    for text in [*texts, *(path.read_text("utf-8") for path in paths)]:
        expected = yaml.safe_load(text)
        (found,) = documents(text.encode())
        assert found["detection"] == stringed(expected["detection"])


def stringed(value: Any) -> Any:
    """Keys as text: ours are."""
    if isinstance(value, dict):
        return {str(key): stringed(one) for key, one in value.items()}
    return [stringed(one) for one in value] if isinstance(value, list) else value
