"""How the rules of classes are arranged, kept from process to process: plain data beside the compiled set.

Which rules a class leaves, what decides them and which needles they have takes longer to find out than to read.
The file holds it for the classes that were met. It is named and typed as the plan is
(``forensics.detect.fast.plan``) and no more to be trusted: it holds numbers and texts, never code or conditions; what
is left of a rule's condition is made of the rule when it is first asked, and must read the fields that stand here.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any, NamedTuple

from forensics.detect.fast import plan
from forensics.detect.fast.head import Class
from forensics.detect.fast.literals import Kind, Needle, Needles

FORMAT = 1
#: classes that are kept; the first are (whoever writes a log chooses how many there are)
MAX_CLASSES = 1000
#: of the time of a child, one part in so many is spent on writing
_SHARE = 20
#: (rule, outcomes of the comparisons that the class decides)
Key = tuple[int, tuple[bool, ...]]


class Arranged(NamedTuple):
    """What is kept of one rule in a class.

    :param fixed: True or False if the class decides, else None.
    :param needles: (field, kind, text) as MessagePack, and decoded when the rule is met.
    """

    rule: int
    outcome: tuple[bool, ...]
    fixed: bool | None
    viewed: bool
    reads: tuple[str, ...]
    needles: Any


@cache
def _types() -> tuple[Any, Any, Any]:
    import msgspec

    needles = msgspec.msgpack.Decoder(tuple[tuple[str | None, Kind, str], ...] | None)
    raw: Any = msgspec.Raw
    body: Any = tuple.__class_getitem__((int, tuple[bool, ...], bool | None, bool, tuple[str, ...], raw))
    classes = list[tuple[Class, tuple[int, ...]]]
    parts: list[Any] = [
        ("stamp", str), ("sha256", str), ("bodies", list.__class_getitem__(body)), ("classes", classes)
    ]  # fmt: skip
    file = msgspec.defstruct("ClassFile", parts, array_like=True, forbid_unknown_fields=True)
    return file, needles, msgspec.Raw


def _stamp() -> str:
    return f"{plan.stamp()} classes {FORMAT}"


def needles_of(one: Arranged) -> Needles | None:
    """Return the needles of a rule.

    :raises msgspec.MsgspecError: if they are none.
    """
    found = _types()[1].decode(one.needles)
    return None if found is None else Needles(tuple(Needle(*needle) for needle in found), 0.0)


def packed(needles: Needles | None) -> Any:
    """Return *needles* as :class:`Arranged` has them."""
    import msgspec

    return msgspec.Raw(msgspec.msgpack.encode(None if needles is None else needles.any))


class Kept:
    """The classes of a rule set that are kept in a folder, those met since among them.

    :param folder: "" = nothing is read or written.
    """

    def __init__(self, folder: str = "", sha256: str = "") -> None:
        self._folder, self._sha256 = folder, sha256
        self.bodies: dict[Key, Arranged] = {}
        self.classes: dict[Class, tuple[Key, ...]] = {}
        self._new = False
        self._next = 0.0
        if folder:
            self._read()

    def _read(self) -> None:
        """What does not fit is as good as none: the classes are arranged anew."""
        import msgspec

        try:
            data = plan.read(plan.path_of(self._folder, self._sha256, "classes"))
            if data is None:
                return
            whole = msgspec.msgpack.decode(data, type=_types()[0])
            if whole.stamp != _stamp() or whole.sha256 != self._sha256 or len(whole.classes) > MAX_CLASSES:
                return
            keys = [(row[0], row[1]) for row in whole.bodies]
            classes = {of: tuple(keys[number] for number in numbers) for of, numbers in whole.classes}
        except (plan.BadPlan, msgspec.MsgspecError, IndexError, UnicodeDecodeError):
            return
        self.bodies = {key: Arranged(*row) for key, row in zip(keys, whole.bodies, strict=True)}
        self.classes = classes

    def put(self, of: Class, rules: list[Arranged]) -> None:
        """Put down a class that was arranged."""
        if not self._folder or of in self.classes or len(self.classes) >= MAX_CLASSES:
            return
        keys = tuple((one.rule, one.outcome) for one in rules)
        self.bodies.update(zip(keys, rules, strict=True))
        self.classes[of] = keys
        self._new = True

    def write(self) -> None:
        """Write what is new, if it is time; a file that cannot be written costs time and nothing else."""
        import msgspec

        start = time.monotonic()
        if not self._new or start < self._next:
            return
        numbers = {key: number for number, key in enumerate(self.bodies)}
        classes = [(of, tuple(numbers[key] for key in keys)) for of, keys in self.classes.items()]
        file = _types()[0]
        try:
            data = msgspec.msgpack.encode(
                file(_stamp(), self._sha256, [tuple(one) for one in self.bodies.values()], classes)
            )
            plan.write(plan.path_of(self._folder, self._sha256, "classes"), data)
        except (OSError, UnicodeEncodeError):
            pass
        self._new = False
        self._next = time.monotonic() + _SHARE * (time.monotonic() - start)
