"""Signs that a record's bytes are not all of one record, and words for what is certain about it.

No checksum covers free space. These signs catch some torn records, not all: a foreign sector of
plain text leaves none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from collectors.parsers.evtx.residual.instance import Body, Instance
from collectors.parsers.evtx.residual.resolve import Class

_STRING = 0x01
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_BROKEN = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_ANY = re.compile("|".join(one.pattern for one in (_CONTROL, _PRIVATE, _BROKEN)))

#: what may be said of a record of each class
SAID: dict[Class, str] = {
    "A1": "template certain; bytes not covered by a checksum",
    "A2": "template certain, its own text and the bytes not covered by a checksum",
    "A3": "template certain, names restored by its shape; its own text and the bytes not covered by a checksum",
    "B": "template certain, names of it lost; bytes not covered by a checksum",
    "C": "outer template certain, the inner one unknown: values by number; bytes not covered by a checksum",
    "D": "inner template certain, the outer one unknown: System by position; bytes not covered by a checksum",
    "E": "no template certain; bytes not covered by a checksum",
}
#: and of one without a template, whatever its class
SAID_BARE = "no template: its names stand in the record itself; its own text and the bytes not covered by a checksum"


def _strings(body: Body) -> Iterator[bytes]:
    if isinstance(body, Instance):
        for kind, value in zip(body.types, body.values, strict=True):
            if kind == _STRING and len(value) % 2 == 0:
                yield value[:-2] if value.endswith(b"\0\0") else value
        for one in body.nested.values():
            yield from _strings(one)


def text_signs(body: Body) -> list[str]:
    """Return what in the values' text no program writes: controls, private-use characters, broken ones."""
    text = b"\n\0".join(_strings(body)).decode("utf-16-le", "surrogatepass")
    if not _ANY.search(text):
        return []
    signs = (("controls", _CONTROL), ("private-use", _PRIVATE), ("broken-text", _BROKEN))
    return [name for name, pattern in signs if pattern.search(text)]
