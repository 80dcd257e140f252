"""RFC 3339 with nine digits: exact, reversible, refusing what is anything else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.source.times import NS_MAX, NS_MIN, filetime_ns, parse_rfc3339, rfc3339


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_600_000_000_123_456_789, "2020-09-13T12:26:40.123456789Z"),
        (NS_MIN, "1677-09-21T00:12:43.145224192Z"),
        (NS_MAX, "2262-04-11T23:47:16.854775807Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
    ],
)
def test_known_times(ns: int, text: str) -> None:
    assert rfc3339(ns) == text
    assert parse_rfc3339(text) == ns


@pytest.mark.parametrize("ns", [None, NS_MIN - 1, NS_MAX + 1, 1 << 80])
def test_no_text_where_a_ledger_cannot_carry_it(ns: int | None) -> None:
    assert rfc3339(ns) is None


@given(st.integers(NS_MIN, NS_MAX))
def test_round_trip_and_agreement_with_datetime(ns: int) -> None:
    text = rfc3339(ns)
    assert text is not None
    assert parse_rfc3339(text) == ns
    second = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    assert (second - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() == ns // 1_000_000_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.000000000",
        "1970-01-01 00:00:00.000000000Z",
        "1970-01-01T00:00:00.000000000+00:00",
        "1970-02-30T00:00:00.000000000Z",
        "1970-01-01T24:00:00.000000000Z",
        "2016-12-31T23:59:60.000000000Z",
        "2262-04-11T23:47:16.854775808Z",
        "١970-01-01T00:00:00.000000000Z",
        "1970-01-01T00:00:00.000000000Z\n",
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_rfc3339(text)


def test_filetime() -> None:
    assert filetime_ns(116_444_736_000_000_000) == 0
    assert rfc3339(filetime_ns(132_244_416_001_234_567)) == "2020-01-25T16:00:00.123456700Z"
    assert rfc3339(filetime_ns(0)) is None  # 1601
