"""Run in a process of its own: unpack, slowly, until it is killed."""

from __future__ import annotations

import sys
import time

from forensics import unpack

if __name__ == "__main__":
    source, out, identity = sys.argv[1:]

    def slow(phase: str, done: int) -> None:
        if phase == "unpack" and done:
            print(done, flush=True)
            time.sleep(0.2)

    unpack(source, out, identity=identity, on_progress=slow)
