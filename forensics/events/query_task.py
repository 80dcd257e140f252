"""One SQL query inside a supervised child: DuckDB in memory over listed Parquet files, and nothing else.

Only one SELECT is run. When the views are made, access to anything but these files ends, and the settings are locked.
Source: DuckDB, "Securing DuckDB".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from forensics.tasks.rowfile import RowTooBig, RowWriter
from forensics.worker.items import beat

#: rows between two signs of life
_FETCH = 500
_PLAIN = {
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "VARCHAR",
}  # fmt: skip
_CONFIG: dict[str, Any] = {
    "autoinstall_known_extensions": False, "autoload_known_extensions": False, "allow_community_extensions": False,
    "python_enable_replacements": False, "max_temp_directory_size": "0B",
}  # fmt: skip


class Refused(ValueError):
    """The text is not one SELECT."""


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def connect(folder: Path, views: dict[str, list[str]], memory: str, threads: int) -> Any:
    """A confined connection with a view for each name."""
    import duckdb

    link = duckdb.connect(":memory:", config=_CONFIG | {"memory_limit": memory, "threads": threads})
    files = [str(folder / name) for names in views.values() for name in names]
    for name, names in views.items():
        listed = ", ".join(_quoted(str(folder / one)) for one in names)
        link.execute(f'CREATE VIEW "{name}" AS SELECT * FROM read_parquet([{listed}], hive_partitioning = false)')
    link.execute(f"SET allowed_paths = [{', '.join(map(_quoted, files))}]")
    link.execute("SET enable_external_access = false")
    link.execute("SET lock_configuration = true")
    return link


def _statement(link: Any, sql: str) -> str:
    """The one SELECT that *sql* is.

    :raises Refused: if it is anything else.
    """
    import duckdb

    try:
        found = link.extract_statements(sql)
    except duckdb.Error as error:
        raise Refused(f"no SQL: {str(error)[:1000]}") from None
    if len(found) != 1 or found[0].type != duckdb.StatementType.SELECT:
        kinds = ", ".join(one.type.name for one in found[:4]) or "nothing"
        raise Refused(f"one SELECT is run, not {kinds}: views are read; nothing is written, loaded or set")
    return str(found[0].query).strip().rstrip(";")


def _columns(link: Any, query: str) -> list[tuple[str, str]]:
    return [(str(row[0]), str(row[1])) for row in link.execute(f"DESCRIBE {query}").fetchall()]


def _wrapped(query: str, types: list[str]) -> str:
    names = ", ".join(f"c{at}" for at in range(len(types)))
    cells = ", ".join(f"c{at}" if kind in _PLAIN else f"CAST(c{at} AS VARCHAR)" for at, kind in enumerate(types))
    return f"SELECT {cells} FROM ({query}\n) AS q({names})"


def _value(kind: str, value: Any) -> Any:
    return f"{value.replace(' ', 'T', 1)}Z" if kind == "TIMESTAMP_NS" and isinstance(value, str) else value


def query(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Run ``item["sql"]`` and write its rows.

    :param item: ``folder``, ``views`` {name: [file below it...]}, ``sql``, ``out`` (path of a row file, JSONL zstd:
        each row ``{"r": [values]}``), ``limit`` (rows, 0 = all), ``memory`` (``512MB``), ``threads``.
    :returns: ``columns`` [[name, type]...], ``rows``, ``more`` (there are more than the limit), ``too_big`` (rows that
        were left out because they are larger than any row may be); or ``refused``, why it is not answered.
    """
    import duckdb

    try:
        link = connect(Path(item["folder"]), item["views"], item["memory"], item["threads"])
        statement = _statement(link, item["sql"])
        columns = _columns(link, statement)
        kinds = [kind for _, kind in columns]
        return {"columns": columns} | _rows(link.execute(_wrapped(statement, kinds)), kinds, item)
    except Refused as error:
        return {"refused": str(error)}
    except duckdb.Error as error:
        return {"refused": f"the query failed: {str(error)[:1500]}"}


def _rows(found: Any, kinds: list[str], item: dict[str, Any]) -> dict[str, Any]:
    """Write the rows, up to the limit."""
    too_big, count, limit = 0, 0, item["limit"]
    with RowWriter(item["out"]) as out:
        while rows := found.fetchmany(_FETCH):
            beat()
            for row in rows:
                if limit and count >= limit:
                    return {"rows": count, "more": True, "too_big": too_big}
                count += 1
                try:
                    out.add({"r": [_value(kind, value) for kind, value in zip(kinds, row, strict=True)]})
                except RowTooBig:
                    too_big += 1
    return {"rows": count, "more": False, "too_big": too_big}
