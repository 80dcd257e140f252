"""What children under test do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from forensics.errors import Denied
from forensics.worker.channel import Channel


def item(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Do what the item says."""
    do = item.get("do", "")
    if do == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif do == "kill-once" and not Path(options["mark"]).exists():
        Path(options["mark"]).touch()
        os.abort()
    elif do == "hang":
        time.sleep(60)
    elif do == "raise":
        raise Denied("no", where="here")
    elif do == "key":
        raise KeyError("x" * 100_000)
    elif do == "exit":
        sys.exit(3)
    elif do == "memory":
        hoard = [bytes(10 << 20) for _ in range(1000)]
        return {"n": len(hoard)}
    elif do == "burn":
        while True:
            pass
    elif do == "large":
        return {"n": "x" * (5 << 20)}
    return {"n": item["n"], "pid": os.getpid()}


def talk(channel: Channel, options: dict[str, Any]) -> None:
    """Answer messages by their ``do``; ``echo`` sends the payload back."""
    while (found := channel.receive()) is not None:
        do = found.message.get("do")
        if do == "echo":
            payload = channel.receive()
            assert payload is not None
            channel.send_bytes(payload.data)
        elif do == "noise":
            os.write(1, b"stray output\n" * 100)
            os.system("echo from a grandchild")
            channel.send({"stdin": os.read(0, 10).decode()})
        elif do == "garbage":
            os.write(options["fd"], b"garbage that is no frame")
            time.sleep(60)
        elif do == "half":
            os.write(options["fd"], b"\x00\x00\x01\x00\x01{")
            os._exit(0)
        elif do == "words":
            os.write(2, b"x" * 300_000 + b"\nlast \x1b[31mwords")
            os._exit(5)
        elif do == "slow":
            for _ in range(4):
                time.sleep(0.2)
                channel._last = 0.0  # alive() is limited to one frame a second
                channel.alive()
            channel.send({"done": True})
        elif do == "sleep":
            subprocess.run(["sleep", "0.01"], check=True)
            channel.send({"sigint": signal.getsignal(signal.SIGINT) == signal.SIG_IGN})
        else:
            channel.send({"got": found.message})
