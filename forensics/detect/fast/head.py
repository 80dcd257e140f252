"""The head of a record, without decoding the record: which class it is of, and where its data begins.

A record is cut in three: what stands before ``TimeCreated`` (provider and event id: a few hundred different
texts in a log), the rest of System, which must look exactly as the pattern says, and the data. The first part
and the channel are decoded as JSON once for each text that they have. A quoted name with its colon
cannot stand inside a JSON string, so the first ``"TimeCreated":`` is a name; that it is the one of System is
checked. Whatever looks otherwise is no error: it is decoded whole, field by field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from forensics.detect.fast.literals import SYSTEM_FIELDS
from forensics.detect.view import CLASS_FIELDS, Value, View, view_of_text

#: values of the class's fields, in their order
Class = tuple[tuple[Value, ...], ...]
MARK = '"TimeCreated":'
#: a longer head is not remembered
MAX_HEAD = 4096
#: what may stand in the values that are not looked at; a keyword of these characters alone is looked for there
QUIET = frozenset("0123456789abcdefstz:.+-{}")
_GUID = r"\"[0-9A-Fa-f{}-]{0,40}\""
_QUOTED = r"\"[^\"\\]{0,300}\""
_NUMBER = r"[0-9]{1,20}"
_ACTIVITY = rf"\{{\"#attributes\":\{{\"ActivityID\":{_GUID}(?:,\"RelatedActivityID\":{_GUID})?\}}\}}"
_TIMES = rf"(?:,\"(?:ProcessorID|SessionID|KernelTime|UserTime|ProcessorTime)\":{_NUMBER})*"
_PROCESS = rf"\{{\"#attributes\":\{{\"ProcessID\":{_NUMBER},\"ThreadID\":{_NUMBER}{_TIMES}\}}\}}"
_MIDDLE = re.compile(
    rf"\"TimeCreated\":\{{\"#attributes\":\{{\"SystemTime\":\"[0-9TZ:.+-]{{0,40}}\"\}}\}},\"EventRecordID\":{_NUMBER},"
    rf"(?:\"Correlation\":(?:null|{_ACTIVITY}),)?(?:\"Execution\":(?:null|{_PROCESS}),)?"
    rf"(\"Channel\":(?:null|{_QUOTED})),(\"Computer\":(?:null|{_QUOTED})),"
    r"\"Security\":(?:null|\{\"#attributes\":\{\"UserID\":\"S[0-9-]{1,200}\"\}\})\},\"EventData\":"
)
_STAMP = re.compile(rf"{MARK}\{{\"#attributes\":\{{\"SystemTime\":\"([0-9TZ:.+-]{{0,40}})\"")
#: gives the middle of a record: group 1 is the channel, 2 the computer, and the data begins where it ends
middle = _MIDDLE.match


@dataclass(frozen=True, slots=True)
class Head:
    """What the decoded head says.

    :param texts: every value of it, in lower case, for keywords.
    """

    of: Class
    texts: str


def stamp_of(text: str) -> str | None:
    """Return the time that stands in a record whose middle is as :data:`middle` wants it."""
    at = text.find(MARK)
    found = _STAMP.match(text, at) if at >= 0 else None
    return found[1] if found else None


def class_of(view: View) -> Class:
    """Return the class of an event."""
    return tuple(view.system.get(name, ()) for name in CLASS_FIELDS)


def head_of(before: str, named: str) -> Head | None:
    """Return what a head says, None if it is not built as heads are.

    :param before: the record's text before ``"TimeCreated":``.
    :param named: its channel, as :data:`middle` gives it.
    """
    import msgspec

    whole = f'{before}"TimeCreated":"sealbag",{named}}}}}}}'
    try:
        record = msgspec.json.decode(whole)
        view = view_of_text(whole)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    # The texts end inside System, and System is all that stood there.
    if set(record) != {"Event"} or not set(record["Event"]) <= {"#attributes", "System"}:
        return None
    system = record["Event"].get("System")
    if (
        not isinstance(system, dict)
        or system.get("TimeCreated") != "sealbag"
        or not SYSTEM_FIELDS.issuperset(view.fields)
    ):
        return None
    texts = (text for name, values in view.fields.items() if name != "TimeCreated" for text in values if text)
    return Head(class_of(view), "\n".join(texts).lower())
