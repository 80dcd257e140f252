"""Limits of a child on Windows: a Job Object with kill-on-close and a memory bound.

Type-checked for win32, **never run** on Windows until a run is recorded. Source:
Microsoft Learn, "Job Objects", JOBOBJECT_EXTENDED_LIMIT_INFORMATION.
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from ctypes import wintypes

assert sys.platform == "win32"

PROCESS_GROUP = -1
#: CREATE_NEW_PROCESS_GROUP: Ctrl-C reaches the parent alone.
CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
CPU_SIGNALS: frozenset[int] = frozenset()

_EXTENDED_LIMIT_INFORMATION = 9
_LIMIT_PROCESS_MEMORY = 0x100
_LIMIT_DIE_ON_UNHANDLED_EXCEPTION = 0x400
_LIMIT_KILL_ON_JOB_CLOSE = 0x2000


class _Basic(ctypes.Structure):
    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", wintypes.DWORD),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", wintypes.DWORD),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", wintypes.DWORD),
        ("SchedulingClass", wintypes.DWORD),
    )


class _Extended(ctypes.Structure):
    _fields_ = (
        ("BasicLimitInformation", _Basic),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class _Job:
    """Owns a job's handle; closing it, or this process ending, kills the child."""

    def __init__(self, kernel: ctypes.WinDLL, handle: int) -> None:
        self._kernel, self._handle = kernel, handle

    def __del__(self) -> None:
        self._kernel.CloseHandle(wintypes.HANDLE(self._handle))


def guard(process: subprocess.Popen[bytes], data: int) -> object | None:
    """Parent's side: put *process* into a job; keep what is returned as long as the child.

    The child does nothing before its first frame, which is sent after this.

    :param data: bytes of committed memory, 0 for no bound.
    :raises OSError: if Windows refuses.
    """
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.CreateJobObjectW.restype = wintypes.HANDLE
    handle = kernel.CreateJobObjectW(None, None)
    if not handle:
        raise ctypes.WinError(ctypes.get_last_error())
    job = _Job(kernel, handle)
    info = _Extended()
    flags = _LIMIT_KILL_ON_JOB_CLOSE | _LIMIT_DIE_ON_UNHANDLED_EXCEPTION
    if data:
        flags |= _LIMIT_PROCESS_MEMORY
        info.ProcessMemoryLimit = data
    info.BasicLimitInformation.LimitFlags = flags
    job_handle = wintypes.HANDLE(handle)
    done = kernel.SetInformationJobObject(
        job_handle, _EXTENDED_LIMIT_INFORMATION, ctypes.byref(info), wintypes.DWORD(ctypes.sizeof(info))
    )
    # _handle is what subprocess itself passes to the same interface.
    child = wintypes.HANDLE(int(process._handle))  # type: ignore[attr-defined]
    if not done or not kernel.AssignProcessToJobObject(job_handle, child):
        raise ctypes.WinError(ctypes.get_last_error())
    return job


def confine(parent: int, data: int) -> None:
    """Child's side: ignore Ctrl-C and the dialogue of a crash; the job does the rest."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    kernel = ctypes.WinDLL("kernel32")
    kernel.SetErrorMode(wintypes.UINT(0x0001 | 0x0002))  # SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX


def arm(cpu: float) -> None:
    """Child's side: a job's CPU bound is not per item; the silence limit stands alone."""


def signal_name(code: int) -> str:
    """Name of an NTSTATUS that ends a process, "" if *code* is a plain exit code."""
    return f"status 0x{code & 0xFFFFFFFF:08X}" if code < 0 or code >= 0xC0000000 else ""
