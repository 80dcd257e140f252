"""Where things lie and what that says: reasons of a path, from ``data/places.toml``."""

from __future__ import annotations

import ipaddress
import re
from functools import cache

from forensics.answers.grade import table

_DRIVE = re.compile(r"^(?:\\\\\?\\)?[a-z]:")


@cache
def _patterns(section: str, name: str) -> re.Pattern[str]:
    flags = re.IGNORECASE if section in ("windows", "scripts") else 0
    return re.compile("|".join(f"(?:{pattern})" for pattern in table("places")[section][name]), flags)


def matches(section: str, name: str, path: str) -> bool:
    """Whether *path* fits one of the patterns of ``[section] name``."""
    return _patterns(section, name).search(path[:4096]) is not None


def windows_path(path: str) -> str:
    """A Windows path in one form: no drive, ``/``, lower case, no quotes, variables of its usual places resolved."""
    text = path.strip().strip('"').lower()
    text = text.replace("%systemroot%", "/windows").replace("%windir%", "/windows").replace("\\systemroot", "/windows")
    text = text.replace("%temp%", "/appdata/local/temp").replace("%public%", "/users/public")
    return _DRIVE.sub("", text).replace("\\", "/")


def hidden(path: str) -> bool:
    """True if a part of the path begins with a dot where that is unusual."""
    return "/." in path and not matches("linux", "usual_hidden", path)


def place_reasons(path: str) -> list[str]:
    """Reasons that a Linux path gives by itself."""
    found = []
    if matches("linux", "writable", path):
        found.append("writable-place")
    elif matches("linux", "home", path):
        found.append("home-place")
    if hidden(path):
        found.append("hidden-name")
    return found


def windows_reasons(text: str) -> list[str]:
    """Reasons that a Windows command line or path gives by itself."""
    found = []
    if matches("windows", "admin_share", text.lower()):
        found.append("remote-share")
    if matches("windows", "writable", windows_path(text)):
        found.append("writable-place")
    return found


_LOCAL = tuple(
    ipaddress.ip_network(text)
    # RFC 1918, RFC 6598 (carriers' networks), RFC 4193
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def private(address: str) -> bool:
    """True for an address of a local network; loopback and link-local are none."""
    found = _address(address)
    return found is not None and any(found.version == one.version and found in one for one in _LOCAL)


def loopback(address: str) -> bool:
    """True for the host itself."""
    found = _address(address)
    return found is not None and found.is_loopback


def public(address: str) -> bool:
    """True for an address that is none of the local ones."""
    found = _address(address)
    if found is None or found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast:
        return False
    return not private(address)
