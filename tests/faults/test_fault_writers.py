"""Two writers, and every output that is refused: exit 73, and nothing was written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fault_tools import HERE, closing, code, lines, plant, sealbag, take, told, tree_state

from forensics.custody.bag import BagWriter
from forensics.custody.lock import BagLock
from forensics.errors import InputError, Interrupted, OutputLocked, OutputSealed

pytestmark = pytest.mark.needs("posix")
ABOUT = {"case": "7", "exhibit": "", "examiner": "", "actors": ["sealbag: program"], "tool": "sealbag", "version": "0"}


def collect_to(source: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return sealbag("collect", "--source", source, "--out", out, "--profile", "full", *more)


@contextmanager
def writer(bag: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds *bag* until it is killed."""
    text = "import sys; from forensics.custody.bag import BagWriter as W\n"
    text += f"b = W.create(sys.argv[1], {ABOUT!r}); print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", text, str(bag)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_second_writer_is_refused_and_a_dead_ones_lock_is_taken_over(quick: Path) -> None:
    source, bag = plant(quick / "source"), quick / "bag"
    with writer(bag) as first:
        before = tree_state(bag)
        for more in ([], ["--resume"]):
            done = collect_to(source, bag, *more)
            assert done.returncode == 73
            assert f"pid {first.pid}" in told(done)["what"] and told(done)["where"] == str(bag)
        assert tree_state(bag) == before
    held = json.loads((bag / "custody" / "lock").read_text())
    assert held["pid"] == first.pid  # stale: nobody locks it
    done = collect_to(source, bag, "--resume")
    assert done.returncode == 0, done.stderr
    assert code(bag) == "VALID"


