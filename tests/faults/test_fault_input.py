"""Bad input, by the real command: one line of what, of where, of what to do; nothing half-written."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from fault_tools import SEALBAG, artefacts, code, lines, plant, sealbag, take, told, tree_state

from forensics import Key

pytestmark = pytest.mark.needs("posix")


@pytest.fixture
def source(quick: Path) -> Path:
    return plant(quick / "source", files=3)


def refused(quick: Path, exit: int, *args: object, what: str = "", where: str = "", do: str = "") -> None:
    """The command ends with *exit* and three lines that match; nothing was written."""
    before = tree_state(quick)
    done = sealbag("collect", "--out", quick / "bag", *args)
    assert done.returncode == exit, done.stderr
    said = told(done)
    for name, pattern in (("what", what), ("where", where), ("do", do or ".")):
        assert re.search(pattern, said.get(name, "")), (name, said)
    assert done.stdout == "" and "Traceback" not in done.stderr
    assert tree_state(quick) == before


def test_no_such_source(quick: Path) -> None:
    refused(quick, 66, "--source", quick / "none", what="no such", where="none$")


def test_a_second_source_that_is_not_there(quick: Path, source: Path) -> None:
    refused(quick, 66, "--source", source, "--source", quick / "none")


def test_not_an_image_and_an_empty_file(quick: Path, source: Path) -> None:
    refused(quick, 65, "--source", source / "empty", where="empty$")
    refused(quick, 65, "--source", source / "d0" / "f0", where="f0$")


@pytest.mark.needs("root", "setpriv")
def test_no_permission(quick: Path, source: Path) -> None:
    quick.chmod(0o777)
    source.chmod(0o700)
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *SEALBAG, "collect", "--source", source,
               "--out", quick / "bag"]  # fmt: skip
    before = tree_state(quick)
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=os.environ | {"HOME": "/"})
    if "No module named" in done.stderr or "Permission denied: " in done.stderr:
        pytest.skip("this checkout cannot be read by another user")
    assert done.returncode == 77, done.stderr
    assert set(told(done)) == {"what", "where", "do"}
    assert tree_state(quick) == before


def test_keys_that_cannot_be_used(quick: Path, source: Path) -> None:
    (quick / "garbage").write_text("no key\n")
    arguments = ("--source", source, "--profile", "full", "--key")
    refused(quick, 78, *arguments, quick / "none", where="none")
    refused(quick, 78, *arguments, quick / "garbage", where="garbage")


@pytest.mark.needs("ssh-keygen")
@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_keys_of_other_kinds_are_refused_by_name(quick: Path, source: Path, kind: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", quick / "key"], check=True)
    refused(quick, 78, "--source", source, "--key", quick / "key", what=f"(?i){kind}", do="sealbag key new")


def test_a_wrong_passphrase(quick: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Key.one_off().save(quick / "key", "right")
    refused(quick, 78, "--source", source, "--key", quick / "key", do="SEALBAG_PASSPHRASE")
    monkeypatch.setenv("SEALBAG_PASSPHRASE", "wrong")
    refused(quick, 78, "--source", source, "--key", quick / "key", what="passphrase", do="SEALBAG_PASSPHRASE")
    monkeypatch.setenv("SEALBAG_PASSPHRASE", "right")
    done = sealbag("collect", "--source", source, "--out", quick / "bag", "--profile", "full", "--key", quick / "key")
    assert done.returncode == 0, done.stderr


def test_an_unknown_profile_and_its_near_match(quick: Path, source: Path) -> None:
    refused(quick, 78, "--source", source, "--profile", "triag", what="triag.*triage")
    refused(quick, 78, "--source", source, "--profile", quick / "none.toml", where="none.toml")


def test_a_profile_that_does_not_parse_is_named_with_its_line(quick: Path, source: Path) -> None:
    (quick / "mine.toml").write_text('name = "mine"\ncollectors = ["full"]\nmax_flie = 3\n')
    refused(
        quick, 78, "--source", source, "--profile", quick / "mine.toml", what="max_flie.*max_file",
        where=r"mine\.toml:3",
    )  # fmt: skip
    (quick / "mine.toml").write_text('name = "mine"\ncollectors = [\n')
    refused(quick, 78, "--source", source, "--profile", quick / "mine.toml", where=r"mine\.toml:\d")


def test_a_stanza_that_does_not_parse_is_named_with_its_line(quick: Path, source: Path) -> None:
    (quick / "mine.toml").write_text(f'collectors = ["stanzas"]\n[options.stanzas]\nfiles = ["{quick}/st.toml"]\n')
    arguments = ("--source", source, "--profile", quick / "mine.toml")
    good = '[[artefact]]\nname = "a.b"\ndescription = "c"\ncategory = "logs"\n'
    good += 'source = "d"\nfires = ["e"]\nsilent = ["f"]\n'
    for bad in ('paths = ["etc/[a"]', 'path = ["e"]', 'paths = "e', "priority = 11"):
        (quick / "st.toml").write_text(good + bad + "\n")
        refused(quick, 78, *arguments, where=r"st\.toml:\d")


def test_usage(quick: Path, source: Path) -> None:
    refused(quick, 64, "--source", source, "--no-such-option", what="no-such-option", do="--help")
    refused(quick, 64, "--source", source, "--max-seconds", "0")
    for args in (["collect", "--source", source], ["colect"], []):
        done = sealbag(*args)
        assert done.returncode == 64
    assert "collect" in told(sealbag("colect"))["what"]
    refused(quick, 78, "--source", source, "--max-file", "much", what="max-file")


def test_errors_as_json(quick: Path) -> None:
    done = sealbag("collect", "--source", quick / "none", "--out", quick / "bag", "--json")
    row = json.loads(done.stdout)
    assert done.returncode == row["exit"] == 66 and done.stderr == ""
    assert set(row) == {"schema", "code", "exit", "what", "where", "hint"}


def test_hostile_words_reach_the_terminal_escaped(quick: Path) -> None:
    done = sealbag("collect", "--source", "\x1b[2Jnone", "--out", quick / "bag")
    assert done.returncode == 66 and "\x1b" not in done.stderr


@pytest.mark.parametrize("command", ["verify", "ls", "show", "export"])
def test_bags_that_are_none_or_of_the_future(quick: Path, source: Path, command: str) -> None:
    if command not in ("verify",):
        pytest.importorskip(f"forensics.cli.{command}")
    more = {"show": ["--seq", "0"], "export": ["--tree", quick / "out"]}.get(command, [])
    (quick / "empty").mkdir()
    for none in (quick / "empty", quick / "nowhere", source / "empty"):
        done = sealbag(command, none, *more)
        assert done.returncode == 65, (none, done.stderr)
    bag = take(source, quick / "bag").path
    ledger = bag / "custody" / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"format":"sealbag/1.0"', b'"format":"sealbag/2.0"', 1))
    before = tree_state(bag)
    done = sealbag(command, bag, *more)
    assert done.returncode == (3 if command == "verify" else 65), done.stderr
    assert tree_state(bag) == before and not (quick / "out").exists()


def test_a_bag_of_the_future_is_not_gone_on_with(quick: Path, source: Path) -> None:
    bag = take(source, quick / "bag").path
    (bag / "custody" / "seal.json.sig").unlink()
    ledger = bag / "custody" / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b'"format":"sealbag/1.0"', b'"format":"sealbag/2.0"', 1))
    before = tree_state(bag)
    done = sealbag("collect", "--source", source, "--out", bag, "--resume")
    assert done.returncode == 65 and "sealbag/2.0" in told(done)["what"]
    assert tree_state(bag) == before


# -- budgets and choices -----------------------------------------------------------


def test_budgets_are_stated(quick: Path) -> None:
    source = plant(quick / "source", files=6, size=2000)
    (source / "large").write_bytes(bytes(5000))
    done = sealbag("collect", "--source", source, "--out", quick / "bag", "--profile", "full", "--max-file", "4 KiB")
    assert done.returncode == 10
    assert {p: line["code"] for p, line in artefacts(quick / "bag").items() if line["outcome"] == "over-cap"} == {
        "large": "file"
    }
    assert "large" in done.stdout and code(quick / "bag") == "VALID"
    done = sealbag("collect", "--source", source, "--out", quick / "b2", "--profile", "full", "--max-total", "5000",
                   "--json")  # fmt: skip
    row = json.loads(done.stdout)
    over = [gap for gap in row["gaps"] if (gap["outcome"], gap["code"]) == ("over-cap", "total")]
    assert done.returncode == 10 and over and code(quick / "b2") == "VALID"
    taken = [line["size"] for line in artefacts(quick / "b2").values() if line["outcome"] == "complete"]
    assert 0 < sum(taken) <= 5000 and len(taken) + len(over) == len(artefacts(quick / "b2"))


def test_a_budget_of_time_stops_reading_and_seals(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from forensics.source import seam

    source = plant(quick / "source", files=6)
    with (source / "long").open("wb") as file:
        for _ in range(40):
            file.write(os.urandom(256 << 10))
    real, clock = seam.pread, [0.0]

    def slow(fd: int, buffer: memoryview, offset: int) -> int:
        clock[0] += 0.2
        return real(fd, buffer, offset)

    monkeypatch.setattr(seam, "pread", slow)
    monkeypatch.setattr("forensics.acquisition.taking.time.monotonic", lambda: clock[0])
    bag = take(source, quick / "bag", max_seconds=3)
    lost = {path: line for path, line in artefacts(bag.path).items() if line["outcome"] == "timed-out"}
    assert lost and {line["code"] for line in lost.values()} == {"budget"}
    assert bag.exit == 10 and code(bag.path) == "VALID"
    assert set(artefacts(bag.path)) == set(artefacts(take(source, quick / "whole", listing=False).path))


def test_a_dry_run_writes_nothing(quick: Path, source: Path) -> None:
    before = tree_state(quick)
    done = sealbag("collect", "--source", source, "--out", quick / "bag", "--profile", "full", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["candidates"] == 6
    assert tree_state(quick) == before


def test_what_is_left_out_is_stated(quick: Path, source: Path) -> None:
    done = sealbag("collect", "--source", source, "--out", quick / "bag", "--profile", "full", "--exclude", "d1")
    assert done.returncode == 0, done.stderr
    found = artefacts(quick / "bag")
    assert {path for path, line in found.items() if line["outcome"] == "excluded"} == {"d1/f1"}
    assert found["d1/f1"]["code"] == "exclude" and "exclude:1" in found["d1/f1"]["why"]
    rules = {line["rule"]: line for line in lines(quick / "bag") if line["kind"] == "rule"}
    assert rules["exclude:1"]["excluded"] == 1


def test_nothing_taken_is_not_success(quick: Path) -> None:
    (quick / "nothing").mkdir()
    done = sealbag("collect", "--source", quick / "nothing", "--out", quick / "bag", "--profile", "full")
    assert done.returncode == 11 and code(quick / "bag") == "VALID"


def test_the_log_tells_the_end(quick: Path, source: Path) -> None:
    log = quick / "log"
    done = sealbag("collect", "--source", source, "--out", quick / "bag", "--profile", "full", "--log", log)
    assert done.returncode == 0
    events = [json.loads(row)["event"] for row in log.read_text().splitlines()]
    assert events[0] == "start" and events[-2:] == ["sealed", "verdict"]
    done = sealbag("collect", "--source", source, "--out", quick / "b", "--log", quick / "no" / "log")
    assert done.returncode in (74, 77) and not (quick / "b").exists()
    shutil.rmtree(quick / "bag")
