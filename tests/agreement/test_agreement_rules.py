"""When two spellings are one value, and when they are not: each rule, and that no rule is too generous."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.parsers.evtx.agreement.fields import NoFields, differences, from_json, from_xml, unescaped
from collectors.parsers.evtx.agreement.rules import loose, rule

GUID = "5770385F-C22A-43E0-BF4C-06F5698FFBD9"
SAME = {
    "empty": (("", None), (None, "")),
    "guid-form": ((GUID, "{" + GUID.lower() + "}"),),
    "hex-digits": (("0x3e7", "0x00000000000003E7"),),
    "time-digits": (("2016-07-08T18:12:51.681640Z", "2016-07-08T18:12:51.681640800Z"),),
    "boolean": (("8", "true"), ("true", "True"), ("0", "false")),
    "line-ends": (("a\r\n\tb", "a\n\tb"), ("a\rb", "a\nb")),
    "controls": (("a\x9db", "ab"), ("\x03", "")),
    "blanks": (("\n", ""), (" a", "a")),
}
OTHER = (
    ("0x3e7", "0x3e8"), ("0x858", "0x00000000"), (GUID, GUID[:-1] + "8"), ("true", "false"), ("true", "0"), ("1", "2"),
    ("2016-07-08T18:12:51.681640Z", "2016-07-08T18:12:51.681641Z"), ("a", "A"), ("a b", "a  b"), ("", "-"), (None, "x"),
    ("01", "1"), ("S-1-5-18", "S-1-5-19"), ("0x3e7", "999"),
)  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_each_rule(name: str) -> None:
    for one, other in SAME[name]:
        assert rule("EventData/A", one, other) == rule("EventData/A", other, one) == name
    assert rule("Event@xmlns", "a", "b") == "namespace"


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_what_no_rule_makes_one(one: str | None, other: str | None) -> None:
    assert rule("EventData/A", one, other) == rule("EventData/A", other, one) == ""


def test_the_arbiters_spellings() -> None:
    assert loose("0x858", "2136") == "number-form" and not loose("0x858", "2137")
    assert loose("34000000", "NAAAAA==") == "base64" and not loose("34000001", "NAAAAA==")
    assert loose("2018-07-23T13:26:46.460074Z", "2018-07-23 13:26:46.460073+00:00") == "float-time"
    assert not loose("2018-07-23T13:26:46.460074Z", "2018-07-23 13:26:46.460070+00:00")
    assert loose("a\x1f1328", "<string>a</string>\n<string>1328</string>\n") == "string-tags"
    assert not loose("\x1f757089", "<string>757089</string>\n<string>089</string>\n")
    assert not loose(None, "x") and not loose("9999-99-99T99:99:99Z", "9999-99-99 99:99:99")


VALUE = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn"), exclude_characters="_@/#"),
    min_size=1,
    max_size=9,
)
NAME = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,7}", fullmatch=True).filter(lambda name: name != "Data")


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


@given(st.dictionaries(NAME, VALUE, max_size=6), st.lists(VALUE, max_size=3))
def test_xml_and_json_of_one_record_have_the_same_fields(named: dict[str, str], unnamed: list[str]) -> None:
    data: dict[str, object] = dict(named)
    if unnamed:
        data["Data"] = {"#text": list(unnamed)}
    record = {
        "Event": {"System": {"Provider": {"#attributes": {"Name": "P"}}, "EventID": 7}, "EventData": data or None}
    }
    rows = "".join(f'<Data Name="{name}">{escaped(value)}</Data>' for name, value in named.items())
    rows += "".join(f"<Data>{escaped(value)}</Data>" for value in unnamed)
    text = f'<Event><System><Provider Name="P"/><EventID>7</EventID></System><EventData>{rows}</EventData></Event>'
    ours, theirs = from_json(record), from_xml(text)
    assert not differences(ours, theirs, Counter())
    if named:
        name = sorted(named)[0]
        ours[f"EventData/{name}"] += "q"
        assert [one for one, *_ in differences(ours, theirs, Counter())] == [f"EventData/{name}"]


def test_text_that_a_parser_wrote_as_markup() -> None:
    """Equal letter by letter it is the same text; one letter off it is not."""
    inner = '<s:A x="1">v</s:A>&amp;'
    text = f'<Event><EventData><Data Name="V">{inner}</Data></EventData></Event>'
    for value, same in ((inner, {"EventData/V"}), (inner.replace("v", "w"), set[str]())):
        found = differences(from_json({"Event": {"EventData": {"V": value}}}), from_xml(text), Counter())
        assert found and unescaped(found, text) == same


def test_bounds() -> None:
    for text in ("<a>" * 200 + "</a>" * 200, "<a>" + "<b/>" * 30_000 + "</a>", "<a", "", "<a>&none;</a>"):
        with pytest.raises(NoFields):
            from_xml(text)
    deep: dict[str, object] = {}
    for _ in range(200):
        deep = {"a": deep}
    with pytest.raises(NoFields):
        from_json({"Event": deep})
    assert from_xml("<a>\x00\x1b[31m\ud800x</a>") == {"": "[31mx"}
    assert from_json({"Event": None}) == from_json({}) == {"": ""}
