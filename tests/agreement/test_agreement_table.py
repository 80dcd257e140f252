"""sealbag events agreement: one line a log, from receipts, with a word that is never better than the truth."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("pyevtx", reason="not shown: needs libevtx-python")
pytest.importorskip("Evtx", reason="not shown: needs python-evtx")

from agreement_made import agreed, plain, sized

from forensics.answers.agreement import CERTIFICATE, LOGS, agreement_rows, agreement_table
from forensics.answers.opening import cases
from forensics.cli.events import command
from forensics.model.event import Receipt

FOLDER = "Windows/System32/winevt/Logs"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace: one log on which parsers agree, one on which they do not, one without records, one that is none."""
    from forensics import collect, open_source
    from forensics.processing.process import Settings, process_workspace
    from forensics.workspace.work import Workspace

    place = tmp_path_factory.mktemp("agreement")
    logs = place / "host" / FOLDER
    logs.mkdir(parents=True)
    (logs / "Security.evtx").write_bytes(agreed([plain(1), plain(2)], [plain(3)]))
    (logs / "System.evtx").write_bytes(agreed([plain(1), sized(2, 99)]))
    (logs / "Setup.evtx").write_bytes(agreed([plain(1)])[:4096])
    with open_source(place / "host") as source:
        bag = collect(source, place / "bag", profile="triage")
    settings = Settings(scan=False, workers=1, parsers=(LOGS, CERTIFICATE))
    process_workspace(Workspace.open(place / "work", [Path(bag.path)]), settings)
    return place / "work"


def rows(work: Path) -> dict[str, dict[str, Any]]:
    result = CliRunner().invoke(command, ["agreement", str(work), "--json"])
    assert result.exit_code == 0, result.output
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(row["schema"] == "sealbag/agreement/1" for row in found)
    return {row["path"].rpartition("/")[2]: row for row in found}


def test_one_line_a_log(work: Path) -> None:
    found = rows(work)
    assert {name: row["verdict"] for name, row in found.items()} == {
        "Security.evtx": "agree", "System.evtx": "agree-but-1", "Setup.evtx": "no records",
    }  # fmt: skip
    assert (found["System.evtx"]["for_us"], found["Security.evtx"]["compared"]) == (1, 3)
    assert all(found["System.evtx"][f"version_{name}"] for name in ("evtx", "libevtx", "python_evtx"))
    text = CliRunner().invoke(command, ["agreement", str(work)]).output
    assert "verdict" in text and "agree-but-1" in text and "no records" in text


def test_the_disagreement_is_an_event_of_the_case(work: Path) -> None:
    (case,) = cases(work)
    (one,) = case.events(("parser-disagreement",))
    assert one.attrs["record"] == 2 and one.locator.startswith("o") and one.parser == CERTIFICATE


class _Case:
    """What the table asks of a case."""

    host = "PC"

    def __init__(self, *receipts: Receipt) -> None:
        self._receipts = receipts

    def receipts(self) -> Any:
        return iter(self._receipts)

    def place(self, content: str) -> None:
        return None

    def parsers(self) -> dict[str, int]:
        return {one.plugin: 1 for one in self._receipts}


SIX = {"told_records-walker": 6, "told_compared": 6}
LOG = Receipt("k", LOGS, "2", "c", "ok", {"told_records-walked": 10})
DONE = Receipt(
    "k", CERTIFICATE, "1", "c", "empty",
    {"told_records-walker": 10, "told_compared": 10, "told_agree": 10, "told_version-evtx": "0.14.0"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("receipts", "verdict", "why"),
    [
        ((LOG,), "not checked", "extra"),
        ((LOG, DONE), "agree", ""),
        ((LOG, replace(DONE, counts=dict(DONE.counts) | {"told_disagree": 2, "told_only-evtx": 1})), "agree-but-3", ""),
        ((LOG, replace(DONE, counts={}, status="quarantined", code="child-died")), "not checked", "child-died"),
        ((LOG, replace(DONE, counts={}, status="failed", code="x")), "not checked", "x"),
        ((LOG, replace(DONE, counts=SIX, status="partial")), "agree-but-4", "4"),
        ((LOG, replace(DONE, counts={"told_records-walker": 10})), "not checked", "no record"),
        ((replace(LOG, counts={}), replace(DONE, counts={})), "no records", "no live record"),
        ((LOG, replace(DONE, counts={"told_compared": "10", "told_records-walker": -3})), "not checked", ""),
        ((DONE, replace(DONE, key="l", counts={}, status="failed"), LOG), "agree", ""),
    ],
)  # fmt: skip
def test_the_word_for_each_end(receipts: tuple[Receipt, ...], verdict: str, why: str) -> None:
    (row,) = agreement_rows(_Case(*receipts))  # type: ignore[arg-type]
    assert row["verdict"] == verdict and why in row["why"]


def test_nothing_parsed_is_said(work: Path) -> None:
    assert agreement_table(_Case()).missing  # type: ignore[arg-type]
    (case,) = cases(work)
    assert not agreement_table(case).missing
