"""What an event is to a rule: the shapes that real records have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sigma_made import one_rule, record

from forensics.detect.reference import matches
from forensics.detect.view import view_of, view_of_text

SYSTEM = {
    "Provider": {"#attributes": {"Name": "Prov", "Guid": "G"}}, "EventID": 7, "Version": 1, "Level": 4,
    "TimeCreated": {"#attributes": {"SystemTime": "2024-01-01T00:00:00Z"}}, "Channel": "Chan", "Computer": "HOST",
    "Execution": {"#attributes": {"ProcessID": 4}}, "Security": {"#attributes": {"UserID": "S-1-5-18"}},
}  # fmt: skip


def fields(event: dict[str, Any]) -> dict[str, tuple[str | None, ...]]:
    return dict(view_of({"Event": event}).fields)


def test_system() -> None:
    found = fields({"#attributes": {"xmlns": "x"}, "System": SYSTEM})
    assert found == {
        "Provider_Name": ("Prov",), "Provider_Guid": ("G",), "EventID": ("7",), "Version": ("1",), "Level": ("4",),
        "TimeCreated_SystemTime": ("2024-01-01T00:00:00Z",), "Channel": ("Chan",), "Computer": ("HOST",),
        "Execution_ProcessID": ("4",), "Security_UserID": ("S-1-5-18",),
    }  # fmt: skip


@pytest.mark.parametrize("shape", [4104, "4104", {"#text": 4104}, {"#attributes": {"Qualifiers": 0}, "#text": "4104"}])
def test_three_shapes_of_an_event_id(shape: Any) -> None:
    view = view_of({"Event": {"System": SYSTEM | {"EventID": shape}}})
    assert view.fields["EventID"] == view.system["EventID"] == ("4104",)


def test_a_channel_that_is_null_or_not_there() -> None:
    assert view_of({"Event": {"System": SYSTEM | {"Channel": None}}}).system["Channel"] == (None,)
    without = {name: value for name, value in SYSTEM.items() if name != "Channel"}
    assert "Channel" not in view_of({"Event": {"System": without}}).system


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({"EventData": {"A": "x", "B": 5, "C": True, "D": None, "E": 1.5}},
         {"A": ("x",), "B": ("5",), "C": ("true",), "D": (None,), "E": ("1.5",)}),
        ({"EventData": {"Data": {"#text": ["one", "two", ""]}, "Binary": None}}, {"Data": ("one", "two", ""), "Binary": (None,)}),  # noqa: E501
        ({"EventData": {"Data": "alone"}}, {"Data": ("alone",)}),
        ({"EventData": {"Data": {"#text": []}}}, {}),
        ({"EventData": None}, {}),
        ({"EventData": {"#attributes": {"Name": "N"}, "Threat Name": "T"}}, {"EventData_Name": ("N",), "Threat Name": ("T",)}),  # noqa: E501
        ({"UserData": {"EventXML": {"#attributes": {"xmlns:auto-ns3": "u", "xmlns": "v"}, "Address": "::1", "In": {"Deep": 1}}}},  # noqa: E501
         {"Address": ("::1",), "Deep": ("1",)}),
        ({"UserData": {"X": {"Cert": {"#attributes": {"subjectName": "S"}}, "Url": {"#attributes": {"scheme": "h"}, "#text": "u"}}}},  # noqa: E501
         {"Cert_subjectName": ("S",), "Url_scheme": ("h",), "Url": ("u",)}),
        ({"EventData": {"A": "1"}, "UserData": {"X": {"A": "2"}}, "ProcessingErrorData": {"A": 3}}, {"A": ("1", "2", "3")}),  # noqa: E501
    ],
)  # fmt: skip
def test_data(section: dict[str, Any], expected: dict[str, tuple[str | None, ...]]) -> None:
    assert fields(section) == expected


def test_a_channel_in_the_data_is_for_conditions_and_not_for_the_log_source(tmp_path: Path) -> None:
    """System 104 names the log that was cleared; a rule may ask for it, and no log source is fooled by it."""
    cleared = record({"Channel": "Security"}, channel="Application", event=104)
    rule = one_rule(tmp_path, "sel:\n  EventID: 104\n  Channel: Security")
    assert matches(rule, view_of(cleared))
    fooled = record({"Channel": "Application", "EventID": 104}, channel="Other", event=1)
    assert not matches(rule, view_of(fooled))


def test_keywords_look_at_values_alone(tmp_path: Path) -> None:
    rule = one_rule(tmp_path, "sel: [needle, 'http://schemas']")
    assert matches(rule, view_of(record({"A": "a NEEDLE"})))
    assert matches(rule, view_of(record({"A": "x"}, provider="needle")))
    assert not matches(rule, view_of(record({"needle": "x"}))), "names are no values, namespaces neither"


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "{", '{"Event": null}', '{"Event": []}', "{}", '{"a":' * 5_000 + "1" + "}" * 5_000]
)
def test_what_is_no_event(text: str) -> None:
    with pytest.raises(ValueError):
        view_of_text(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["A", "Data", "#text", "#attributes", "Channel"]), inner, max_size=4),  # noqa: E501
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["System", "EventData", "UserData", "#attributes"]), JSON, max_size=4))
def test_any_shape_gives_texts(event: dict[str, Any]) -> None:
    view = view_of({"Event": event})
    assert view.fields == view_of_text(json.dumps({"Event": event})).fields
    assert all(
        values and all(value is None or isinstance(value, str) for value in values) for values in view.fields.values()
    )
    assert len(view.texts) == sum(map(len, view.fields.values()))
    assert set(view.system) <= {"Channel", "Provider_Name", "EventID"}
