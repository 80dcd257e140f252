"""``live:``, the running host; which one is chosen by the platform."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from collectors.sources.live_windows import LiveSource
else:
    from collectors.sources.live_posix import LiveSource

__all__ = ["LiveSource"]
