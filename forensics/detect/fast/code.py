"""A condition as a Python function.

Rules are hostile: no text of a rule becomes code. The source is put together of the fixed pieces below and of
numbers; every literal, expression and field name is an object that the code finds under a numbered name
(``k0``, ``k1``...). So a rule can choose which of our pieces run, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from forensics.detect.ast import And, Atom, Node, Not, Or, atoms
from forensics.detect.fast.fold import MAX_DEPTH, depth
from forensics.detect.reference import MAX_RE, compare, expression, holds
from forensics.detect.view import text_of

#: more comparisons than this are left to the reference engine
MAX_ATOMS = 20_000
#: plain answers before a function is made
FIRST = 12
#: stands for a field that is not in the event; None is one that is there and empty
MISSING = object()
#: called with every field's value: text, int, None or MISSING
Function: TypeAlias = Callable[..., bool]
#: what a function begins with, for each field: its text ("" if empty, None if missing), its lower case
_TEXT = " o{i} = v{i} if type(v{i}) is str else text(v{i})\n"
_LOW = " l{i} = None if o{i} is None else o{i}.lower()\n"
#: fixed pieces; v = o (the text) or l (its lower case), i = the field's number, k = the constant's
_ONE = {
    "eq": "{v}{i} == k{k}",
    "contains": "({v}{i} is not None and k{k} in {v}{i})",
    "startswith": "({v}{i} is not None and {v}{i}.startswith(k{k}))",
    "endswith": "({v}{i} is not None and {v}{i}.endswith(k{k}))",
}
_SEVERAL = {**_ONE, "eq": "{v}{i} in k{k}", "contains": "({v}{i} is not None and k{k}({v}{i}))"}
_ASK = "({v}{i} is not None and k{k}({v}{i}))"
_PRE = "({v}{i} is not None and k{p}(l{i}, o{i}) and k{k}({v}{i}))"
_NULL = "(v{i} is None or o{i} is None)"
_THERE = {True: "o{i} is not None", False: "o{i} is None"}
_PAIR = "(o{i} is not None and o{j} is not None and k{k}({v}{i}, {v}{j}))"


def reads(node: Node) -> tuple[str, ...]:
    """Return the names of the fields that *node* looks at, in the order that :func:`function` takes them."""
    found: dict[str, None] = {}
    for atom in atoms(node):
        if atom.field is not None:
            found[atom.field] = None
            if atom.op.startswith("fieldref"):
                found[str(atom.value)] = None
    return tuple(found)


def generable(node: Node) -> bool:
    """False if *node* is left to the reference engine: keywords, and what is beyond bounds."""
    if depth(node) > MAX_DEPTH:
        return False
    return all(atom.field is not None and number < MAX_ATOMS for number, atom in enumerate(atoms(node)))


def function(node: Node) -> Function:
    """Return *node* as a function; it must be :func:`generable`."""
    source = source_of(node)
    space: dict[str, Any] = {"__builtins__": {}, "type": type, "str": str, "text": _text, **source.constants}
    exec(compile(source.text, "<sigma>", "exec"), space)
    made: Function = space["rule"]
    return made


class Question:
    """A condition to be asked with values: the first times as the reference engine does it, then by a function.

    To make a function takes as long as fifty plain answers, and most conditions are asked a few times (measured).
    """

    __slots__ = ("_ask", "_left", "names", "node", "slow")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.names = reads(node)
        #: whether it holds expressions, which may run away
        self.slow = any(atom.op in ("re", "wildcard") for atom in atoms(node))
        self._left = FIRST
        self._ask: Function | None = None

    def __call__(self, values: Sequence[Any]) -> bool:
        """Whether it holds of *values*, which are those of :attr:`names`."""
        if self._ask is None:
            self._left -= 1
            if self._left >= 0:
                named = zip(self.names, values, strict=True)
                return holds(self.node, {name: (text_of(one),) for name, one in named if one is not MISSING}, ())
            self._ask = function(self.node)
        return bool(self._ask(*values))


class Source:
    """The text of one function and the objects that it names."""

    def __init__(self, node: Node) -> None:
        self._fields = {name: number for number, name in enumerate(reads(node))}
        self._lowered: set[int] = set()
        self.constants: dict[str, Any] = {}
        body = self._node(node)
        numbers = range(len(self._fields))
        head = "".join(_TEXT.format(i=number) for number in numbers)
        head += "".join(_LOW.format(i=number) for number in numbers if number in self._lowered)
        self.text = f"def rule({', '.join(f'v{number}' for number in numbers)}):\n{head} return {body}\n"

    def _constant(self, value: Any) -> int:
        number = len(self.constants)
        self.constants[f"k{number}"] = value
        return number

    def _names(self, field: str, plain: bool) -> dict[str, Any]:
        """What stands in a piece for a field: its text, or its lower case, which is then made."""
        number = self._fields[field]
        if not plain:
            self._lowered.add(number)
        return {"v": "o" if plain else "l", "i": number}

    def _node(self, node: Node) -> str:
        if isinstance(node, Atom):
            return self._atom(node)
        if isinstance(node, Not):
            return f"(not {self._node(node.item)})"
        if isinstance(node, And):
            return "(" + " and ".join(map(self._node, node.items)) + ")" if node.items else "True"
        return "(" + " or ".join(self._either(node)) + ")" if node.items else "False"

    def _either(self, node: Or) -> Iterable[str]:
        """Comparisons of one kind on one field are asked as one."""
        alike: dict[tuple[str, str, bool], list[str]] = {}
        for item in node.items:
            if isinstance(item, Atom) and item.op in _ONE and item.field is not None:
                alike.setdefault((item.field, item.op, item.cased), []).append(str(item.value))
        for (field, op, cased), texts in alike.items():
            names = self._names(field, cased)
            if len(texts) == 1:
                yield _ONE[op].format(k=self._constant(texts[0]), **names)
            else:
                yield _SEVERAL[op].format(k=self._constant(_together(op, texts)), **names)
        for item in node.items:
            if not (isinstance(item, Atom) and item.op in _ONE):
                yield self._node(item)

    def _atom(self, atom: Atom) -> str:
        plain = atom.cased or atom.op in ("re", "cidr", "gt", "gte", "lt", "lte", "null", "exists")
        names = self._names(str(atom.field), plain or atom.op.startswith("fieldref"))
        if atom.op in _ONE:
            return _ONE[atom.op].format(k=self._constant(str(atom.value)), **names)
        if atom.op == "null":
            return _NULL.format(**names)
        if atom.op == "exists":
            return _THERE[atom.value].format(**names) if isinstance(atom.value, bool) else "False"
        if atom.op.startswith("fieldref"):
            return _PAIR.format(j=self._fields[str(atom.value)], k=self._constant(_pair(atom)), **names)
        if atom.op == "wildcard":
            return self._after_literals(_ASK, atom, expression(str(atom.value)).fullmatch, names)
        return self._after_literals(_ASK, atom, _search(atom) if atom.op == "re" else _alone(atom), names)

    def _after_literals(self, piece: str, atom: Atom, ask: Any, names: dict[str, Any]) -> str:
        """An expression is asked only if a text that it needs is there: one character saves most."""
        texts = [text for text in atom.literals if text and text.isascii()]
        if not texts:
            return piece.format(k=self._constant(ask), **names)
        self._lowered.add(names["i"])
        loose = atom.op == "re"
        rare = max(texts, key=len)

        def needed(low: str, text: str) -> bool:
            # Without regard to case, an expression takes some letters for ASCII ones that lower() does not.
            return rare in low or (loose and not text.isascii())

        return _PRE.format(p=self._constant(needed), k=self._constant(ask), **names)


def source_of(node: Node) -> Source:
    """Return the source that *node* becomes, for those who want to see it."""
    return Source(node)


def _text(value: Any) -> str | None:
    return None if value is MISSING else text_of(value) or ""


def _together(op: str, texts: list[str]) -> Any:
    if op == "eq":
        return frozenset(texts)
    if op != "contains":
        return tuple(texts)
    wanted = tuple(texts)

    def ask(value: str) -> bool:
        for text in wanted:  # noqa: SIM110  any() of a generator takes twice as long
            if text in value:
                return True
        return False

    return ask


def _search(atom: Atom) -> Callable[[str], Any]:
    find = expression(str(atom.value), atom.flags).search
    return lambda value: find(value[:MAX_RE])


def _alone(atom: Atom) -> Callable[[str], bool]:
    """cidr, gt, lt...: the reference engine's own comparison of one value."""
    name = str(atom.field)
    return lambda value: compare(atom, {name: (value,)}, ())


def _pair(atom: Atom) -> Callable[[str, str], bool]:
    left, right = str(atom.field), str(atom.value)
    return lambda one, two: compare(atom, {left: (one,), right: (two,)}, ())
