"""Which machine an address is, as records say: a computer's own connections first, else what clients claim."""

from __future__ import annotations

from dataclasses import dataclass, field

from forensics.answers import fields
from forensics.answers.cited import host
from forensics.answers.lateral_edges import label
from forensics.answers.places import loopback
from forensics.model.event import Event

MAX_ADDRESSES, MAX_NAMES = 20_000, 4
_OUTBOUND = "%%14593"


@dataclass(slots=True)
class Names:
    """Addresses and the names of machines.

    :param own: an address that a computer's own log gives as the near end of its connections.
    :param claimed: an address with the work station's name that a client gave at its logon: it may lie.
    """

    own: dict[str, set[str]] = field(default_factory=dict)
    claimed: dict[str, set[str]] = field(default_factory=dict)

    def learn(self, event: Event) -> None:
        """One record."""
        if event.action == "network-connection":
            out = fields.text(event, "Direction") == _OUTBOUND or fields.text(event, "Initiated").lower() == "true"
            _put(self.own, fields.text(event, "SourceIp", "SourceAddress") if out else "", label(host(event)))
        elif event.action == "logon" and event.src_ip:
            _put(self.claimed, event.src_ip, label(fields.text(event, "WorkstationName")[:255].lower()))

    def name(self, address: str) -> str:
        """The one name of an address; "" if none is known or several are."""
        for known in (self.own, self.claimed):
            found = known.get(address, set())
            if len(found) == 1:
                return next(iter(found))
            if found:
                return ""
        return ""

    def node(self, machine: str) -> str:
        """One name for a machine, however a record names it."""
        return self.name(machine) or label(machine)


def _put(known: dict[str, set[str]], address: str, name: str) -> None:
    if not address or not name or loopback(address) or address.startswith("fe80:"):
        return
    if address not in known and len(known) >= MAX_ADDRESSES:
        return
    found = known.setdefault(address, set())
    if len(found) < MAX_NAMES:
        found.add(name)
