"""The destination's system calls, chosen once by platform."""

import sys

if sys.platform == "win32":
    from forensics.hashing.os_windows import (
        boot_id,
        boot_ms,
        datasync,
        largest_file,
        sync_file_system,
        sync_folder,
        try_lock,
    )
else:
    from forensics.hashing.os_posix import (
        boot_id,
        boot_ms,
        datasync,
        largest_file,
        sync_file_system,
        sync_folder,
        try_lock,
    )

__all__ = ["boot_id", "boot_ms", "datasync", "largest_file", "sync_file_system", "sync_folder", "try_lock"]
