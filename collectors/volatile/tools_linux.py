"""The host's own tools as a second opinion: run from fixed paths, bounded, never trusted.

On a compromised host they may be replaced, and they lie where the kernel lies. What is worth
keeping is where they and we differ. So their digest is noted, and their output kept.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from collectors.volatile.exe_linux import own_digest
from collectors.volatile.procfs_linux import exists, is_root, read_proc
from collectors.volatile.rows import Row, shown
from forensics.errors import Denied, SourceError

assert sys.platform == "linux"

FOLDERS = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")
ENVIRONMENT = {"PATH": ":".join(FOLDERS), "LC_ALL": "C", "TZ": "UTC", "HOME": "/nonexistent"}
MAX_OUTPUT = 64 << 20
_PLAIN = ("--all", "--no-legend", "--no-pager", "--full")


@dataclass(frozen=True, slots=True)
class Tool:
    """One command of the host.

    :param name: of its artefact, ``volatile/tool/NAME.txt``.
    :param version: arguments that make it print its version.
    :param root: whether it says nothing useful without root.
    :param needs: a path without which it has nothing to say.
    :param loads: a kernel module that asking would load, and a symbol of it: while the kernel has
        neither, there is nothing to be listed, and asking would change the host.
    :param exits: exit codes of a run that went well.
    """

    name: str
    argv: tuple[str, ...]
    version: tuple[str, ...] = ("--version",)
    root: bool = False
    needs: str = ""
    loads: tuple[str, str] | None = None
    exits: tuple[int, ...] = (0,)


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("ps", ("ps", "-eww", "-o", "pid=,ppid=,user:32=,lstart=,comm:32=,args=")),
        Tool("ss", ("ss", "-anpeOH", "-A", "inet"), ("-V",)),
        Tool("lsof", ("lsof", "-nPwb", "-i", "-F", "pfPnT"), ("-v",), exits=(0, 1)),  # 1: it found none
        Tool("lsmod", ("lsmod",)),
        Tool("systemctl", ("systemctl", "list-units", *_PLAIN, "--plain"), needs="/run/systemd/system"),
        Tool("systemctl-timers", ("systemctl", "list-timers", *_PLAIN), needs="/run/systemd/system"),
        Tool("ip-address", ("ip", "-details", "address", "show"), ("-V",)),
        Tool("ip-route", ("ip", "-details", "route", "show", "table", "all"), ("-V",)),
        Tool("ip-neigh", ("ip", "neigh", "show"), ("-V",)),
        Tool("ip-rule", ("ip", "rule", "show"), ("-V",)),
        Tool("who", ("who", "-a")),
        Tool("nft", ("nft", "-a", "list", "ruleset"), root=True, loads=("nf_tables", "nft_do_chain")),
        Tool("iptables", ("iptables-save", "-c"), root=True, loads=("x_tables", "xt_register_table")),
        Tool("ip6tables", ("ip6tables-save", "-c"), root=True, loads=("x_tables", "xt_register_table")),
    )
}


@dataclass(slots=True)
class Ran:
    """One run of a tool.

    :param state: ran, absent, needs-root, not-asked, timed-out, failed.
    """

    tool: Tool
    state: str
    path: str = ""
    out: bytes = b""
    errors: bytes = b""
    exit: int | None = None
    seconds: float = 0.0
    cut: bool = False
    pid: int = 0

    @property
    def good(self) -> bool:
        """True if its output can be compared."""
        return self.state == "ran" and self.exit in self.tool.exits and not self.cut


def locate(name: str) -> str:
    """Return the path of a tool in the fixed folders, "" if it is in none."""
    return next((f"{folder}/{name}" for folder in FOLDERS if os.access(f"{folder}/{name}", os.X_OK)), "")


def in_kernel(module: str, symbol: str) -> bool:
    """True if a part of the kernel is there: loaded, or built in (which /sys/module need not show).

    Where the kernel knows no modules (no /proc/modules) nothing can be loaded: then it counts as there.
    """
    if exists(f"/sys/module/{module}") or not exists("/proc/modules"):
        return True
    try:
        return f" {symbol}\n".encode() in read_proc("/proc/kallsyms")
    except OSError:
        return False


def run(tool: Tool, seconds: float) -> Ran:
    """Run a tool of the host with a clean environment and no input.

    :param seconds: after which it and what it started are killed.
    """
    path = locate(tool.argv[0])
    if not path:
        return Ran(tool, "absent")
    if tool.root and not is_root():
        return Ran(tool, "needs-root", path)
    if tool.needs and not exists(tool.needs):
        return Ran(tool, "not-asked", path, errors=f"there is no {tool.needs}".encode())
    if tool.loads and not in_kernel(*tool.loads):
        return Ran(tool, "not-asked", path, errors=f"asking would load {tool.loads[0]} into the kernel".encode())
    return _execute(tool, path, tool.argv[1:], seconds)


def _execute(tool: Tool, path: str, arguments: tuple[str, ...], seconds: float) -> Ran:
    start = time.monotonic()
    try:
        child = subprocess.Popen(
            [path, *arguments], env=ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        return Ran(tool, "failed", path, errors=str(error.strerror).encode())
    ran = Ran(tool, "ran", path, pid=child.pid)
    assert child.stdout is not None and child.stderr is not None
    with child.stdout, child.stderr:
        texts = _collect({child.stdout.fileno(): bytearray(), child.stderr.fileno(): bytearray()}, start + seconds)
        out, errors = texts.values()
    ran.out, ran.errors = bytes(out[:MAX_OUTPUT]), bytes(errors[:4096])
    ran.cut = len(out) > MAX_OUTPUT
    try:
        ran.exit = child.wait(max(0.1, start + seconds - time.monotonic()))
    except subprocess.TimeoutExpired:
        ran.state = "timed-out"
        _end(child)
    ran.seconds = time.monotonic() - start
    return ran


def _collect(texts: dict[int, bytearray], deadline: float) -> dict[int, bytearray]:
    """Read both streams until they end, are too long, or time is up."""
    poll, waiting = select.poll(), set(texts)
    for fd in waiting:
        poll.register(fd, select.POLLIN)
    while waiting and (left := deadline - time.monotonic()) > 0:
        for fd, _ in poll.poll(left * 1000):
            part = os.read(fd, 65536)
            texts[fd] += part
            if len(texts[fd]) > MAX_OUTPUT:
                return texts
            if not part:
                waiting.discard(fd)
                poll.unregister(fd)
    return texts


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the tool's own session; one that hangs in the kernel is left to the system."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait(2)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        return


@dataclass(slots=True)
class Tools:
    """The runs of this collection: each tool's output is stored, and stands in tools.jsonl.

    :param seconds: limit of one run.
    """

    seconds: float
    runs: dict[str, Ran] = field(default_factory=dict)

    def get(self, name: str) -> Ran:
        """Return the run of a tool, made if there is none yet."""
        if name not in self.runs:
            self.runs[name] = run(TOOLS[name], self.seconds)
        return self.runs[name]

    def again(self, name: str) -> Ran:
        """Run a tool once more, for comparison alone."""
        return run(TOOLS[name], self.seconds)

    def output(self, name: str) -> Iterator[bytes]:
        """Yield the output of a tool.

        :raises Denied: it needs root. :raises SourceError: it did not end well.
        """
        ran = self.get(name)
        if ran.state == "needs-root":
            raise Denied(f"{ran.tool.argv[0]} needs root", where=ran.path)
        if ran.out:
            yield ran.out
        if ran.state in ("timed-out", "failed") or ran.cut:
            raise SourceError(f"{ran.tool.argv[0]}: {'cut' if ran.cut else ran.state}", where=ran.path)

    def rows(self) -> Iterator[Row]:
        """Yield a row for each tool: which file it was, its version, its exit."""
        for name, tool in TOOLS.items():
            ran = self.get(name)
            row: Row = {"type": "tool", "name": name, "argv": list(tool.argv), "state": ran.state}
            if ran.path:
                row |= {"path": ran.path, "sha256": own_digest(ran.path)}
            if ran.errors:
                row["errors"] = shown(ran.errors, 1000)
            if ran.state in ("ran", "timed-out"):
                version = _execute(tool, ran.path, tool.version, min(self.seconds, 5))
                row |= {
                    "artefact": f"volatile/tool/{name}.txt", "exit": ran.exit, "milliseconds": int(ran.seconds * 1000),
                    "bytes": len(ran.out), "cut": ran.cut, "version": shown((version.out or version.errors)[:400]),
                }  # fmt: skip
            yield row
