"""The kernel: version, command line, taint, settings that matter, modules, mounts.

Sources: proc(5), Documentation/admin-guide/tainted-kernels.rst, Documentation/admin-guide/sysctl/.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from collectors.volatile.host_linux import Host
from collectors.volatile.procfs_linux import names_in, read_proc, refusal, value_of
from collectors.volatile.rows import Row, shown
from collectors.volatile.stat_linux import boot_ns
from forensics.source.oserrors import error_code
from forensics.source.times import rfc3339

assert sys.platform == "linux"

#: Letter of each taint bit, in order, as the kernel prints them.
TAINTS = "PFSRMBUDAWCIOELKXTNJ"
_VALUES = (
    "/proc/version", "/proc/cmdline", "/proc/uptime", "/proc/loadavg", "/proc/sys/kernel/random/boot_id",
    "/sys/kernel/security/lsm", "/sys/kernel/security/lockdown", "/proc/sys/fs/binfmt_misc/status",
)  # fmt: skip
#: Settings by which an intruder hides, stays, or sees more; and those that tell how far we could see.
SYSCTLS = (
    "kernel/hostname", "kernel/domainname", "kernel/pid_max", "kernel/ns_last_pid", "kernel/core_pattern",
    "kernel/core_uses_pid", "kernel/modprobe", "kernel/hotplug", "kernel/poweroff_cmd", "kernel/modules_disabled",
    "kernel/kexec_load_disabled", "kernel/kptr_restrict", "kernel/dmesg_restrict", "kernel/perf_event_paranoid",
    "kernel/randomize_va_space", "kernel/sysrq", "kernel/unprivileged_bpf_disabled", "kernel/yama/ptrace_scope",
    "kernel/usermodehelper/bset", "kernel/ftrace_enabled", "kernel/unprivileged_userns_clone", "kernel/nmi_watchdog",
    "fs/suid_dumpable", "fs/protected_hardlinks", "fs/protected_symlinks", "fs/protected_fifos",
    "fs/protected_regular", "user/max_user_namespaces", "vm/overcommit_memory", "vm/mmap_min_addr",
    "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv4/conf/all/accept_redirects",
    "net/ipv4/conf/all/rp_filter", "net/ipv4/conf/all/route_localnet", "net/ipv4/icmp_echo_ignore_all",
    "net/core/bpf_jit_enable",
)  # fmt: skip


def _value(name: str, path: str) -> Row:
    try:
        return {"type": "value", "name": name, "value": shown(read_proc(path, 65536).rstrip(b"\n\0"))}
    except OSError as error:
        return {"type": "value", "name": name, "value": None, "code": error_code(error)}


def kernel_rows(host: Host) -> Iterator[Row]:
    """Yield what the kernel says of itself; a value that is not there is null, with the reason in ``code``."""
    boot = boot_ns()
    yield {"type": "value", "name": "boot", "value": rfc3339(boot), "ns": boot}
    for path in _VALUES:
        yield _value(path, path)
    yield {"type": "value", "name": "uname", "value": " ".join(os.uname())}
    row = _value("tainted", "/proc/sys/kernel/tainted")
    if row["value"] is not None and row["value"].isdigit():
        row["flags"] = [TAINTS[bit] for bit in range(len(TAINTS)) if int(row["value"]) >> bit & 1]
    yield row
    for name in SYSCTLS:
        yield _value(f"sysctl {name.replace('/', '.')}", f"/proc/sys/{name}")
    yield from _handlers()


def _handlers() -> Iterator[Row]:
    """Programs that the kernel starts for files of a form: a known place to persist (binfmt_misc)."""
    try:
        names = names_in("/proc/sys/fs/binfmt_misc")
    except OSError:
        return
    for name in names:
        if name not in ("register", "status"):
            yield _value(f"binfmt {name}", f"/proc/sys/fs/binfmt_misc/{name}")


def module_rows(host: Host) -> Iterator[Row]:
    """Yield modules of /proc/modules and of /sys/module; ``listed_in`` tells which of the two know one.

    A module that took itself off the kernel's list is gone from /proc/modules; some forget
    /sys/module. Built-in ones stand in /sys/module without ``initstate`` and are left out.
    """
    listed: dict[str, list[bytes]] = {}
    try:
        for line in read_proc("/proc/modules").splitlines():
            words = line.split()
            listed[shown(words[0])] = words
    except OSError as error:
        yield refusal("/proc/modules", error)
    try:
        loaded = {name for name in names_in("/sys/module") if os.path.lexists(f"/sys/module/{name}/initstate")}
    except OSError as error:
        yield refusal("/sys/module", error)
        loaded = set()
    for name in sorted(listed.keys() | loaded):
        row: Row = {"type": "module", "name": name}
        row["listed_in"] = [where for where, known in (("proc", listed), ("sys", loaded)) if name in known]
        words = listed.get(name, [])
        if len(words) >= 6:
            row |= {
                "size": int(words[1]) if words[1].isdigit() else None, "references": shown(words[2]),
                "used_by": [shown(word) for word in words[3].split(b",") if word not in (b"", b"-")],
                "state": shown(words[4]), "address": shown(words[5]),
            }  # fmt: skip
        base = f"/sys/module/{name}"
        row |= {key: value_of(f"{base}/{key}") for key in ("taint", "srcversion", "version")} if name in loaded else {}
        yield row
