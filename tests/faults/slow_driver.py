"""The command, waiting at one place so that a signal meets it there.

Run as ``slow_driver.py WHERE ARGUMENTS...``: prints ``here`` when it is there and sleeps; what the
command does with the signal is its own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from forensics.acquisition import planning, taking
from forensics.cli.main import main
from forensics.custody import ledger, seal

#: where -> (object, attribute, which call, whether the call itself comes first)
PLACES: dict[str, tuple[Any, str, int, bool]] = {
    "walk": (planning.Planner, "_match", 4, False),
    "take": (taking, "copy_stream", 4, False),
    "manifest": (seal, "_write_manifest", 1, True),
    "seal.json": (seal, "sign", 1, False),
    "flush": (ledger, "datasync", 12, False),
    "tree": (ledger.Tree, "append", 12, False),
}


def here(call: Callable[..., Any], last: int, after: bool) -> Callable[..., Any]:
    count = [0]

    def waits(*args: Any, **more: Any) -> Any:
        count[0] += 1
        if count[0] != last:
            return call(*args, **more)
        result = call(*args, **more) if after else None
        print("here", flush=True)
        time.sleep(30)
        return result if after else call(*args, **more)

    return waits


if __name__ == "__main__":
    where = sys.argv[1]
    if where == "signed":
        real = seal.write_file

        def write_file(path: Any, data: bytes) -> None:
            real(path, data)
            if path.name == "seal.json.sig":
                print("here", flush=True)
                time.sleep(30)

        seal.write_file = write_file
    else:
        owner, name, last, after = PLACES[where]
        setattr(owner, name, here(getattr(owner, name), last, after))
    sys.exit(main(sys.argv[2:]))
