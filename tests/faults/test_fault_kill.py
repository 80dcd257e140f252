"""kill -9 anywhere: what was acknowledged stands, and --resume ends with the same set."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fault_tools import HERE, SEALBAG, check_acknowledged, closing, code, lines, plant, sealbag, take, the_set

from forensics import verify
from forensics.verifier import NotABag

pytestmark = pytest.mark.needs("linux")


def drive(source: Path, folder: Path, *steps: int) -> list[str]:
    done = subprocess.run(
        [sys.executable, str(HERE / "crash_driver.py"), str(source), str(folder), *map(str, steps)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def resumes(bag: Path) -> list[dict[str, Any]]:
    return [line for line in lines(bag) if line["kind"] == "resume"]


def check_after_kill(bag: Path) -> str:
    """The verdict on what a killed process left; "" if it is not yet a bag."""
    if not (bag / "custody" / "ledger.jsonl").exists():
        with pytest.raises(NotABag):
            verify(bag)
        return ""
    assert lines(bag)[0]["kind"] == "open"
    check_acknowledged(bag)
    return code(bag)


def resumed(source: Path, bag: Path) -> set[object]:
    """Go on; the set it ends with."""
    begun = bag.is_dir() and (bag / "custody").is_dir()
    done = take(source, bag, resume=begun)
    assert done.coverage.complete
    assert code(bag) == "VALID"
    assert not (bag / "tmp").exists()
    return set(the_set(bag))


def check_steps(source: Path, folder: Path, steps: list[int], expected: set[object]) -> dict[int, str]:
    drive(source, folder, *steps)
    verdicts = {}
    for step in steps:
        bag = folder / str(step)
        verdicts[step] = check_after_kill(bag) if bag.exists() else ""
        if verdicts[step] != "VALID":
            assert verdicts[step] in ("", "INCOMPLETE"), step
            assert resumed(source, bag) == expected, step
    return verdicts


def test_killed_at_twenty_points_of_collecting(quick: Path) -> None:
    source = plant(quick / "source")
    calls = drive(source, quick, 0)
    expected = set(the_set(quick / "0"))
    assert len(expected) == 12
    sealing = calls.index(next(call for call in calls if call.endswith("custody/reserve")))
    steps = sorted(random.Random(3).sample(range(1, sealing), 20))
    verdicts = check_steps(source, quick, steps, expected)
    # both sides of the first line were met: before it the folder is no bag
    assert set(verdicts.values()) == {"", "INCOMPLETE"}


def test_killed_at_every_step_from_close_to_the_signature(quick: Path) -> None:
    source = plant(quick / "source", files=3)
    calls = drive(source, quick, 0)
    expected = set(the_set(quick / "0"))
    ledger_writes = [number for number, call in enumerate(calls, 1) if call.endswith("custody/ledger.jsonl")]
    steps = list(range(ledger_writes[-1], len(calls) + 1))
    assert len(steps) > 40
    verdicts = check_steps(source, quick, steps, expected)
    signature = next(n for n, call in enumerate(calls, 1) if call.endswith("seal.json.sig.new") and "replace" in call)
    # the rename of the signature is the seal: up to it the bag goes on, behind it all is done
    assert {step for step in steps if verdicts[step] == "VALID"} == set(range(signature + 1, len(calls) + 1))


def test_resume_after_close_states_both_ends(quick: Path) -> None:
    source = plant(quick / "source", files=3)
    calls = drive(source, quick, 0)
    tags = next(number for number, call in enumerate(calls, 1) if "write" in call and ".tagmanifest" in call)
    drive(source, quick, tags)
    bag = quick / str(tags)
    assert closing(bag) == ["complete"]
    resumed(source, bag)
    assert closing(bag) == ["complete", "complete"]
    assert [line["kind"] for line in lines(bag)].count("resume") == 1


def test_killed_and_resumed_again_and_again(quick: Path) -> None:
    source = plant(quick / "source")
    calls = drive(source, quick, 0)
    drive(source, quick, len(calls) // 2)
    bag = quick / str(len(calls) // 2)
    for cut in (40, 400, 4000):
        # a torn line, as a kill in the middle of a write leaves it
        with (bag / "custody" / "ledger.jsonl").open("ab") as ledger:
            ledger.write(b'{"seq":' + b"9" * cut)
        before = resumes(bag)
        command = [*SEALBAG, "collect", "--source", source, "--out", bag, "--profile", "full", "--resume"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while len(resumes(bag)) == len(before):
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
        assert resumes(bag)[-1]["cut"] == cut + 7
        if code(bag) == "VALID":  # it was quicker than the kill
            break
    assert check_after_kill(bag) in ("INCOMPLETE", "VALID")
    if check_after_kill(bag) == "INCOMPLETE":
        resumed(source, bag)
    assert set(the_set(bag)) == set(the_set(quick / "0"))


@pytest.mark.parametrize("number", range(4))
def test_the_real_command_killed_after_some_time(quick: Path, number: int) -> None:
    source = plant(quick / "source", files=300, size=20000)
    command = [*SEALBAG, "collect", "--source", source, "--out", quick / "bag", "--profile", "full", "--quiet"]
    wait = random.Random(number).uniform(0.15, 0.6)
    with subprocess.Popen(command) as process:
        time.sleep(wait)
        process.kill()
    bag = quick / "bag"
    verdict = check_after_kill(bag) if bag.exists() else ""
    assert verdict in ("", "INCOMPLETE", "VALID")
    if verdict != "VALID":
        more = ["--resume"] if (bag / "custody").is_dir() else []
        done = sealbag("collect", "--source", source, "--out", bag, "--profile", "full", *more)
        assert done.returncode == 0, done.stderr
    assert set(the_set(bag)) == set(the_set(take(source, quick / "undisturbed").path))
