"""Limits of a child on POSIX: rlimits, an interval timer, PDEATHSIG.

The child confines itself before it imports anything that meets hostile bytes: a
``preexec_fn`` is unsafe in a parent with threads.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys

assert sys.platform != "win32"

#: A process group of its own: Ctrl-C at the terminal reaches the parent alone, also
#: while the child is still starting.
PROCESS_GROUP = 0
CREATION_FLAGS = 0
#: Signals that say "too much CPU".
CPU_SIGNALS = frozenset((signal.SIGPROF, signal.SIGXCPU))
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def guard(process: subprocess.Popen[bytes], data: int) -> object | None:
    """Parent's side: nothing to do, the child confines itself."""
    return None


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))


def _die_with(parent: int) -> None:
    """Let the kernel kill this process when its parent ends (prctl(2)); Linux only.

    Elsewhere the child ends at EOF of its pipe.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    # The parent may have died before the call above.
    if os.getppid() != parent:
        os._exit(0)


def confine(parent: int, data: int) -> None:
    """Child's side: no core, bounded memory, no SIGINT, no life without the parent.

    :param parent: the parent's process id.
    :param data: bytes of RLIMIT_DATA, 0 for none.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _lower(resource.RLIMIT_CORE, 0)
    if data:
        _lower(resource.RLIMIT_DATA, data)
    _die_with(parent)


def arm(cpu: float) -> None:
    """Child's side: SIGPROF, whose default is death, after *cpu* CPU seconds from now.

    setitimer(2) and not RLIMIT_CPU: it counts anew for each item and below a second.
    """
    signal.setitimer(signal.ITIMER_PROF, cpu)


def signal_name(code: int) -> str:
    """Name of the signal behind a negative return code, "" if it is none."""
    if code >= 0:
        return ""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
