"""Parquet: every event once, times to the nanosecond, names and texts of attackers; a folder whole or not at all."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from testkit import not_shown

from forensics.errors import FeatureUnavailable, OutputNotEmpty
from forensics.events import parquet
from forensics.events.parquet import EVENTS, MANIFEST, ParquetFolder, folder_name, text_of
from forensics.events.query import query, views_of
from forensics.source.times import NS_MAX, NS_MIN

pa = pytest.importorskip("pyarrow", reason="not shown: needs the extra analysis")
pytest.importorskip("duckdb", reason="not shown: needs the extra analysis")


def row(number: int, **more: Any) -> dict[str, Any]:
    base = {name: "" for name, _ in EVENTS} | {
        "ts": number,
        "ts_raw": str(number),
        "host": "PC1",
        "parser": "windows.evtx",
    }
    return base | {"event_id": f"{number:064x}", "seq": number, "attrs": {"n": number}} | more


def write(out: Path, rows: list[dict[str, Any]]) -> ParquetFolder:
    with ParquetFolder(out) as folder:
        for one in rows:
            folder.event(one)
        folder.view("events", EVENTS)
        folder.finish({"bags": []})
    return folder


def read(out: Path) -> list[dict[str, Any]]:
    from pyarrow import parquet as pq

    found = []
    for name in views_of(out)["events"]:
        table = pq.ParquetFile(out / name).read()
        cast = table.set_column(0, "ts", table["ts"].cast(pa.int64()))
        found += cast.to_pylist()
    return found


TIMES = (
    0, 1, -1, 1_709_287_200_123_456_789, NS_MAX - 1, NS_MAX, NS_MAX + 1, -NS_MAX + 1, -NS_MAX, NS_MIN, NS_MIN - 1,
    -11_644_473_600 * 10**9, None,
)  # fmt: skip


def test_times_to_the_nanosecond_and_none_is_made_up(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", [row(at, ts=ts, ts_raw=f"raw {ts}") for at, ts in enumerate(TIMES)])
    found = {one["seq"]: one for one in read(tmp_path / "p")}
    for at, ts in enumerate(TIMES):
        kept = ts is not None and -NS_MAX < ts < NS_MAX
        assert found[at]["ts"] == (ts if kept else None) and found[at]["ts_raw"] == f"raw {ts}"
    assert folder.untimed == 6
    with query(tmp_path / "p", "SELECT seq, ts FROM events WHERE ts IS NOT NULL ORDER BY ts") as answer:
        rows = list(answer)
    assert [one[0] for one in rows] == [7, 2, 0, 1, 3, 4]
    assert rows[4][1] == "2024-03-01T10:00:00.123456789Z" and rows[5][1].startswith("2262-04-11T23:47:16.854775806")


def test_texts_of_attackers_come_back_as_they_were_or_escaped(tmp_path: Path) -> None:
    texts = [
        "<b>",
        "=1+1",
        "a\0b",
        "\x1b[2J",
        "x\u202ey",
        "'; DROP VIEW events; --",
        "\n\r\t",
        "\U0001f600",
        "\ud800half",
    ]
    write(tmp_path / "p", [row(at, message=text, attrs={"t": text}) for at, text in enumerate(texts)])
    found = {one["seq"]: one for one in read(tmp_path / "p")}
    for at, text in enumerate(texts):
        assert found[at]["message"] == (text if at < 8 else "\\u{D800}half")
        assert json.loads(found[at]["attrs"]) == {"t": text} and found[at]["attrs"].isascii()
    with query(tmp_path / "p", "SELECT message FROM events ORDER BY seq") as answer:
        assert [one for (one,) in answer] == [found[at]["message"] for at in range(len(texts))]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80))
def test_names_fit_every_file_system(text: str) -> None:
    name = folder_name(text)
    assert name.isascii() and 0 < len(name) <= 64 and not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789_.~-")
    assert name[-1] != "." and name[0] not in ".-" and name != "others" and folder_name(text.casefold()) == name
    assert text_of(text) is not None


def test_other_names_are_other_folders() -> None:
    names = [
        "PC1",
        "../../etc",
        "a/b",
        "a\\b",
        "con",
        "nul.txt",
        "x" * 300,
        "x" * 301,
        "a.",
        "a",
        "",
        "others",
        "ä",
        "日本",
    ]
    assert len({folder_name(one) for one in names}) == len(names)


def test_hosts_and_open_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "MAX_HOSTS", 5)
    monkeypatch.setattr(parquet, "MAX_OPEN", 3)
    monkeypatch.setattr(parquet, "MAX_ROWS", 7)
    rows = [row(at, host=f"pc{at % 9}", parser=f"p{at % 2}") for at in range(200)]
    write(tmp_path / "p", rows)
    assert sorted(one["seq"] for one in read(tmp_path / "p")) == list(range(200))
    folders = {path.name for path in (tmp_path / "p" / "events").iterdir()}
    assert folders == {f"host=pc{at}" for at in range(5)} | {"host=others"}
    assert {(one["host"]) for one in read(tmp_path / "p")} == {f"pc{at}" for at in range(9)}


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "p"
    with pytest.raises(RuntimeError), ParquetFolder(out) as folder:
        folder.event(row(1))
        raise RuntimeError("in the middle")
    assert not list(tmp_path.iterdir())
    out.mkdir()
    write(out, [row(1)])
    assert (out / MANIFEST).is_file() and [path.name for path in tmp_path.iterdir()] == ["p"]
    with pytest.raises(OutputNotEmpty):
        ParquetFolder(out)


def test_no_events_are_an_empty_view_and_no_error(tmp_path: Path) -> None:
    write(tmp_path / "p", [])
    with query(tmp_path / "p", "SELECT count(*) FROM events") as answer:
        assert list(answer) == [[0]]


def test_without_the_extra_it_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FeatureUnavailable) as error:
        ParquetFolder(tmp_path / "p")
    assert error.value.exit == 69 and "sealbag[analysis]" in str(error.value.hint)


_ENDLESS = """
import itertools, sys
from pathlib import Path
from forensics.events.parquet import ParquetFolder
with ParquetFolder(Path(sys.argv[1])) as folder:
    for number in itertools.count():
        folder.event({"host": f"h{number % 3}", "parser": "p", "ts": number, "attrs": {"a": "x" * 100}})
        if number == 30000:
            print("writing", flush=True)
"""


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    if os.name == "nt":
        not_shown("needs POSIX signals")
    with subprocess.Popen([sys.executable, "-c", _ENDLESS, str(tmp_path / "p")], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as child:  # fmt: skip
        assert child.stdout is not None and child.stdout.readline() == b"writing\n"
        time.sleep(0.2)
        assert any(tmp_path.iterdir())
        child.send_signal(signal.SIGINT)
        assert child.wait(30) != 0
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "MAX_WAITING", 100_000)
    most = 0
    with ParquetFolder(tmp_path / "p") as folder:
        for number in itertools.islice(itertools.count(), 5_000):
            folder.event(row(number, host=f"pc{number % 20}", message="m" * 200))
            most = max(most, sum(len(file.rows) for file in folder._open.values()))
        folder.finish({})
    assert most < 500 and len(read(tmp_path / "p")) == 5_000
