"""SQL over a case: what is asked is answered, and nothing but these files can be reached."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from parsers.evtx_writer import chunk, event, log

from forensics.cli.main import main
from forensics.errors import InputError, NotABag, UsageError
from forensics.events import query as query_room
from forensics.events import query_task
from forensics.events.parquet import MANIFEST
from forensics.events.query import query, views_of

pytest.importorskip("pyarrow", reason="not shown: needs the extra analysis")
pytest.importorskip("duckdb", reason="not shown: needs the extra analysis")
HOSTILE = ("<script>x</script>", "=cmd|'/C calc'!A0", "\x1b[2Jx", "a\u202eb", "[x](javascript:1)", "N\x01L", "plain")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """work: a workspace; pq: its Parquet."""
    from forensics import collect, open_source, process

    folder = tmp_path_factory.mktemp("query")
    logs = folder / "tree/Windows/System32/winevt/Logs"
    logs.mkdir(parents=True)
    made = [
        (number, 133_536_960_000_000_000, event("4624", {"TargetUserName": text}, channel="Security",
         time=f"2024-03-01T10:00:0{number}.000000Z", provider="Microsoft-Windows-Security-Auditing"))
        for number, text in enumerate(HOSTILE, 1)
    ]  # fmt: skip
    (logs / "Security.evtx").write_bytes(log([chunk(made)]))
    with open_source(folder / "tree") as source:
        bag = collect(source, folder / "bag", profile="triage")
    process([bag.path], out=folder / "work")
    assert main(["events", "parquet", str(folder / "work"), "--out", str(folder / "pq"), "--quiet"]) == 0
    return folder


def ask(place: Path, sql: str, **more: Any) -> list[list[Any]]:
    with query(place / "pq", sql, **more) as answer:
        return list(answer)


def exported(place: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> dict[str, dict[str, Any]]:
    capfdbinary.readouterr()
    assert main(["events", "export", str(place / "work"), "--quiet"]) == 0
    rows = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    found = {row["event_id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def test_every_event_of_the_workspace_is_there_once(place: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    wanted = exported(place, capfdbinary)
    rows = ask(place, "SELECT event_id, epoch_ns(ts), host, path, bag, seq, parser, message, attrs FROM events")
    assert len(rows) == len(wanted) >= len(HOSTILE)
    for ident, ts, host, path, bag, seq, parser, message, attrs in rows:
        row = wanted[ident]
        assert (ts, host, path, bag, seq, parser) == tuple(
            row[one] for one in ("ts", "host", "path", "bag", "seq", "parser")
        )
        assert message == row["message"] and json.loads(attrs) == row["attrs"]


def test_views_of_answers_findings_and_artefacts(place: Path) -> None:
    names = set(views_of(place / "pq"))
    assert {"events", "findings", "artefacts", "logons", "sessions", "account_changes", "coverage"} <= names
    ask(place, "SELECT " + ", ".join(f'(SELECT count(*) FROM "{name}")' for name in sorted(names)))
    assert ask(place, "SELECT count(*) FROM logons WHERE \"user\" = 'plain'") == [[1]]
    path = ask(place, "SELECT path, typeof(m) FROM artefacts WHERE path LIKE '%Security.evtx'")[0]
    assert path[1] == "TIMESTAMP_NS"
    ids = ask(place, "SELECT DISTINCT attrs->>'$.Event.System.EventID' FROM events WHERE parser = 'windows.evtx'")
    assert ids == [["4624"]]


REFUSED = (
    "COPY events TO '{out}/x.csv'",
    "COPY (SELECT 1) TO '{out}/x.parquet'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('{work}/work.json')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_parquet('{out}/other.parquet')",
    "SELECT * FROM read_json('{work}/work.json')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "INSTALL httpfs",
    "LOAD httpfs",
    "ATTACH '{out}/x.db' AS x",
    "SELECT * FROM 'https://example.org/x.parquet'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "PRAGMA database_list",
    "EXPORT DATABASE '{out}/x'",
    "CREATE TABLE t AS SELECT 1",
    "DROP VIEW events",
    "INSERT INTO events SELECT * FROM events",
    "UPDATE events SET host = 1",
    "CALL pragma_version()",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY events TO '{out}/x.csv'",
    "",
    ";",
    "no sql at all",
    "SELECT 1) AS q(c0); DROP VIEW events; --",
    "SELECT * FROM item",
    "SELECT * FROM views",
    "PREPARE x AS SELECT 1",
    "CREATE MACRO m() AS 1",
    "DETACH memory",
)


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_no_question_is_refused_and_leaves_nothing(place: Path, tmp_path: Path, sql: str) -> None:
    (tmp_path / "other.parquet").write_bytes(next((place / "pq").rglob("*.parquet")).read_bytes())
    before = {path: path.stat().st_mtime_ns for path in (place / "pq").rglob("*")}
    words = sql.format(out=tmp_path, work=place / "work")
    item = {"folder": str(place / "pq"), "views": views_of(place / "pq"), "sql": words, "limit": 0, "memory": "256MB",
            "threads": 1, "out": str(tmp_path / "rows")}  # fmt: skip
    assert list(query_task.query(item, {})) == ["refused"]  # what runs in the child, in this process
    assert [path.name for path in tmp_path.iterdir()] == ["other.parquet"]
    assert {path: path.stat().st_mtime_ns for path in (place / "pq").rglob("*")} == before


def test_a_refusal_comes_through_the_child(place: Path) -> None:
    with pytest.raises(UsageError, match="one SELECT is run, not COPY"):
        ask(place, "COPY events TO 'x.csv'")
    with pytest.raises(UsageError, match="control characters"):
        ask(place, "SELECT \x00 1")


def test_values_of_every_kind(place: Path) -> None:
    sql = """SELECT 1 AS a, 170141183460469231731687303715884105727 AS a, 1.5::DECIMAL(9,2), 'NaN'::DOUBLE, true, NULL,
             [1, 2], {'k': 'v'}, '\\xAA'::BLOB, TIMESTAMP '2024-01-01 00:00:00', INTERVAL 3 DAY -- ends here"""
    with query(place / "pq", sql) as answer:
        assert [name for name, _ in answer.columns][:2] == ["a", "a_2"]
        (row,) = list(answer)
    assert row[:6] == [1, "170141183460469231731687303715884105727", "1.50", "nan", True, None]
    assert row[6] == "[1, 2]" and "v" in row[7] and row[8] == "\\xAA"


def test_limits_of_rows_memory_and_time(
    place: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with query(place / "pq", "SELECT * FROM range(100)", limit=7) as answer:
        assert len(list(answer)) == 7 and answer.more
    with query(place / "pq", "SELECT repeat('x', 3000000) UNION ALL SELECT 'y'") as answer:
        assert list(answer) == [["y"]] and answer.too_big == 1
    # DuckDB has a bound, and the child that it runs in another: either ends it, nothing of the parent
    with monkeypatch.context() as patch, pytest.raises((UsageError, InputError)):
        patch.setattr(query_room, "MEMORY", "64MB")
        ask(place, "SELECT list(repeat('x', 1000) || range) FROM range(300000)")
    with pytest.raises(InputError, match="ended"):
        ask(place, "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7.5", timeout=1)
    assert main(["events", "query", str(place / "pq"), "SELECT * FROM range(1500)"]) == 0
    said = capfdbinary.readouterr()
    assert len(said.out.splitlines()) == 1001 and b"there are more" in said.err
    # what is left out of a file that a program reads is said to whoever asked for quiet, too
    sql = "SELECT repeat('x', 3000000) UNION ALL SELECT 'y'"
    assert main(["events", "query", str(place / "pq"), sql, "--csv", "--quiet"]) == 0
    assert b"1 rows larger than 2 MiB are left out" in capfdbinary.readouterr().err
    assert main(["events", "query", str(place / "pq"), "SELECT 1", "--csv", "--quiet"]) == 0
    assert not capfdbinary.readouterr().err


def test_a_view_that_is_empty_for_want_of_a_parser_says_so(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["events", "query", str(place / "bag"), "SELECT count(*) FROM sessions", "--json"]) == 0
    assert "sealbag: nothing was parsed: no rows of sessions" in capfd.readouterr().err
    assert main(["events", "query", str(place / "work"), "SELECT count(*) FROM sessions", "--json"]) == 0
    assert "no rows of" not in capfd.readouterr().err


def test_hostile_texts_in_three_forms(place: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    sql = 'SELECT "user" AS "=1+1" FROM events WHERE parser = \'windows.evtx\' ORDER BY ts'
    assert main(["events", "query", str(place / "pq"), sql]) == 0
    text = capfdbinary.readouterr().out.decode()
    assert not set("\x1b\u202e\x01") & set(text) and len(text.splitlines()) == len(HOSTILE) + 1
    assert main(["events", "query", str(place / "pq"), sql, "--csv"]) == 0
    cells = [
        cell for line in csv.reader(io.StringIO(capfdbinary.readouterr().out.decode(), newline="")) for cell in line
    ]
    assert len(cells) == len(HOSTILE) + 1 and not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
    assert main(["events", "query", str(place / "pq"), sql, "--json"]) == 0
    rows = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert all(row["schema"] == "sealbag/events-query/1" for row in rows)
    assert [row["row"]["=1+1"] for row in rows][-1] == "plain"


def test_a_workspace_can_be_asked_too(place: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for where in ("work", "bag"):
        sql = "SELECT count(*) AS n FROM events WHERE action = 'logon'"
        code = main(["events", "query", str(place / where), sql, "--json"])
        out = capfdbinary.readouterr().out
        assert code == 0 and json.loads(out)["row"]["n"] == (len(HOSTILE) if where == "work" else 0)


def test_choices_and_refusals(place: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    out = tmp_path / "some"
    words = ["--out", str(out), "--json", "--from", "2024-03-01T10:00:03Z", "--where", "parser=windows.evtx"]
    assert main(["events", "parquet", str(place / "work"), *words]) == 0
    assert json.loads(capfdbinary.readouterr().out)["rows"]["events"] == 5
    assert main(["events", "parquet", str(place / "work"), "--out", str(out)]) == 73
    assert main(["events", "parquet", str(place / "work"), "--out", str(place / "bag" / "x")]) == 73
    assert main(["events", "parquet", str(tmp_path / "none"), "--out", str(tmp_path / "y")]) == 65
    assert not (tmp_path / "y").exists()
    assert main(["events", "query", str(out), "SELECT 1", "--csv", "--json"]) == 64
    assert main(["events", "query", str(tmp_path), "SELECT 1"]) == 65


@pytest.mark.parametrize(
    "name",
    ["../../etc/part-00000.parquet", "/etc/part-00000.parquet", "events/x.csv", "a/b'/part-00000.parquet",
     "link/part-00000.parquet", "events/none/part-00000.parquet"],
)  # fmt: skip
def test_a_list_of_files_is_hostile(place: Path, tmp_path: Path, name: str) -> None:
    real = next((place / "pq" / "artefacts").glob("*.parquet"))
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "part-00000.parquet").write_bytes(real.read_bytes())
    if hasattr(os, "symlink") and os.name != "nt":
        (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    listed = {"schema": "sealbag/events-parquet/1", "views": {"events": [name]}}
    (tmp_path / MANIFEST).write_text(json.dumps(listed))
    with pytest.raises(InputError):
        views_of(tmp_path)


def test_a_damaged_folder(place: Path, tmp_path: Path) -> None:
    for text in (
        "{",
        "[]",
        '{"schema": "x", "views": {}}',
        '{"schema": "sealbag/events-parquet/1", "views": {"a b": ["x"]}}',
    ):
        (tmp_path / MANIFEST).write_text(text)
        if text.startswith('{"schema": "x"'):
            assert views_of(tmp_path) == {}
            continue
        with pytest.raises(InputError):
            views_of(tmp_path)
    with pytest.raises(NotABag):
        views_of(place)
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "part-00000.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    listed = {"schema": "sealbag/events-parquet/1", "views": {"events": ["events/part-00000.parquet"]}}
    (tmp_path / MANIFEST).write_text(json.dumps(listed))
    with pytest.raises((UsageError, InputError)), query(tmp_path, "SELECT * FROM events") as answer:
        list(answer)
