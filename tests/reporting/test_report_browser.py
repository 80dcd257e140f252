"""The report in a browser, from file://: no complaint, no request, and what a reader does with it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from devtools import Browser
from report_hostile import HOSTILE, hostile_data
from report_rows import report_data, verdict

from forensics.reporting.build import write_report
from forensics.reporting.clean import clean
from forensics.reporting.data import ReportData, covered_from
from forensics.verifier import verify

if TYPE_CHECKING:
    from forensics import Bag

pytestmark = [pytest.mark.needs("posix", "chromium"), pytest.mark.timeout(120)]
EVENTS = 100_000


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("chromium")) as found:
        found.size(1280, 900)
        yield found


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("large") / "report.html"
    write_report(report_data(EVENTS, 10_000), out)
    return out


@pytest.fixture
def opened(browser: Browser, large: Path) -> Browser:
    browser.events.clear()
    browser.open(large)
    return browser


def place(table: str) -> str:
    return f"document.querySelector('.table[data-table={table}]')"


def shown(browser: Browser, table: str) -> int:
    return int(browser.run(f"{place(table)}.dataset.shown"))


def fill(browser: Browser, table: str, label: str, text: str) -> None:
    """Type into a filter; its rows are there when this returns."""
    node = f"{place(table)}.querySelector('input[aria-label=\"Filter {label}\"]')"
    browser.run(f"(() => {{ const i = {node}; i.value = {json.dumps(text)}; i.dispatchEvent(new Event('input')); }})()")
    browser.run("new Promise(done => setTimeout(done, 150))")


def first_row(browser: Browser, table: str) -> list[str]:
    cells = f"[...{place(table)}.querySelector('tbody tr').cells].map(cell => cell.textContent)"
    return list(browser.run(cells))


def test_a_hundred_thousand_rows(opened: Browser, large: Path) -> None:
    browser = opened
    assert shown(browser, "events") == EVENTS and shown(browser, "artefacts") == 10_000
    assert browser.run(f"{place('events')}.querySelectorAll('tbody tr').length") < 60
    rows = list(report_data(EVENTS, 1).events or ())
    fill(browser, "events", "message", "failed DEPLOY !10.0.1")
    wanted = [r for r in rows if "Failed" in r["message"] and "deploy" in r["message"] and "10.0.1" not in r["message"]]
    assert shown(browser, "events") == len(wanted) > 100
    fill(browser, "events", "user", "=deploy")
    assert shown(browser, "events") == sum(row["user"] == "deploy" for row in wanted)
    fill(browser, "events", "time", "2024-11-22 02..2024-11-22 03:30")
    begin, end = 1_732_240_800 * 10**9, (1_732_246_200 + 60) * 10**9  # 02:00:00 to the end of 03:30
    night = [row for row in wanted if row["user"] == "deploy" and begin <= row["ts"] < end]
    assert shown(browser, "events") == len(night) > 10
    assert browser.complaints() == []
    assert set(browser.requests()) == {large.as_uri()}


def test_sorting_and_the_time_zone(opened: Browser) -> None:
    browser = opened
    rows = list(report_data(1, 10_000).artefacts or ())
    browser.run(f"[...{place('artefacts')}.querySelectorAll('th button')].find(b => b.textContent == 'size').click()")
    smallest = min(rows, key=lambda row: (row["size"], row["seq"]))
    assert first_row(browser, "artefacts")[0] == smallest["path"]
    assert first_row(browser, "events")[0] == "2024-11-20 00:00:00.000"
    zone = "(() => { const s = document.getElementById('zone'); const o = document.createElement('option');"
    browser.run(f"{zone} o.value = 'America/St_Johns'; s.append(o); s.value = o.value; s.onchange(); }})()")
    assert first_row(browser, "events")[0] == "2024-11-19 20:30:00.000"
    fill(browser, "events", "time", "2024-11-19")
    hours = sum(row["ts"] // 10**9 - 1_732_060_800 < 3.5 * 3600 for row in report_data(EVENTS, 1).events or ())
    assert shown(browser, "events") == hours


def test_keys(opened: Browser) -> None:
    browser = opened
    browser.run("document.getElementById('events').scrollIntoView()")
    browser.key("/")
    assert browser.run("document.activeElement.ariaLabel") == "Filter events"
    browser.run("document.activeElement.blur()")
    for key in ("j", "j", "j", "k", "Enter"):
        browser.key(key)
    assert browser.until("document.querySelector('#record .title').textContent").startswith("events, row 2 of 100,000")
    browser.key("Escape")
    assert browser.run("document.getElementById('record').hidden") is True
    browser.key("?")
    assert browser.run("document.getElementById('help').open") is True


def test_a_tree_keeps_the_parents_of_what_is_filtered(opened: Browser) -> None:
    fill(opened, "processes", "command line", "pool.example")
    names = (
        f"[...{place('processes')}.querySelectorAll('tbody tr')].map(row => [row.cells[0].textContent, row.className])"
    )
    assert opened.run(names) == [
        ["systemd", "parent"], ["php-fpm8.2", "parent"], ["php-fpm8.2", "parent"], ["sh", ""], ["[kworker/u8:2]", ""],
    ]  # fmt: skip
    assert shown(opened, "processes") == 2


def test_hostile_names_do_nothing(browser: Browser, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    write_report(hostile_data(), out)
    browser.events.clear()
    browser.open(out)
    texts = browser.run(f"[...{place('artefacts')}.querySelectorAll('tbody td.c-path')].map(cell => cell.textContent)")
    assert texts == [clean(text) for text in HOSTILE]
    browser.run(f"{place('artefacts')}.querySelector('tbody tr').click()")
    browser.until("!document.getElementById('record').hidden")
    assert browser.run("[typeof pwned, document.images.length]") == ["undefined", 0]
    assert browser.complaints() == [] and set(browser.requests()) == {out.as_uri()}


def test_a_saved_table_holds_no_formula(browser: Browser, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    write_report(hostile_data(), out)
    browser.open(out)
    browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    browser.run(
        f"[...{place('artefacts')}.querySelectorAll('button')].find(b => b.textContent == 'Save as CSV').click()"
    )
    saved = tmp_path / "artefacts.csv"
    for _ in range(100):
        if saved.exists() and saved.stat().st_size:
            break
        browser.run("new Promise(done => setTimeout(done, 50))")
    with saved.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 1 + len(HOSTILE)
    assert f"'{HOSTILE[3]}" in rows[4]
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]


def test_the_last_row_of_a_table_taller_than_a_browser_allows(browser: Browser, tmp_path: Path) -> None:
    out, count = tmp_path / "report.html", 600_000
    data = ReportData(verdict(), sockets=({"pid": number} for number in range(count)))
    write_report(data, out)
    browser.open(out)
    box = f"{place('sockets')}.querySelector('.box')"
    assert browser.run(f"{box}.scrollHeight") < 17_800_000
    browser.run(f"{box}.scrollTop = {box}.scrollHeight")
    last = f"(() => {{ const rows = {place('sockets')}.querySelectorAll('tbody tr'), row = rows[rows.length - 1]; "
    last += (
        f"return [row.textContent, row.getBoundingClientRect().bottom <= {box}.getBoundingClientRect().bottom]; }})()"
    )
    assert browser.until(f"{last}[0] == '{count - 1}'")
    assert browser.run(last) == [str(count - 1), True]


def test_what_proves_a_row_runs_and_agrees(browser: Browser, sealed: Bag, tmp_path: Path) -> None:
    """On a real bag: every command of an opened row is run, and says what the row says."""
    from forensics.acquisition.coverage import read_coverage
    from forensics.catalogue.table import rows

    out = sealed.path.parent / "report.html"
    found = verify(str(sealed.path), signer=sealed.signer)
    artefacts = [row for row in rows(sealed.path) if row["sha256"]]
    data = ReportData(found, "bag", covered=covered_from(read_coverage(sealed.path)), artefacts=artefacts)
    write_report(data, out)
    browser.open(out)
    index = next(number for number, row in enumerate(artefacts) if row["path"].endswith("auth.log"))
    browser.run(f"{place('artefacts')}.querySelectorAll('tbody tr')[{index}].click()")
    browser.until("!document.getElementById('record').hidden")
    commands = browser.run("[...document.querySelectorAll('#record .command code')].map(code => code.textContent)")
    assert len(commands) == 5
    folder = sealed.path.parent
    (folder / "verify.py").write_bytes((sealed.path / "verify.py").read_bytes())
    outputs = [shell(command, folder) for command in commands]
    row = artefacts[index]
    assert outputs[0].startswith(row["sha256"])
    assert row["path"] in outputs[1]
    assert json.loads(outputs[2])["sha256"] == row["sha256"]
    citation = json.loads((folder / f"line-{row['seq']}.json").read_bytes())
    assert row["path"] in outputs[3] and json.loads(citation["lines"][-1])["sha256"] == row["sha256"]
    assert outputs[4].splitlines()[-1] == "verdict: VALID"


def test_the_command_for_an_event_gives_its_identity(browser: Browser, tmp_path: Path) -> None:
    from forensics.model.event import Event

    event = Event("ab" * 32, "linux.syslog", "1", "o412", 1, message="it's a test")
    out = tmp_path / "report.html"
    row: dict[str, Any] = {
        "content": event.content,
        "parser": event.parser,
        "locator": event.locator,
        "ts": 1,
        "seq": 3,
    }
    write_report(report_data(bag="it's; rm -rf $HOME", events=[row | {"event_id": event.event_id}]), out)
    browser.open(out)
    browser.run(f"{place('events')}.querySelector('tbody tr').click()")
    browser.until("!document.getElementById('record').hidden")
    commands = browser.run("[...document.querySelectorAll('#record .command code')].map(code => code.textContent)")
    printf = next(command for command in commands if command.startswith("printf"))
    assert shell(printf, tmp_path).split()[0] == event.event_id
    words = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {commands[0]}"], capture_output=True, text=True, check=True
    ).stdout
    assert words.splitlines()[-1] == f"it's; rm -rf $HOME/data/objects/ab/{event.content}"


def shell(command: str, folder: Path) -> str:
    import sys

    bin_folder = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_printed_page_has_heads_and_whole_digests(opened: Browser, needs: Any, tmp_path: Path) -> None:
    needs("pdftotext")
    opened.pdf(tmp_path / "report.pdf")
    done = subprocess.run(["pdftotext", str(tmp_path / "report.pdf"), "-"], capture_output=True, text=True, check=True)
    text = done.stdout
    digest = next(row["sha256"] for row in report_data(1, 10).artefacts or ())
    assert "VALID" in text and "Printed: the first 100 of 100,000 events" in text
    assert digest in "".join(text.split())
    assert text.count("SHA-256\n") > 3, "the head stands on every page of the table"
