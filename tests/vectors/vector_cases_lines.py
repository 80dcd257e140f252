"""Cases 15 and 16: links in the place of files, and lines that are none."""

from __future__ import annotations

from vector_bag import WORLD, Link, small
from vector_cases_tamper import sealed
from vector_index import Vector, expect, register
from vector_words import one_line, sha


@register("payload-is-a-link", "15", "A content was replaced by a symbolic link to identical bytes")
def _() -> Vector:
    bag = sealed()
    path = bag.object(WORLD)
    bag.files[path] = Link("../../../../elsewhere")
    return expect(bag, "INVALID", seq=3, path=path, needs=("links",), beside={"elsewhere": WORLD})


@register("tag-file-is-a-link", "15", "A file outside data/ was replaced by a symbolic link to identical bytes")
def _() -> Vector:
    bag = sealed()
    beside = {"elsewhere": bag.files["bag-info.txt"]}
    bag.files["bag-info.txt"] = Link("../elsewhere")
    return expect(bag, "INVALID", path="bag-info.txt", needs=("links",), beside=beside)


@register("folder-is-a-link", "15", "A folder of contents was replaced by a link to one with identical bytes")
def _() -> Vector:
    bag = sealed()
    path = bag.object(WORLD)
    data, folder = bag.files.pop(path), path.rpartition("/")[0]
    bag.files[folder] = Link("../../../elsewhere")
    return expect(bag, "INVALID", seq=3, path=path, needs=("links",), beside={f"elsewhere/{sha(WORLD)}": data})


@register("duplicate-key", "16", "A line gives one key twice")
def _() -> Vector:
    bag = small()
    bag.lines[3] = bag.lines[3][:-1] + b',"path":"/etc/shadow"}'
    bag.checkpoint(5)
    bag.finish()
    return expect(bag, "INVALID", seq=3)


@register("duplicate-seq", "16", "Two lines have one seq")
def _() -> Vector:
    bag = small()
    bag.lines[3] = bag.lines[3].replace(b'"seq":3', b'"seq":2')
    bag.checkpoint(5)
    bag.finish()
    return expect(bag, "INVALID", seq=3)


@register("object-as-value", "16", "A value of a line is an object")
def _() -> Vector:
    bag = small()
    bag.line("note", text={"a": 1})
    bag.finish()
    return expect(bag, "INVALID", seq=5)


@register("deep-json", "16", "A line nests a hundred thousand arrays")
def _() -> Vector:
    bag = small()
    bag.lines.append(
        one_line({"seq": 5, "kind": "note", "text": 0}).replace(b"0}", b"[" * 100_000 + b"]" * 100_000 + b"}")
    )
    bag.finish()
    return expect(bag, "INVALID", seq=5)


@register("line-too-long", "16", "A line of 1,048,577 bytes")
def _() -> Vector:
    bag = small()
    at = bag.line("note", text="")
    bag.lines[at] = bag.lines[at].replace(b'"text":"', b'"text":"' + b"x" * ((1 << 20) + 1 - len(bag.lines[at])))
    bag.finish()
    return expect(bag, "INVALID", seq=5)


@register("fraction", "16", "A number with a fraction")
def _() -> Vector:
    bag = small()
    bag.line("note", text="", n=1.5)
    bag.finish()
    return expect(bag, "INVALID", seq=5)
