"""Packs: every document ends as a rule, a correlation or a problem with its reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sigma_made import HEAD, compiled, one_rule, record, text_of_rule, view
from testkit import check_needs

from forensics.detect.ast import Rule, atoms
from forensics.detect.compile import Options
from forensics.detect.fault import RuleFault
from forensics.detect.logsources import logs_of
from forensics.detect.reference import matches
from forensics.detect.rules import load_packs, read_placeholders
from forensics.detect.view import view_of
from forensics.detect.yaml_read import documents
from forensics.errors import RuleInvalid

GOOD_ID = "11111111-0000-4000-8000-000000000000"
GOOD = text_of_rule("sel:\n  A: x")
CORRELATION = (
    "title: C\nid: cc\ncorrelation:\n  type: event_count\n  rules: {rules}\n  timespan: 5m\n  condition: {{gte: 3}}\n"
)

CONDITIONS = {
    "a and b": {"ab", "abc"},
    "a or b and c": {"a", "ab", "ac", "abc", "bc"},
    "(a or b) and c": {"ac", "bc", "abc"},
    "not a and b": {"b", "bc"},
    "not (a or b)": {"", "c"},
    "not not a": {"a", "ab", "ac", "abc"},
    "1 of them": {"a", "b", "c", "ab", "ac", "bc", "abc"},
    "all of them": {"abc"},
    "ANY OF a*": {"a", "ab", "ac", "abc"},
    "a AND NOT 1 of b*": {"a", "ac"},
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions(tmp_path: Path, condition: str) -> None:
    rule = one_rule(tmp_path, f"a: {{A: x}}\nb: {{B: x}}\nc: {{C: x}}\n_hidden: {{H: x}}\ncondition: {condition}")
    events = ["", "a", "b", "c", "ab", "ac", "bc", "abc"]
    fired = {names for names in events if matches(rule, view(**{name.upper(): "x" for name in names}))}
    assert fired == CONDITIONS[condition]


def test_several_conditions_are_alternatives(tmp_path: Path) -> None:
    rule = one_rule(tmp_path, "a: {A: x}\nb: {B: x}\ncondition: [a, b]")
    assert matches(rule, view(A="x")) and matches(rule, view(B="x")) and not matches(rule, view(C="x"))


BAD: dict[str, tuple[str, str]] = {
    "regex": ("sel:\n  A|re: 'a('", "bad regular expression 'a('"),
    "regex-length": ("sel:\n  A|re: '" + "a" * 8_193 + "'", "more than 8192 characters"),
    "modifier": ("sel:\n  A|contians: x", "the modifier 'contians' is not known"),
    "time-modifier": ("sel:\n  A|hour: 3", "not supported"),
    "two-places": ("sel:\n  A|contains|endswith: x", "exclude each other"),
    "twice": ("sel:\n  A|contains|contains: x", "stands twice"),
    "flag-alone": ("sel:\n  A|i: x", "need the modifier re"),
    "cidr": ("sel:\n  A|cidr: 10.0.0.0/33", "no network"),
    "number": ("sel:\n  A|gt: many", "no number"),
    "exists": ("sel:\n  A|exists: maybe", "exists is true or false"),
    "fieldref": ("sel:\n  A|fieldref: 3", "no text"),
    "null": ("sel:\n  A|contains: null", "null among the values"),
    "keyword-null": ("sel: [null]", "null among the values"),
    "keyword-all": ("sel: ['*']", "stands in every event"),
    "expand": ("sel:\n  A|expand: '%who%'", "the placeholder %who% has no value"),
    "base64": ("sel:\n  A|base64: 'a*'", "with wildcards"),
    "wide": ("sel:\n  A|wide: '\u00e9'", "needs base64"),
    "windash": ("sel:\n  A|windash: '-a -b -c -d -e -f'", "more than 5 dashes"),
    "nothing": ("sel:\n  A: []", "empty list"),
    "no-map": ("sel: {}", "empty map"),
    "deep-values": ("sel:\n  A: [[x]]", "hold a map or a list"),
    "missing": ("sel:\n  A: x\ncondition: sel and other", "names 'other', which is not there"),
    "itself": ("sel:\n  A: x\ncondition: condition", "names 'condition', which is not there"),
    "no-such": ("sel:\n  A: x\ncondition: 1 of other*", "no search identifier is called"),
    "ends": ("sel:\n  A: x\ncondition: sel and", "ends early"),
    "open": ("sel:\n  A: x\ncondition: (sel", "not closed"),
    "closed": ("sel:\n  A: x\ncondition: sel)", "cannot be read at ')'"),
    "sign": ("sel:\n  A: x\ncondition: sel & sel", "cannot be read at"),
    "aggregation": ("sel:\n  A: x\ncondition: sel | count() > 3", "cannot be read|aggregation"),
    "quantifier": ("sel:\n  A: x\ncondition: 3 of them", "only 1, any and all"),
    "nested": ("sel:\n  A: x\ncondition: " + "(" * 65 + "sel" + ")" * 65, "nested deeper"),
    "nots": ("sel:\n  A: x\ncondition: " + "not " * 99 + "sel", "nested deeper"),
    "long": ("sel:\n  A: x\ncondition: " + "sel or " * 3_000 + "sel", "more than 16384"),
    "repeated": (
        "sel:\n  A: [" + ", ".join(map(str, range(5_000))) + "]\ncondition: " + "sel or " * 9 + "sel",
        "more than 20000",
    ),
    "identifiers": (
        "\n".join(f"s{n}: {{A: x}}" for n in range(501)) + "\ncondition: " + "1 of s* or " * 1_400 + "s1",
        "more than 500",
    ),
    "conditions": ("sel:\n  A: x\ncondition: [" + "sel, " * 17 + "]", "16 conditions"),
    "no-condition": ("sel:\n  A: x\ncondition: []", "no condition"),
    "double-key": ("sel:\n  A: x\n  A: y", "the YAML key 'A' stands twice"),
    "merge": ("base: &b\n  A: x\nsel:\n  <<: *b", "merge keys"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_rule(tmp_path: Path, name: str) -> None:
    detection, reason = BAD[name]
    ruleset = compiled(tmp_path, text_of_rule(detection, title="Bad", ident="bad"), GOOD)
    (problem,) = ruleset.problems
    import re

    assert re.search(reason if "|" in reason else re.escape(reason), problem.reason), problem.reason
    assert (problem.where, len(ruleset.rules)) == ("000.yml", 1), "the other rule runs"
    assert problem.rule == ("" if "YAML" in problem.reason else "Bad")
    assert len(problem.reason) < 300


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 9)]
    return "\n".join(lines)


FILES: dict[str, tuple[bytes, str]] = {
    "bomb": (bomb().encode(), "aliases counted"),
    "circle": (b"a: &a\n  b: *a\n", "stands for nothing that is complete"),
    "deep": (b"[" * 40 + b"]" * 40, "nested deeper than 32"),
    "deeper": (b"[" * 5_000 + b"]" * 5_000, "nest"),
    "dashes": (b"- " * 5_000, "nested deeper than 32"),
    "python": (b"a: !!python/object/apply:os.system [id]", "tag"),
    "tag": (b"a: !x 1", "tag"),
    "binary": (bytes(range(256)) * 4, "no YAML"),
    "utf16": ("title: x".encode("utf-16-be"), "no YAML"),
    "tab": (b"a:\n\t- b", "no YAML"),
    "number": (b"a: " + b"9" * 5_000, "no number"),
    "empty": (b"", "an empty file"),
    "comment": (b"# nothing\n", "an empty file"),
    "scalar": (b"hello", "the document is no map"),
    "list": (b"- a\n- b\n", "the document is no map"),
    "no-title": (b"id: x\nlogsource: {product: windows}\ndetection: {a: {b: c}, condition: a}", "no title"),
    "no-source": (b"title: x\ndetection: {a: {b: c}, condition: a}", "no logsource"),
    "no-detection": (b"title: x\nlogsource: {product: windows}", "no detection"),
    "source-shape": (
        b"title: x\nlogsource: {product: [a]}\ndetection: {a: {b: c}, condition: a}",
        "product is no word",
    ),
    "level": (GOOD.replace("high", "worst").encode(), "the level 'worst' is not known"),
    "global": (b"action: global\ntitle: x\n", "collection of Sigma 1"),
    "filter": (b"title: x\nfilter: {rules: [a]}\n", "Sigma filter"),
    "linux": (GOOD.replace("windows", "linux").encode(), "linux/-/application"),
    "unknown": (GOOD.replace("application", "nonsense").encode(), "windows/-/nonsense"),
    "other": (GOOD.replace("windows", "aws").encode(), "no log of this product"),
}


@pytest.mark.parametrize("name", FILES)
def test_bad_file(tmp_path: Path, name: str) -> None:
    data, reason = FILES[name]
    ruleset = compiled(tmp_path, data, GOOD.replace("11111111", "22222222"))
    assert reason in ruleset.problems[0].reason, ruleset.problems
    assert ruleset.problems[0].where == "000.yml"
    assert [rule.file for rule in ruleset.rules] == ["001.yml"]


def test_what_is_no_file(tmp_path: Path) -> None:
    check_needs("posix")
    root = tmp_path / "pack"
    (root / "folder.yml").mkdir(parents=True)
    (root / "folder.yml" / "inner.yaml").write_text(GOOD)
    (root / "link.yml").symlink_to("folder.yml/inner.yaml")
    os.mkfifo(root / "fifo.yml")
    (root / "note.txt").write_text("no rule")
    ruleset = load_packs([root]).ruleset
    assert [rule.file for rule in ruleset.rules] == ["folder.yml/inner.yaml"]
    assert {(one.where, one.reason) for one in ruleset.problems} == {
        ("fifo.yml", "no regular file"), ("link.yml", "no regular file"),
    }  # fmt: skip
    with pytest.raises(RuleInvalid, match="no such rule pack"):
        load_packs([tmp_path / "absent"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(RuleInvalid, match="no rule file"):
        load_packs([tmp_path / "empty"])


def test_the_second_of_an_id_is_a_problem(tmp_path: Path) -> None:
    ruleset = compiled(tmp_path, GOOD, GOOD.replace("title: T", "title: U"))
    assert len(ruleset.rules) == 1
    assert "is that of another rule, in 000.yml" in ruleset.problems[0].reason


def test_many_documents_of_a_file_and_digests(tmp_path: Path) -> None:
    two = GOOD + "---\n" + GOOD.replace("11111111", "22222222") + "---\n" + GOOD.replace("logsource", "x")
    ruleset = compiled(tmp_path, two)
    assert [(rule.index, rule.id[:8], rule.file) for rule in ruleset.rules] == [
        (0, "11111111", "000.yml"),
        (1, "22222222", "000.yml"),
    ]
    assert [one.reason for one in ruleset.problems] == ["no logsource"]
    again = load_packs([tmp_path / "pack"])
    assert again.ruleset == ruleset and again.packs[0].rules == 2
    assert again.packs[0].sha256 == ruleset.rules[0].pack_sha256
    other = load_packs([tmp_path / "pack"], Options(placeholders={"a": ("b",)}))
    assert other.ruleset.sha256 != ruleset.sha256, "other options are another set"


def test_statuses_all_run_unless_left_out(tmp_path: Path) -> None:
    text = GOOD.replace("status: test", "status: deprecated")
    assert compiled(tmp_path, text).rules[0].status == "deprecated"
    left_out = compiled(tmp_path, text, options=Options(skip_status=frozenset({"deprecated"})))
    assert [one.reason for one in left_out.problems] == ["its status is deprecated, which was to be left out"]


def test_words_are_safe_and_bounded(tmp_path: Path) -> None:
    text = (
        HEAD.format(title='"<b>\\e[31m\\u202e' + "x" * 2_000 + '"', ident="q" * 500)
        + "    sel: {A: x}\n    condition: sel\n"
    )
    (rule,) = compiled(tmp_path, text).rules
    assert rule.title.startswith("<b>\\u{1B}[31m\\u{202E}xxx") and len(rule.title) == 512 and len(rule.id) == 128


def test_process_creation_is_sysmon_and_security(tmp_path: Path) -> None:
    text = GOOD.replace("service: application", "category: process_creation").replace(
        "A: x", "Image|endswith: '\\cmd.exe'\n      IntegrityLevel: High"
    )
    (rule,) = compiled(tmp_path, text).rules
    sysmon = "Microsoft-Windows-Sysmon/Operational"
    image = {"Image": "C:\\cmd.exe", "IntegrityLevel": "High"}
    security = {"NewProcessName": "C:\\cmd.exe", "MandatoryLabel": "S-1-16-12288"}
    assert matches(rule, view_of(record(image, channel=sysmon, event=1)))
    assert matches(rule, view_of(record(security, channel="Security", event="4688")))
    assert not matches(
        rule, view_of(record(security | {"MandatoryLabel": "S-1-16-8192"}, channel="Security", event=4688))
    )
    assert not matches(rule, view_of(record(image, channel="Security", event=4688)))
    assert not matches(rule, view_of(record(security, channel=sysmon, event=1)))
    assert not matches(rule, view_of(record(image, channel=sysmon, event=3)))


def test_a_log_that_lacks_a_field_is_not_asked(tmp_path: Path) -> None:
    """A connection of Security 5156 has no host name: what a rule excludes by it could not be seen there."""
    base = GOOD.replace("service: application", "category: network_connection")
    with_name = base.replace("A: x", "Initiated: 'true'\n      DestinationHostname: x")
    plain = base.replace("A: x", "Initiated: 'true'\n      DestinationPort: 443")
    event = view_of(record({"Direction": "%%14593", "DestPort": "443"}, channel="Security", event=5156))
    (rule,) = compiled(tmp_path, plain).rules
    assert matches(rule, event)
    (tmp_path / "2").mkdir()
    (other,) = compiled(tmp_path / "2", with_name).rules
    assert "Security".lower() not in {str(one.value) for one in atoms(other.gate)}


def test_category_and_service_together(tmp_path: Path) -> None:
    both = logs_of(("windows", "process_creation", "sysmon"))
    rule = one_rule(tmp_path, "sel: {A: x}")
    gated = Rule(**{name: getattr(rule, name) for name in rule.__slots__} | {"gate": both[1].gate})
    assert not matches(gated, view_of(record({"A": "x"}, channel="Security", event=4688)))
    with pytest.raises(RuleFault, match="not known"):
        logs_of(("windows", "process_creation", "nonsense"))


def test_placeholders_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "values.toml"
    path.write_text('dcs = ["DC1", "DC2"]\nport = 3389\n')
    assert read_placeholders(path) == {"dcs": ("DC1", "DC2"), "port": ("3389",)}
    for bad in ("a = [", "a = [[1]]", "a = []", "a = true", "[a]\nb = 1"):
        path.write_text(bad)
        with pytest.raises(RuleInvalid):
            read_placeholders(path)
    with pytest.raises(RuleInvalid, match="cannot be read"):
        read_placeholders(tmp_path / "absent.toml")


CORRELATIONS = {
    "counts 'zz', which is not there": CORRELATION.format(rules="[zz]"),
    "stands in a circle": CORRELATION.format(rules="[cc]"),
    "names a rule twice": CORRELATION.format(rules="[T, T]"),
    "names no rules": CORRELATION.format(rules="[]"),
    "type 'sum' is not known": CORRELATION.format(rules="[a]").replace("event_count", "sum"),
    "the timespan '5 minutes' is none": CORRELATION.format(rules="[a]").replace("5m", "5 minutes"),
    "value_count needs one field": CORRELATION.format(rules="[a]").replace("event_count", "value_count"),
    "has no condition": CORRELATION.format(rules="[a, b]").replace("event_count", "temporal_ordered"),
    "more than 10000": CORRELATION.format(rules="[a]").replace("3}", "10001}"),
    "asks for no number": CORRELATION.format(rules="[a]").replace("{gte: 3}", "{}"),
    "'about': 3 is not known": CORRELATION.format(rules="[a]").replace("gte", "about"),
    "names 'b', which the correlation does not count": CORRELATION.format(rules="[a]") + "  aliases: {u: {b: x}}\n",
    "group-by: more than 16": CORRELATION.format(rules="[a]") + f"  group-by: [{', '.join('abcdefghijklmnopq')}]\n",
}


@pytest.mark.parametrize("reason", CORRELATIONS)
def test_bad_correlation(tmp_path: Path, reason: str) -> None:
    ruleset = compiled(tmp_path, GOOD, CORRELATIONS[reason])
    assert not ruleset.correlations and reason in ruleset.problems[0].reason, ruleset.problems


def test_circles_and_what_stands_on_them(tmp_path: Path) -> None:
    def one(name: str, counts: str) -> str:
        return CORRELATION.format(rules=f"[{counts}]").replace("title: C\nid: cc", f"title: {name}\nid: {name}")

    ruleset = compiled(
        tmp_path, GOOD, one("a", "b"), one("b", "a"), one("c", "a"), one("e", "d"), one("d", GOOD_ID), one("f", "T")
    )
    assert [one.id for one in ruleset.correlations] == ["d", "e"], "in the order in which they can run"
    assert {one.rule for one in ruleset.problems} == {"a", "b", "c", "f"}


@given(st.binary(max_size=200) | st.text(alphabet="&*a:[]{}-, \n!|>'\"#%", max_size=80).map(str.encode))
def test_any_bytes_end_as_documents_or_a_reason(data: bytes) -> None:
    try:
        for _ in documents(data):
            pass
    except RuleFault as fault:
        assert str(fault)


@pytest.mark.filterwarnings("error")
def test_an_odd_expression_prints_nothing(tmp_path: Path) -> None:
    assert matches(one_rule(tmp_path, "sel:\n  A|re: '[[a]x'"), view(A="[x"))