def test_a_bag_about_to_be_signed_is_left_alone(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """custody/lock is gone by then; the ledger's own lock still says that somebody works here."""
    from forensics.custody import seal as module

    source, bag = plant(quick / "source"), quick / "bag"
    real, seen = module.write_file, []

    def intruded(path: Path, data: bytes) -> None:
        if path.name == "seal.json.sig":
            before = tree_state(bag)
            seen.extend(collect_to(source, bag, *more).returncode for more in ([], ["--resume"]))
            assert tree_state(bag) == before
        real(path, data)

    monkeypatch.setattr(module, "write_file", intruded)
    take(source, bag)
    assert seen == [73, 73]
    assert code(bag) == "VALID"


def test_of_two_that_begin_at_once_one_is_refused(quick: Path) -> None:
    source = plant(quick / "source")
    for number in range(3):
        bag = quick / f"bag{number}"
        go = [subprocess.Popen(
            [sys.executable, "-m", "forensics.cli.main", "collect", "-q", "--source", source, "--out", bag,
             "--profile", "full"], stderr=subprocess.PIPE, text=True) for _ in range(2)]  # fmt: skip
        ends = sorted((process.wait(60), process.stderr.read() if process.stderr else "") for process in go)
        assert [end[0] for end in ends] == [0, 73], ends
        assert code(bag) == "VALID"


@pytest.mark.parametrize("more", [(), ("--resume",)])
def test_a_sealed_bag_stays_as_it_is(quick: Path, more: tuple[str, ...]) -> None:
    source = plant(quick / "source")
    bag = take(source, quick / "bag").path
    before = tree_state(bag)
    done = collect_to(source, bag, *more)
    assert done.returncode == 73
    assert "sealed" in told(done)["what"] and told(done)["do"] == OutputSealed.hint
    assert tree_state(bag) == before
    assert code(bag) == "VALID"


def test_outputs_that_are_refused(quick: Path) -> None:
    source = plant(quick / "source")
    full = quick / "full"
    full.mkdir()
    (full / "letter").write_text("mine")
    (quick / "file").write_text("mine")
    (quick / "link").symlink_to(full)
    outputs = {full: "not empty", quick / "file": "not a folder", quick / "link": "not a folder", source: "inside",
               source / "d0" / "bag": "inside", source / ".." / "source" / "bag": "inside"}  # fmt: skip
    before = tree_state(quick)
    for out, word in outputs.items():
        done = collect_to(source, out)
        assert done.returncode == 73, out
        assert word in told(done)["what"] and told(done)["do"]
    assert tree_state(quick) == before


def test_an_unfinished_bag_is_not_begun_anew(quick: Path) -> None:
    source, bag = plant(quick / "source"), quick / "bag"
    BagWriter.create(bag, ABOUT).release()
    before = tree_state(bag)
    done = collect_to(source, bag)
    assert done.returncode == 73 and "--resume" in told(done)["do"]
    assert tree_state(bag) == before


def test_nothing_to_resume(quick: Path) -> None:
    source = plant(quick / "source")
    done = collect_to(source, quick / "none", "--resume")
    assert done.returncode == 65 and "no bag to resume" in told(done)["what"]
    assert not (quick / "none").exists()


def test_a_failed_beginning_lets_go_of_its_locks(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from forensics.custody import bag as module
    from forensics.errors import DiskFull

    def full(_: Path) -> None:
        raise DiskFull("cannot write the bag", where="")

    with monkeypatch.context() as patch:
        patch.setattr(module, "probe", full)
        with pytest.raises(DiskFull):
            BagWriter.create(quick / "bag", ABOUT)
        with pytest.raises(DiskFull):
            BagWriter.resume(quick / "bag", ABOUT)
    BagWriter.resume(quick / "bag", ABOUT).release()
    held = BagLock(quick / "bag")
    with pytest.raises(OutputLocked):
        BagWriter.resume(quick / "bag", ABOUT)
    held.release()


@pytest.mark.needs("linux")
def test_every_cut_of_the_ledgers_tail_gives_the_acknowledged_prefix(quick: Path) -> None:
    """A crash leaves any beginning of what was written since the last checkpoint."""
    from forensics.custody.lines import read_lines
    from forensics.custody.resume import cut_torn_tail, read_state

    bag = BagWriter.create(quick / "bag", ABOUT)
    begin = os.stat(quick / "bag" / "custody" / "ledger.jsonl").st_size
    while os.stat(quick / "bag" / "custody" / "ledger.jsonl").st_size < begin + 10_000:
        bag.line("note", {"text": "n" * (bag.ledger.next_seq * 37 % 400)})
        bag.commit()
    bag.release()
    ledger = quick / "bag" / "custody" / "ledger.jsonl"
    data = ledger.read_bytes()
    whole = [json.loads(line)["seq"] for line in data.splitlines()]
    assert whole == list(range(len(whole))) and len(whole) > 25
    for cut in range(len(data) - 10_000, len(data) + 1):
        ledger.write_bytes(data[:cut])
        assert [line["seq"] for _, line in read_lines(quick / "bag")] == whole[: data[:cut].count(b"\n")], cut
    for cut in range(len(data) - 10_000, len(data) + 1, 250):
        copy = quick / f"cut{cut}"
        shutil.copytree(quick / "bag", copy)
        (copy / "custody" / "ledger.jsonl").write_bytes(data[:cut])
        assert code(copy) == "INCOMPLETE"
        acknowledged = data[: data[:cut].rfind(b"\n") + 1]
        resumed = BagWriter.resume(copy, ABOUT)
        assert resumed.state.cut == cut - len(acknowledged)
        resumed.abandon("interrupted")
        assert (copy / "custody" / "ledger.jsonl").read_bytes().startswith(acknowledged + b'{"seq":')
        assert code(copy) == "INCOMPLETE" and closing(copy) == ["interrupted"]
        assert cut_torn_tail(copy) == 0 and read_state(copy).tree.size == len(lines(copy))


def test_a_ledger_shorter_than_a_checkpoint_is_not_gone_on_with(quick: Path) -> None:
    """No crash leaves that: a checkpoint is signed when its lines are durable."""
    bag = BagWriter.create(quick / "bag", ABOUT)
    for number in range(5):
        bag.line("note", {"text": str(number)})
    bag.phase()
    bag.release()
    ledger = quick / "bag" / "custody" / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes()[:-1])
    before = tree_state(quick)
    with pytest.raises(InputError, match="checkpoint vouches"):
        BagWriter.resume(quick / "bag", ABOUT)
    assert tree_state(quick) == before


# -- signals -----------------------------------------------------------------------


def signalled(source: Path, bag: Path, number: int, where: str) -> subprocess.CompletedProcess[str]:
    """The real command, sent a signal when it is *where* (it then waits a while)."""
    command = [sys.executable, str(HERE / "slow_driver.py"), where, "collect", "--source", str(source), "--out",
               str(bag), "--profile", "full"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(number)
        out, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, out, errors)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("where", ["walk", "take", "manifest", "seal.json", "flush", "tree"])
def test_a_signal_leaves_a_bag_that_goes_on(quick: Path, number: int, where: str) -> None:
    source, bag = plant(quick / "source"), quick / "bag"
    done = signalled(source, bag, number, where)
    assert done.returncode == 130, done.stderr
    assert told(done) == {
        "what": "stopped; what was acknowledged is safe", "where": str(bag),
        "do": "Go on with the same command and --resume.",
    }  # fmt: skip
    assert closing(bag)[-1] == "interrupted"
    assert code(bag) == "INCOMPLETE"
    last = lines(bag)[-1]
    complete = sum(line.get("outcome") == "complete" for line in lines(bag))
    assert last.get("complete", 0) == complete
    again = collect_to(source, bag, "--resume", "--json")
    assert again.returncode == 0, again.stdout
    assert json.loads(again.stdout)["resumed"] is True
    assert code(bag) == "VALID"


def test_a_signal_when_the_seal_is_signed_does_not_break_it(quick: Path) -> None:
    source, bag = plant(quick / "source"), quick / "bag"
    done = signalled(source, bag, signal.SIGINT, "signed")
    assert done.returncode == 130
    assert "sealed already" in told(done)["what"] and "verify" in told(done)["do"]
    assert code(bag) == "VALID"


def test_an_interrupt_between_any_two_calls_of_a_flush(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tree and file must agree whatever step of the flush was the last."""
    from forensics.custody import ledger as module

    for step in range(4):
        bag = BagWriter.create(quick / f"bag{step}", ABOUT)
        bag.line("note", {"text": "acknowledged or not"})
        bag.line("note", {"text": "either"})

        def stop(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        target = [(module, "write_all"), (module, "datasync"), (module.Tree, "append"), (time, "monotonic")][step]
        with monkeypatch.context() as patch:
            patch.setattr(*target, stop)  # type: ignore[call-overload]
            with pytest.raises(KeyboardInterrupt):
                bag.commit()
        bag.abandon("interrupted")
        assert code(quick / f"bag{step}") == "INCOMPLETE", step
        assert [line["seq"] for line in lines(quick / f"bag{step}")] == list(range(len(lines(quick / f"bag{step}"))))
        assert closing(quick / f"bag{step}") == ["interrupted"]
    assert Interrupted.exit == 130
