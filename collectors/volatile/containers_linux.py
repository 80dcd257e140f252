"""Containers, by what their runtimes keep on disk and by the control groups of processes.

Sources: docker's containers/ID/config.v2.json, containerd's runtime v2 task folders with an OCI
config.json (opencontainers/runtime-spec), containers/storage's containers.json, cgroups(7).
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from collectors.volatile.host_linux import Host
from collectors.volatile.procfs_linux import exists, names_in, read_file, refusal
from collectors.volatile.rows import Row, problem, shown

assert sys.platform == "linux"

MAX_CONFIG = 8 << 20
_ID = re.compile(r"[0-9a-f]{64}")
_DOCKER = "/var/lib/docker/containers"
_CONTAINERD = "/run/containerd/io.containerd.runtime.v2.task"
_STORAGE = ("/var/lib/containers/storage/overlay-containers/containers.json",)


def _at(config: Any, *keys: str) -> Any:
    for key in keys:
        config = config.get(key) if isinstance(config, dict) else None
    return config


def _text(value: Any) -> str | None:
    return shown(value.encode("utf-8", "surrogatepass")) if isinstance(value, str) else None


def _texts(value: Any) -> list[str]:
    return [text for text in map(_text, value[:256]) if text is not None] if isinstance(value, list) else []


def _docker(config: Any) -> Row:
    ports, mounts = _at(config, "NetworkSettings", "Ports"), _at(config, "MountPoints")
    pid = _at(config, "State", "Pid")
    return {
        "name": _text(_at(config, "Name")), "image": _text(_at(config, "Config", "Image")),
        "created": _text(_at(config, "Created")),
        "command": _texts([_at(config, "Path")]) + _texts(_at(config, "Args")),
        "pid": pid if isinstance(pid, int) else None, "running": _at(config, "State", "Running") is True,
        "ports": _texts(list(ports)) if isinstance(ports, dict) else [],
        "mounts": _texts([_at(mount, "Source") for mount in mounts.values()]) if isinstance(mounts, dict) else [],
    }  # fmt: skip


def _oci(config: Any) -> Row:
    mounts = _at(config, "mounts")
    return {
        "name": _text(_at(config, "hostname")), "command": _texts(_at(config, "process", "args")),
        "image": _text(_at(config, "annotations", "io.kubernetes.cri.image-name")),
        "mounts": _texts([_at(mount, "source") for mount in mounts]) if isinstance(mounts, list) else [],
    }  # fmt: skip


def _config(path: str, runtime: str, id: str, read: Callable[[Any], Row]) -> Row:
    try:
        text, _ = read_file(path, MAX_CONFIG)
        return {"type": "container", "runtime": runtime, "id": shown(id.encode()), "from": path} | read(
            json.loads(text)
        )
    except OSError as error:
        return refusal(path, error)
    except (ValueError, RecursionError, TypeError) as error:
        return problem(path, "format", str(error))


def _storage(path: str) -> Iterator[Row]:
    try:
        listed = json.loads(read_file(path, MAX_CONFIG)[0])
    except OSError as error:
        yield refusal(path, error)
        return
    except (ValueError, RecursionError) as error:
        yield problem(path, "format", str(error))
        return
    for entry in listed[:10_000] if isinstance(listed, list) else []:
        names = _texts(_at(entry, "names"))
        yield {
            "type": "container", "runtime": "containers-storage", "id": _text(_at(entry, "id")), "from": path,
            "name": names[0] if names else None, "image": _text(_at(entry, "image")),
            "created": _text(_at(entry, "created")),
        }  # fmt: skip


def container_rows(host: Host) -> Iterator[Row]:
    """Yield what runtimes keep of each container, groups of processes that name one, and whether we are in one."""
    try:
        for id in names_in(_DOCKER):
            yield _config(f"{_DOCKER}/{id}/config.v2.json", "docker", id, _docker)
    except OSError as error:
        yield refusal(_DOCKER, error)
    try:
        for space in names_in(_CONTAINERD):
            for id in names_in(f"{_CONTAINERD}/{space}"):
                yield _config(f"{_CONTAINERD}/{space}/{id}/config.json", f"containerd/{space}", id, _oci)
    except OSError as error:
        yield refusal(_CONTAINERD, error)
    for path in _STORAGE:
        yield from _storage(path)
    groups: dict[str, list[int]] = defaultdict(list)
    for pid, seen in host.index.processes.items():
        found = _ID.findall(seen.cgroup)
        if found:
            groups[found[-1]].append(pid)
    for id, pids in sorted(groups.items()):
        yield {"type": "group", "id": id, "pids": pids[:4096], "count": len(pids)}
    for path in ("/.dockerenv", "/run/.containerenv"):
        if exists(path):
            yield {"type": "inside", "path": path, "detail": "this system is itself a container"}
