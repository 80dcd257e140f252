"""The catalogue of messages: placeholders are fields that exist, and no sentence claims more than its event."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import evtx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.parsers.evtx.columns import columns
from collectors.parsers.evtx.messages import Known, catalogue, files, load
from forensics.errors import RuleInvalid
from forensics.source.rules_folder import rules_folder

ROOT = Path(__file__).resolve().parents[2]
FIELD = re.compile(r"\{([^{}]+)\}")
DOCUMENTED = Path(__file__).parent / "message_fields.txt"
#: words of a verdict that a log record does not hold
CLAIMS = re.compile(
    r"\b(attacker|intruder|malicious|hacker|stolen|compromised?|exfiltrat\w+|suspicious|brute|certainly|proves?|obviously)\b",
    re.I,
)
#: the log's own word for it
ALLOWED = {("microsoft-windows-windows defender", "1015")}
MAX_SENTENCE = 160


def named(known: Known) -> set[str]:
    """Every field that a row names."""
    lists = [part for name in (*known.user, *known.src, *known.process) for part in name.split("+")]
    return {name for name in (*FIELD.findall(known.say), *lists) if name not in ("user", "src", "none")}


@cache
def documented() -> dict[str, set[str]]:
    """Fields by provider, as public documentation and Sigma's rules have them."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in DOCUMENTED.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            provider, _, fields = line.partition(": ")
            found[provider.lower()] |= set(fields.split(", "))
    return found


def test_every_placeholder_is_a_documented_field() -> None:
    wrong = {
        key: sorted(missing)
        for key, known in catalogue().known.items()
        if (
            missing := {n for n in named(known) if not re.fullmatch(r"[pP]aram[0-9]+", n)}
            - documented().get(key[0], set())
        )
    }
    assert not wrong


def test_no_documented_field_is_left_over() -> None:
    used: dict[str, set[str]] = defaultdict(set)
    for (provider, _), known in catalogue().known.items():
        used[provider] |= named(known)
    assert not {provider: left for provider, fields in documented().items() if (left := fields - used[provider])}


def test_how_many_and_how_written() -> None:
    known = catalogue().known
    assert len(known) >= 300 and len({provider for provider, _ in known}) >= 60
    for key, row in known.items():
        assert key[1].isdigit() and str(int(key[1])) == key[1], key
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", row.action) and 0 < len(row.say) <= MAX_SENTENCE, key
        assert not row.say.endswith(".") and row.say == " ".join(row.say.split()), key
        assert key in ALLOWED or not CLAIMS.search(FIELD.sub("", row.say)), key
        if not FIELD.search(row.say):
            assert len(row.say.split()) >= 3, key
    for needed in ("security-auditing", "sysmon", "eventlog", "taskscheduler", "windows defender", "bits-client"):
        assert any(needed in provider for provider, _ in known), needed
    assert {str(number) for number in range(1, 30)} <= {i for p, i in known if p == "microsoft-windows-sysmon"}


def test_two_events_of_a_provider_do_not_read_alike() -> None:
    """A sentence tells its event from its neighbours, but for ids that the log itself means alike."""
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (provider, identifier), row in catalogue().known.items():
        alike[provider, row.say].append(identifier)
    twins = {(key[0], *ids) for key, ids in alike.items() if len(ids) > 1}
    assert len(twins) <= 20, twins
    for provider, *ids in twins:
        assert len({catalogue().known[provider, one].action for one in ids}) == 1, (provider, ids)


def records(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "evtx").rglob("*.evtx")) + sorted((folder / "sigma/regression_data").rglob("*.evtx")):
        try:
            for one in evtx.PyEvtxParser(str(path)).records_json():
                assert one is not None
                yield json.loads(one["data"])
        except RuntimeError:
            continue


def test_real_events_of_each_provider_say_something(shared_data: Path) -> None:
    """A sample per event: the fields of a sentence are fields of that very event, and values stand in it."""
    seen: Counter[tuple[str, str]] = Counter()
    filled: set[tuple[str, str]] = set()
    have: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in records(shared_data):
        system = record["Event"]["System"]
        provider = ((system.get("Provider") or {}).get("#attributes") or {}).get("Name") or ""
        number = system.get("EventID")
        key = (provider.lower(), str(number.get("#text") if isinstance(number, dict) else number))
        known = catalogue().known.get(key)
        if known is None or seen[key] >= 20:
            continue
        seen[key] += 1
        message = columns(record).message
        asked = FIELD.findall(known.say)
        have[key] |= set(re.findall(r'"([^"]+)":', json.dumps(record["Event"]))) - {"Event", "System"}
        empty = Counter(asked).total() and FIELD.sub("-", known.say).strip() == message
        assert len(message) > 3 and "{" not in FIELD.sub("", known.say), key
        if not empty:
            filled.add(key)
    assert len(seen) >= 170 and len({provider for provider, _ in seen}) >= 30
    assert {key for key in seen if FIELD.search(catalogue().known[key].say)} - filled == set()
    # named fields, not param1...: each is in the event's own data
    wrong = {}
    for key, fields in have.items():
        names = {n for n in FIELD.findall(catalogue().known[key].say) if not n.startswith("param")}
        if missing := names - fields - {"user", "src"}:
            wrong[key] = sorted(missing)
    assert wrong.keys() <= OTHER_VERSION, wrong


#: events whose version in the real data lacks a field that another version has
OTHER_VERSION: set[tuple[str, str]] = set()


@given(st.text(max_size=60), st.sampled_from(["4624", "4688", "7045", "1102"]))
def test_hostile_values_stay_in_their_place(value: str, identifier: str) -> None:
    provider = "Microsoft-Windows-Security-Auditing" if identifier != "7045" else "Service Control Manager"
    system = {"Provider": {"#attributes": {"Name": provider}}, "EventID": identifier}
    names = dict.fromkeys(named(catalogue().known.get((provider.lower(), identifier), Known())), value)
    message = columns({"Event": {"System": system, "EventData": names}}).message
    assert len(message) <= 1000 and not re.search(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", message)


def test_the_loader_refuses_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    for text, why in (
        ("[provider.A]\n1 = { say = 'x', colour = 'red' }", "a row has"), ("[provider.A\n", "not TOML"),
        ("[provider.A]\n1 = { action = 'a', say = 'x', user = 'B' }", "a row has"),
        ("[provider.A]\n1 = 'x'", "a row has"),
    ):  # fmt: skip
        path.write_text(text)
        with pytest.raises(RuleInvalid, match=why):
            load([path])
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RuleInvalid, match="not TOML"):
        load([path])
    path.write_text("[provider.A]\n1 = { action = 'a', say = 'x' }\n" + "#" * (1 << 20))
    with pytest.raises(RuleInvalid, match="larger than"):
        load([path])
    path.write_text("[provider.A]\n1 = { action = 'a', say = 'x' }")
    again = tmp_path / "b.toml"
    again.write_text("[provider.a]\n1 = { action = 'a', say = 'y' }")
    with pytest.raises(RuleInvalid, match="stands twice"):
        load([path, again])
    assert load([path]).known == {("a", "1"): Known("a", "x")}


def test_the_files_ship(tmp_path: Path) -> None:
    assert files() == sorted((rules_folder() / "messages").glob("*.toml"))
    assert {path.name for path in files()} == {path.name for path in (ROOT / "rules" / "messages").glob("*.toml")}
    assert '"forensics.rules" = ["**/*.yar", "**/*.yml", "**/*.toml"' in (ROOT / "pyproject.toml").read_text()
