"""Addresses against networks, for ``cidr``."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_MAX = 64


@lru_cache(1024)
def network(text: str) -> Network:
    """Return a rule's network; bits beyond the mask are passed over (``10.1.2.3/8`` is ``10.0.0.0/8``).

    :raises ValueError: if it is none.
    """
    found = ipaddress.ip_network(text, strict=False)
    mapped = found.network_address.ipv4_mapped if isinstance(found, ipaddress.IPv6Network) else None
    return ipaddress.ip_network((mapped, found.prefixlen - 96)) if mapped and found.prefixlen >= 96 else found


@lru_cache(1024)
def address(text: str) -> Address | None:
    """Return a value as an address, None if it is none.

    A zone (``fe80::1%12``) is passed over; an IPv4 address in IPv6 dress (``::ffff:10.0.0.1``) is the IPv4 one:
    Windows writes both.
    """
    if not 2 <= len(text) <= _MAX:
        return None
    try:
        found = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def inside(text: str, net: str) -> bool:
    """True if *text* is an address of the network *net*."""
    found, wanted = address(text), network(net)
    return found is not None and found.version == wanted.version and found in wanted
