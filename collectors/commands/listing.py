"""Every definition there is, as rows: our stanzas, ForensicArtifacts, and KAPE where its folder is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from collectors.forensicartifacts.collector import ForensicArtifactsCollector
from collectors.kape.collector import KapeCollector
from collectors.stanzas import StanzaCollector
from collectors.targets import Target
from forensics import registry
from forensics.errors import UsageError

SCHEMA = "sealbag/targets/1"


def every(kape: str | None) -> Iterator[Target]:
    """Yield every definition.

    :param kape: a folder of ``.tkape`` files; every target of it is listed, chosen by a profile or not.
    :raises ConfigError: definitions cannot be read.
    """
    for rule in StanzaCollector().rules():
        yield Target(rule, "file")
    yield from ForensicArtifactsCollector().targets()
    if kape is not None:
        yield from KapeCollector({"folder": kape}).every()


def find(id: str, kape: str | None) -> Target:
    """Return the definition *id*; a name without its collector is enough where it is the only one.

    :raises UsageError: there is none, with the nearest.
    """
    targets = {target.rule.id: target for target in every(kape)}
    wanted = re.sub("^forensicartefacts:", "forensicartifacts:", id)
    found = [target for name, target in targets.items() if wanted in (name, name.partition(":")[2])]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{wanted} is {' and '.join(target.rule.id for target in found[:8])}")
    names = [*targets, *(name.partition(":")[2] for name in targets)]
    raise UsageError(f"no definition is called {wanted[:200]}{registry.near(wanted, names)}")


def row_of(target: Target) -> dict[str, Any]:
    """A definition as it is printed with --json."""
    rule = target.rule
    return {
        "schema": SCHEMA,
        "id": rule.id,
        "kind": target.kind,
        "state": target.state,
        "code": rule.code,
        "reason": target.reason,
        "os": rule.os,
        "where": rule.where,
        "description": rule.description,
        "patterns": list(rule.patterns),
        "members": list(target.members),
        "kinds": list(rule.kinds) if rule.patterns else [],
        "priority": rule.priority,
        "cap": rule.cap,
    }
