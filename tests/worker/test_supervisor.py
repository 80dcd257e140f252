"""One child: what it says, how it ends, and that it ends with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forensics.errors import ChildDied, ChildHung, ChildRefused, FrameError
from forensics.worker.frames import BYTES
from forensics.worker.limits import Limits
from forensics.worker.spawn import FROZEN_FLAG, command
from forensics.worker.supervisor import Child
from forensics.worker.wire import TAIL
from forensics.worker.wire_threads import ThreadWire

HERE = str(Path(__file__).parent)
#: The frames' pipes are dup'ed in this order, from the first free descriptor.
OPTIONS = {"sys_path": [HERE], "fd": 4}


def child(limits: Limits | None = None, name: str = "talk") -> Child:
    return Child(f"sealbag_test_task:{name}", OPTIONS, limits)


@pytest.fixture(params=["poll", "threads"])
def wires(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run a test over both kinds of wire."""
    if request.param == "threads":
        monkeypatch.setattr("forensics.worker.supervisor.open_wire", ThreadWire)
    yield


@pytest.mark.usefixtures("wires")
def test_messages_and_bytes_both_ways() -> None:
    with child() as one:
        one.send({"a": "\udcff", "n": 1 << 70})
        assert one.receive().message == {"got": {"a": "\udcff", "n": 1 << 70}}
        for size in (0, 1, 65_537, 1 << 20):
            payload = os.urandom(size)
            one.send({"do": "echo"}, payload)
            found = one.receive()
            assert (found.kind, found.data) == (BYTES, payload)
        # Far more than both pipes hold: neither side may wait for the other.
        for _ in range(12):
            one.send({"do": "echo"}, payload)
        assert all(one.receive().data == payload for _ in range(12))
        with pytest.raises(FrameError):
            for _ in range(40):
                one.send({"do": "echo"}, payload)
        one.kill()  # it is busy: not worth waiting for


@pytest.mark.usefixtures("wires")
def test_noise_on_standard_output_is_no_frame() -> None:
    with child() as one:
        for _ in range(3):
            one.send({"do": "noise"})
            assert one.receive().message == {"stdin": ""}


@pytest.mark.usefixtures("wires")
def test_kill_9_is_named() -> None:
    with child() as one:
        one.wait_ready()
        os.kill(one.pid, signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(ChildDied, match="SIGKILL") as caught:
                one.receive()
        assert caught.value.code == "child-died" and not one.usable


@pytest.mark.usefixtures("wires")
def test_silence_is_a_hang_and_signs_of_life_are_not() -> None:
    with child(Limits(silence=0.5)) as one:
        one.send({"do": "slow"})  # 0.8 s
        assert one.receive().message == {"done": True}
        begun = time.monotonic()
        with pytest.raises(ChildHung, match=r"nothing for 0\.5 s"):
            one.receive()
        assert time.monotonic() - begun < 2
        with pytest.raises(ProcessLookupError):
            os.kill(one.pid, 0)


@pytest.mark.usefixtures("wires")
@pytest.mark.parametrize(("do", "error"), [("garbage", FrameError), ("half", ChildDied)])
def test_garbage_and_half_a_frame(do: str, error: type[Exception]) -> None:
    with child() as one:
        one.send({"do": do})
        with pytest.raises(error):
            one.receive()
        with pytest.raises(ProcessLookupError):
            os.kill(one.pid, 0)


@pytest.mark.usefixtures("wires")
def test_last_words_are_bounded_and_clean() -> None:
    with child() as one:
        one.send({"do": "words"})
        with pytest.raises(ChildDied) as caught:
            one.receive()
        assert str(caught.value) == "the child ended with exit code 5: last \ufffd[31mwords"
        assert len(one._wire.tail()) == TAIL


def test_a_target_that_is_not_there() -> None:
    with child(name="nothing") as one, pytest.raises(ChildRefused, match=r"AttributeError.*nothing"):
        one.receive()


def test_the_terminals_interrupt_does_not_reach_it() -> None:
    with child() as one:
        one.send({"do": "sleep"})
        assert one.receive().message == {"sigint": True}
        assert os.getpgid(one.pid) != os.getpgid(0)


def test_no_core_is_written_and_data_is_limited() -> None:
    with child(Limits(data=300 << 20)) as one:
        one.wait_ready()
        limits = Path(f"/proc/{one.pid}/limits")
        if not limits.exists():
            pytest.skip("not shown: needs /proc")
        words = {line[:25].strip(): line[25:].split()[:2] for line in limits.read_text().splitlines()}
        assert words["Max core file size"] == ["0", "0"]
        assert words["Max data size"] == [str(300 << 20)] * 2


def test_close_lets_it_end_by_itself() -> None:
    one = child()
    one.wait_ready()
    one.close()
    assert one._process.returncode == 0
    one.close()
    with pytest.raises(ChildRefused, match="closed"):
        one.receive()


def test_a_child_outlives_the_thread_that_started_it() -> None:
    made: list[Child] = []
    thread = threading.Thread(target=lambda: made.append(child()), daemon=True)
    thread.start()
    thread.join()
    with made[0] as one:
        one.wait_ready()
        time.sleep(0.2)
        one.send({"a": 1})
        assert one.receive().message == {"got": {"a": 1}}


def test_the_frozen_agent_is_its_own_child(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command() == [sys.executable, "-I", "-m", "forensics.worker.child"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert command() == [sys.executable, FROZEN_FLAG]


PARENT = """
import sys, threading, time
from forensics.worker.supervisor import Child
def start():
    one = Child("sealbag_test_task:talk", {OPTIONS})
    one.wait_ready()
    one.send({"do": DO})
    print(one.pid, flush=True)
    time.sleep(60)
if THREAD:
    threading.Thread(target=start, daemon=True).start()
    time.sleep(60)
start()
"""


def gone(pid: int) -> bool:
    """True once the process has ended, or waits as a zombie for an init that does not reap."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("thread", [False, True])
@pytest.mark.parametrize("do", ["hello", "garbage"])  # waiting for its parent; busy and deaf
def test_it_ends_when_its_parent_is_killed(tmp_path: Path, thread: bool, do: str) -> None:
    if do == "garbage" and sys.platform != "linux":
        pytest.skip("not shown: needs PDEATHSIG (Linux)")
    options: dict[str, Any] = {**OPTIONS, "fd": 2}  # its cry goes nowhere: it sleeps on
    script = PARENT.replace("{OPTIONS}", repr(options)).replace("DO", repr(do)).replace("THREAD", repr(thread))
    file = tmp_path / "parent.py"
    file.write_text(textwrap.dedent(script))
    parent = subprocess.Popen([sys.executable, file], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 5
    while not gone(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(pid)
