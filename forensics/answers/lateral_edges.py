"""From which machine to which one record tells of a step: the edges that a record gives by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from forensics.answers import fields
from forensics.answers.cited import host
from forensics.answers.places import loopback
from forensics.model.event import Event

#: where a record does not say from where
UNKNOWN = "(not recorded)"
_PIPES = {
    "svcctl": "service control", "atsvc": "task scheduler", "winreg": "registry", "samr": "account database",
    "lsarpc": "security authority", "srvsvc": "server service", "wkssvc": "workstation service",
    "spoolss": "print spooler", "efsrpc": "file encryption", "netlogon": "netlogon", "eventlog": "event log",
    "ntsvcs": "plug and play", "epmapper": "endpoint mapper", "netdfs": "file replication", "initshutdown": "shutdown",
}  # fmt: skip
_PORTS = {22: "ssh", 135: "RPC", 139: "SMB", 445: "SMB", 3389: "remote desktop", 5985: "WinRM", 5986: "WinRM"}
_TYPES = {
    "3": "network logon", "8": "network logon, clear text", "10": "remote desktop", "12": "remote desktop",
}  # fmt: skip
_INBOUND = "%%14592"
_PREFIX = re.compile(r"^\\\\|^[a-z]{2,12}/", re.IGNORECASE)


class Step(NamedTuple):
    """One edge as a record gives it.

    :param detail: what makes it worth a look (a pipe, a file, a service); "" if nothing does.
    """

    source: str
    target: str
    account: str
    protocol: str
    detail: str = ""


def name_of(text: str) -> str:
    """The name of a machine in one form: lower case, no ``\\\\`` or ``cifs/`` before it, no port behind it."""
    found = _PREFIX.sub("", text.strip())[:255].lower()
    # IPv4-mapped addresses and ports of "10.0.0.1:445"
    found = found.removeprefix("::ffff:")
    return found.partition(":")[0] if found.count(":") == 1 else found


def label(name: str) -> str:
    """The first label of a host's name; an address as it is."""
    return name if re.fullmatch(r"[0-9.]+|.*:.*", name) else name.partition(".")[0]


def itself(source: str, target: str) -> bool:
    """Whether both ends are the same machine."""
    local = loopback(source) or loopback(target) or source in ("localhost", "local")
    return local or label(source) == label(target)


def _logon(event: Event) -> Iterator[Step]:
    if event.parser.startswith("linux."):
        if event.src_ip and event.process.rpartition("/")[2].startswith("sshd"):
            yield Step(event.src_ip, host(event), event.user, "ssh", fields.text(event, "method"))
        return
    protocol = _TYPES.get(fields.text(event, "LogonType"))
    source = event.src_ip or name_of(fields.text(event, "WorkstationName"))
    if protocol and source:
        yield Step(source, host(event), event.user, protocol)


def _share(event: Event) -> Iterator[Step]:
    share = fields.text(event, "ShareName").rpartition("\\")[2][:64]
    inside = fields.text(event, "RelativeTargetName")[:256]
    if not event.src_ip:
        return
    if share.upper() == "IPC$":
        known = _PIPES.get(inside.lower().removeprefix("pipe\\"))
        protocol = f"pipe: {known}" if known else "pipe: other" if inside else "share IPC$"
    else:
        protocol = f"share {share}"
    yield Step(event.src_ip, host(event), event.user, protocol, inside if inside != "\\" else "")


def _credentials(event: Event) -> Iterator[Step]:
    target = name_of(fields.text(event, "TargetServerName"))
    if target and target != "localhost":
        program = event.process.replace("\\", "/").rpartition("/")[2]
        yield Step(host(event), target, event.user, "explicit credentials", program)


def _desktop(event: Event) -> Iterator[Step]:
    if event.src_ip:
        yield Step(event.src_ip, host(event), event.user, "remote desktop")


def _desktop_out(event: Event) -> Iterator[Step]:
    target = name_of(fields.text(event, "Value"))
    if target:
        yield Step(host(event), target, event.user, "remote desktop client")


def _winrm(event: Event) -> Iterator[Step]:
    if event.action == "winrm-outgoing":
        target = name_of(fields.text(event, "connection").partition("/")[0])
        if target:
            yield Step(host(event), target, event.user, "WinRM client")
    else:
        yield Step(UNKNOWN, host(event), event.user, "WinRM")


def _wmi(event: Event) -> Iterator[Step]:
    source = name_of(fields.text(event, "ClientMachine"))
    if source:
        yield Step(source, host(event), event.user, "WMI", fields.text(event, "Operation")[:256])


def _connection(event: Event) -> Iterator[Step]:
    get = fields.text
    port = fields.number(event, "DestinationPort", "DestPort")
    service = _PORTS.get(port) if port is not None else None
    if not service:
        return
    there = get(event, "DestinationIp", "DestAddress")
    inbound = get(event, "Direction") == _INBOUND or get(event, "Initiated").lower() == "false"
    here, program = host(event), event.process.replace("\\", "/").rpartition("/")[2]
    source, target = (get(event, "SourceIp", "SourceAddress"), here) if inbound else (here, there)
    if source and target:
        yield Step(name_of(source), name_of(target), event.user, f"connection: {service}", program)


STEPS: Mapping[str, Callable[[Event], Iterator[Step]]] = {
    "logon": _logon, "share-access": _share, "explicit-credentials": _credentials, "rdp-authenticated": _desktop,
    "rdp-logon": _desktop, "rdp-reconnected": _desktop, "rdp-outgoing": _desktop_out, "winrm-outgoing": _winrm,
    "winrm-authenticated": _winrm, "winrm-session": _winrm, "wmi-failed": _wmi, "network-connection": _connection,
}  # fmt: skip


def steps(event: Event) -> Iterator[Step]:
    """The edges of one record; a machine's steps to itself are none."""
    make = STEPS.get(event.action)
    for step in make(event) if make is not None else ():
        if not itself(step.source, step.target):
            yield step
