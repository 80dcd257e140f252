"""The command, waiting where a result of one plug-in is to be taken, so that a signal meets it there.

Run as ``process_waiting.py PLUGIN NUMBER ARGUMENTS...``: prints ``here`` and sleeps before the NUMBERth
result of PLUGIN is taken.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from forensics.cli.main import main
from forensics.processing.sinks import BagSink
from forensics.workspace.work import Workspace

if __name__ == "__main__":
    plugin, last, count = sys.argv[1], int(sys.argv[2]), [0]

    def waiting(kind: Any) -> Any:
        real = kind.take

        def take(self: Any, receipt: Any, rows: Any) -> Any:
            count[0] += receipt.plugin == plugin
            if count[0] == last and receipt.plugin == plugin:
                print("here", flush=True)
                time.sleep(60)
            return real(self, receipt, rows)

        return take

    for sink in (BagSink, Workspace):
        sink.take = waiting(sink)  # type: ignore[method-assign]
    sys.exit(main(sys.argv[3:]))
