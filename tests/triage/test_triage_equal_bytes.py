"""The same bytes in several places: every place is named, and a finding about one of them names that one."""

from __future__ import annotations

from pathlib import Path

from triage_kit import Report, artefacts, findings
from triage_planted import CRON, WEB_SHELL, write

from forensics import open_source, triage


def test_every_place_of_equal_bytes_is_named(tmp_path: Path) -> None:
    shells = {"var/www/html/a.php", "var/www/html/img/b.php"}
    crons = {"etc/cron.d/one", "etc/cron.d/two"}
    for name in shells:
        write(tmp_path / "tree", name, WEB_SHELL)
    for name in crons:
        write(tmp_path / "tree", name, CRON)
    with open_source(tmp_path / "tree") as source:
        done = triage(source, tmp_path / "out")
    lines = artefacts(done.bag.path)
    rows = findings(done.work.path)
    for row in rows:
        for ref in row["refs"]:
            for place in (ref, *ref.get("also_at", ())):
                line = lines[place["path"].removeprefix("/")]
                assert (line["seq"], line["sha256"]) == (place["seq"], ref["content"])
    # bytes that match are said with every place they lie in
    (shell,) = [row for row in rows if row["rule"] == "sealbag_webshell_php_request_runs"]
    (ref,) = shell["refs"]
    assert {ref["path"], *(place["path"] for place in ref["also_at"])} == {f"/{name}" for name in shells}
    # an answer about one file leads to that file, not to the first that has its bytes
    named = [row for row in rows if (row["by"], row["rule"]) == ("answers.persistence", "cron")]
    for row in named:
        assert {ref["path"] for ref in row["refs"]} == {row["attrs"]["path"]}
        assert {place["path"] for ref in row["refs"] for place in (ref, *ref["also_at"])} == {f"/{n}" for n in crons}
    assert named
    assert "b.php" in Report(done.report.path).text + str(Report(done.report.path).column("findings", "rest"))
