"""``windows.wevt``: the event templates that a provider's own file has in its resources.

They name the fields of events; with them ``windows.evtx-residual`` can read records whose template every log has
lost. Each is an undated event, so that what was used can be cited and searched. Nobody checks here whether the file
is signed, or is the one that wrote the log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from collectors.parsers.evtx.residual.meaning import fields_of
from collectors.parsers.evtx.residual.store import guid_text
from collectors.parsers.evtx.slots import read_at
from collectors.parsers.evtx.wevt.manifest import MAX_TEMPLATES, Template, templates
from collectors.parsers.evtx.wevt.pe import has_templates, resources
from collectors.parsers.text import one_line
from forensics.model.event import Event, Opened, Problem

_NAMES = re.compile(r"\.(?:dll|exe|sys|mui)$", re.IGNORECASE)
_SHOWN = 12


def found_in(opened: Opened) -> Iterator[tuple[int, Template] | Problem]:
    """Yield each template of a file with the offset of its resource, or a problem."""
    seen: set[int] = set()  # resources of a forged file may overlap
    with opened.open() as stream:
        try:
            for resource in resources(lambda at, length: read_at(stream, at, length)):
                try:
                    for one in templates(resource.data):
                        place = resource.offset + one.offset
                        if place in seen:
                            continue
                        if len(seen) >= MAX_TEMPLATES:
                            raise ValueError(f"more than {MAX_TEMPLATES} templates in a file")
                        seen.add(place)
                        yield resource.offset, one
                except ValueError as error:
                    yield Problem(f"o{resource.offset}", "manifest", str(error))
        except ValueError as error:
            yield Problem("o0", "resources", str(error))


class WevtParser:
    """Event templates of PE files."""

    id = "windows.wevt"
    version = "1"
    inputs: tuple[str, ...] = ()

    def claims(self, name: str, head: bytes) -> int:
        """50 for a PE file's name and magic; :meth:`confirms` then looks for the resource."""
        return 50 if head.startswith(b"MZ") and _NAMES.search(name) else 0

    def confirms(self, head: bytes, read: Callable[[int, int], bytes]) -> bool:
        """Return True if the file has event templates."""
        return has_templates(head, read)

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield an event for each template, or a problem for what cannot be read."""
        count = 0
        for found in found_in(opened):
            if isinstance(found, Problem):
                yield found
                continue
            offset, one = found
            count += 1
            if one.definition is None:
                yield Problem(f"o{offset + one.offset}", "template", f"{guid_text(one.guid)}: {one.why}")
            else:
                yield _event(opened, offset, one)
        opened.tell("templates", count)


def _event(opened: Opened, offset: int, one: Template) -> Event:
    assert one.definition is not None
    names = fields_of(one.definition)
    ids = sorted({identifier for identifier, _ in one.events})
    shown = ", ".join(str(each) for each in ids[:_SHOWN]) + (", ..." if len(ids) > _SHOWN else "")
    text = f"template {guid_text(one.guid)} of provider {guid_text(one.provider)}, events {shown or '-'}: "
    attrs: dict[str, Any] = {
        "template": guid_text(one.guid), "provider": guid_text(one.provider), "offset": offset + one.offset,
        "events": [{"id": identifier, "version": version} for identifier, version in one.events], "fields": names,
    }  # fmt: skip
    message = one_line(text + ", ".join(names))
    return opened.event(f"o{offset + one.offset}", action="event-template", message=message, attrs=attrs)
