"""Where an export writes, chosen once by platform."""

import sys

if sys.platform == "win32":
    from forensics.catalogue.target_portable import CANNOT_HOLD, Target
else:
    from forensics.catalogue.target_posix import CANNOT_HOLD, Target

__all__ = ["CANNOT_HOLD", "Target"]
