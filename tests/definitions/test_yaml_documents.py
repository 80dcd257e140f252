"""YAML of strangers: each document stands alone, faults have a line, nothing is constructed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.yamlfiles import Fault, Node, documents


def plain(node: Node) -> object:
    """Without the lines."""
    if isinstance(node.what, str):
        return node.what
    if isinstance(node.what, tuple):
        return [plain(item) for item in node.what]
    return {key: plain(value) for key, value in node.what.items()}


def test_a_broken_document_costs_itself_alone() -> None:
    raw = b"# head\n---\na: 1\n---\nb: [1\n---\n# only a comment\n---\nc: no\nd:\n- x\n"
    first, second, third = documents(raw)
    assert isinstance(first, Node) and plain(first) == {"a": "1"} and first.line == 3
    assert isinstance(second, Fault) and second.line == 6 and second.reason.startswith("not YAML")
    # text stays text: `no` is no false
    assert isinstance(third, Node) and plain(third) == {"c": "no", "d": ["x"]}
    assert third.table()["d"].items()[0].line == 11


def test_what_libyaml_refuses_is_read() -> None:
    (found,) = documents(b"attributes: {paths:['/var/cache/cups/job.cache']}\n")
    assert isinstance(found, Node)
    (only,) = found.table()["attributes"].table().items()
    assert "job.cache" in str(only)


@pytest.mark.parametrize(
    ("raw", "line", "reason"),
    [
        (b"a: 1\nb: 2\na: 3\n", 3, "the key a stands twice"),
        (b"a: \xff\n", 1, "not UTF-8"),
        (b"x: y\n---\nb: \x00\n", 2, "not YAML"),
        (b"a:\n" + b"[" * 20_000, 1, ""),
        (b"- " * 4_000 + b"x\n", 1, ""),
        (b"? " * 3_000 + b"x\n", 1, ""),
        (b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
            b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)
        ), 1, "too many"),
        (b"&a [*a]\n", 1, ""),
        (b"[a]: b\n", 1, "must be text"),
    ],
)  # fmt: skip
def test_hostile_documents_are_faults(raw: bytes, line: int, reason: str) -> None:
    fault = list(documents(raw))[-1]
    assert isinstance(fault, Fault) and reason in fault.reason and fault.reason
    assert fault.line >= line


def test_nothing_is_constructed() -> None:
    (found,) = documents(b"a: !!python/object/apply:os.system ['true']\nb: !!python/name:os.system ''\n")
    assert isinstance(found, Node) and plain(found) == {"a": ["true"], "b": ""}


@given(st.binary(max_size=300))
def test_never_an_exception(raw: bytes) -> None:
    for found in documents(raw):
        assert isinstance(found, (Node, Fault))


@given(st.text(alphabet="-:[]{}&*!|>'\"#%,? \n\tabÿ\ud800", max_size=120))
def test_never_an_exception_of_marks(text: str) -> None:
    for found in documents(text.encode("utf-8", "surrogatepass")):
        assert isinstance(found, (Node, Fault))
