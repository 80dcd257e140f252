"""The command with a parser's time and memory cut short, so that a test need not wait for what it bounds."""

from __future__ import annotations

import sys

from forensics.cli.main import main
from forensics.processing import parsing
from forensics.worker.limits import Limits

if __name__ == "__main__":
    parsing.LIMITS = Limits(silence=2.0, cpu=None, data=256 << 20)
    sys.exit(main(sys.argv[1:]))
