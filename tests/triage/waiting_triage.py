"""The command, waiting at one content of the process phase so that a signal meets it there.

Run as ``waiting_triage.py NUMBER ARGUMENTS...``: prints ``here`` when that many results are taken, and sleeps.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from forensics.cli.main import main
from forensics.processing import sinks

if __name__ == "__main__":
    real, last, count = sinks.BagSink.take, int(sys.argv[1]), [0]

    def take(self: Any, *args: Any) -> Any:
        count[0] += 1
        if count[0] == last:
            print("here", flush=True)
            time.sleep(60)
        return real(self, *args)

    sinks.BagSink.take = take  # type: ignore[method-assign]
    sys.exit(main(sys.argv[2:]))
