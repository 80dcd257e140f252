"""An event as Sigma sees it: which fields a native record has, and which texts.

Both engines obey this page (docs/sigma.md says it for people):

- A **field** is an element that holds a value, at any depth of the record, by its own name:
  ``EventID``, ``CommandLine``, ``param1``. What has no name of its own is ``Data``.
- An attribute is ``<element>_<attribute>``: ``Provider_Name``, ``Execution_ProcessID``. Namespaces
  (``xmlns``, ``xmlns:...``) are no fields.
- A field has **several values** if its name stands in several places or holds a list: a comparison
  holds if any of them fulfils it. (The ``evtx`` package numbers equal names side by side: ``Name``,
  ``Name_1``.) ``Channel`` of System and ``Channel`` of UserData (who cleared which log) are two values
  of one field. The conditions of a *log source* look at System's alone: :attr:`View.system`.
- A value is text: as it stands; a number in decimal digits; ``true`` and ``false``. An element with
  nothing in it is None: it is there, and its text is empty.
- Names are compared letter by letter; case counts.
- **Keywords** look at every value of the record, never at names.

Source: Sigma specification 2.1; Microsoft, Event Schema; the JSON of the ``evtx`` package.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

Value: TypeAlias = str | None
#: the three by which records are told apart; a log source's conditions look at nothing else
CLASS_FIELDS = ("Provider_Name", "Channel", "EventID")


@dataclass(frozen=True)
class View:
    """One event ready to be matched.

    :param fields: name -> values in the order of the record; never an empty tuple.
    :param system: the :data:`CLASS_FIELDS` as System has them, and nothing else.
    """

    fields: Mapping[str, tuple[Value, ...]]
    system: Mapping[str, tuple[Value, ...]]

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Every value, for keywords."""
        return tuple(value or "" for values in self.fields.values() for value in values)


def text_of(value: Any) -> Value:
    """Return a scalar of a record as text; None stays None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def leaves(name: str, value: Any) -> Iterator[tuple[str, Value]]:
    """Yield (field, value) of everything below the element *name*; as deep as it goes, without recursion."""
    stack: list[tuple[str, Any]] = [(name, value)]
    while stack:
        name, value = stack.pop()
        if isinstance(value, list):
            stack.extend((name, item) for item in reversed(value))
        elif isinstance(value, Mapping):
            for key, inner in reversed(tuple(value.items())):
                if key == "#text":
                    stack.append((name, inner))
                elif key == "#attributes" and isinstance(inner, Mapping):
                    stack.extend(
                        (f"{name}_{a}", text) for a, text in reversed(tuple(inner.items())) if not _namespace(a)
                    )
                else:
                    stack.append((key, inner))
        else:
            yield name, text_of(value)


def _namespace(attribute: str) -> bool:
    return attribute == "xmlns" or attribute.startswith("xmlns:")


def view_of(record: Mapping[str, Any]) -> View:
    """Return the view of a native record, ``{"Event": {"System": ..., "EventData": ...}}``.

    :param record: JSON values; a stored event's ``attrs`` is one too: what stands beside ``Event`` is not looked at.
    :raises ValueError: if it holds no event.
    """
    event = record.get("Event")
    if not isinstance(event, Mapping):
        raise ValueError("no Event in the record")
    fields: dict[str, list[Value]] = {}
    system: dict[str, list[Value]] = {}
    for section, content in event.items():
        if section == "#attributes" or content is None:
            continue
        for name, value in leaves(section, content):
            fields.setdefault(name, []).append(value)
            if section == "System" and name in CLASS_FIELDS:
                system.setdefault(name, []).append(value)
    return View(
        {name: tuple(values) for name, values in fields.items()},
        {name: tuple(values) for name, values in system.items()},
    )


def view_of_text(text: str | bytes) -> View:
    """Return the view of a record's JSON text.

    :raises ValueError: if it is no JSON object, or holds no event.
    """
    import msgspec

    try:
        record = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"no JSON: {error}") from error
    if not isinstance(record, dict):
        raise ValueError("no JSON object")
    return view_of(record)
