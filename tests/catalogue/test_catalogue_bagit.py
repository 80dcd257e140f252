"""The BagIt layer over the Library of Congress's conformance suite."""

from __future__ import annotations

import hashlib
from pathlib import Path

from forensics.catalogue.bagit import bagit_layer

#: Where we differ from the name of the folder, and why.
DIFFERS = {
    "v0.97/warning/duplicate-file-with-different-case": (
        "INVALID", "a case-sensitive system does not have the second file"
    ),
    "v0.97/warning/same-filename-listed-twice-with-different-normalization": (
        "INVALID", "the second spelling is another name, and no such file is there"
    ),
    "v0.97/warning/special-system-files": ("INVALID", "the manifest names a .DS_Store that the suite lost"),
}  # fmt: skip


def expected(name: str) -> str:
    if name in DIFFERS:
        return DIFFERS[name][0]
    return "valid" if "/valid/" in name or "/warning/" in name else "refused"


def test_conformance_suite(shared_data: Path) -> None:
    root = shared_data / "vectors/bagit"
    bags = sorted(path.parent for path in root.glob("v*/*/*/data"))
    assert len(bags) == 46
    wrong = []
    for bag in bags:
        name = bag.relative_to(root).as_posix()
        problems = bagit_layer(bag)
        verdicts = {verdict for verdict, _, _ in problems}
        want = expected(name)
        if "out-of-scope" in name:
            holds = "UNSAFE" in verdicts
        elif want == "valid":
            holds = not problems
        else:
            holds = bool(problems) if want == "refused" else want in verdicts
        if not holds:
            wrong.append((name, want, problems))
    assert not wrong


def small(root: Path, *names: str) -> None:
    """A bag whose payload is these files, each holding its own name."""
    (root / "data").mkdir(parents=True)
    (root / "bagit.txt").write_text("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    for name in names:
        (root / name).write_text(name)
    digests = [(hashlib.sha256(name.encode()).hexdigest(), name) for name in names]
    (root / "manifest-sha256.txt").write_text("".join(f"{digest}  {name}\n" for digest, name in digests))


def test_fetch_names_what_is_not_here(tmp_path: Path) -> None:
    small(tmp_path, "data/a", "data/b")
    assert bagit_layer(tmp_path) == []
    (tmp_path / "data/a").unlink()
    assert bagit_layer(tmp_path) == [("INVALID", "data/a", "missing")]
    (tmp_path / "fetch.txt").write_text("https://example.org/x - data/a\n")
    assert bagit_layer(tmp_path) == [("INCOMPLETE", "data/a", "missing")]
    (tmp_path / "fetch.txt").write_text("x - ../y\n")
    assert ("UNSAFE", "../y", "fetch.txt leads outside the bag") in bagit_layer(tmp_path)


def test_a_link_is_no_payload_file(tmp_path: Path) -> None:
    small(tmp_path, "data/a")
    (tmp_path / "data/a").rename(tmp_path / "outside")
    (tmp_path / "data/a").symlink_to(tmp_path / "outside")
    assert bagit_layer(tmp_path)


def test_no_bag_at_all(tmp_path: Path) -> None:
    assert [verdict for verdict, _, _ in bagit_layer(tmp_path)] == ["INVALID"]
