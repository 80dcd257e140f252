"""The BagIt layer of any bag (RFC 8493), versions 0.93 to 1.0.

:func:`forensics.verifier.verify` holds a sealed bag to the strict subset of docs/format.md, section 6,
and has no use for this; here plain BagIt of other makers is checked.
"""

from __future__ import annotations

import hashlib
import os
import re

from forensics.verifier import MAX_NOTE, blocks, is_folder, join, read_small, root_of, safe, unsafe_path

ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
MAX_TEXT = 1 << 26  # bytes of a manifest or of fetch.txt
Problem = tuple[str, str, str]


def bagit_layer(bag: str | bytes | os.PathLike[str]) -> list[Problem]:
    """Check payload and tag files of a bag against its manifests.

    :return: (verdict, path, why) of each problem, [] if the bag is valid. Verdicts: INVALID,
        INCOMPLETE (fetch.txt names a file that is not here), UNSAFE, IO ERROR.
    """
    root, out = root_of(bag), list[Problem]()
    try:
        version, encoding = _declaration(read_small(join(root, b"bagit.txt"), MAX_NOTE))
        found = _walk(root)
        fetch = _fetch(root, encoding) if b"fetch.txt" in found else {}
        out += [("UNSAFE", safe(path), "fetch.txt leads outside the bag") for path in fetch if _escapes(path)]
        out += _check_manifests(root, version, encoding, found, fetch)
        if not is_folder(join(root, b"data")):
            out.append(("INVALID", "data", "no payload folder"))
    except FileNotFoundError as error:
        out.append(("INVALID", "bagit.txt", str(error.strerror)))
    except IsADirectoryError as error:
        out.append(("INVALID", "", str(error)))
    except OSError as error:
        out.append(("IO ERROR", "", str(error.strerror or error)))
    except (ValueError, LookupError) as error:
        out.append(("INVALID", "", str(error)))
    return out


def _check_manifests(
    root: bytes, version: tuple[int, int], encoding: str, found: set[bytes], fetch: dict[bytes, str]
) -> list[Problem]:
    """Every manifest of a known algorithm; 1.0 wants each payload file in each, earlier versions in one."""
    out: list[Problem] = []
    payloads: list[set[bytes]] = []
    for name in sorted(found):
        match = re.fullmatch(rb"(tag)?manifest-([a-z0-9]+)\.txt", name)
        if match is None or match[2].decode() not in ALGORITHMS:
            continue
        listed = _manifest(root, name, encoding, version, out)
        out += _compare(root, listed, match[2].decode(), found, fetch)
        if match[1] is None:
            payloads.append(set(listed))
    if not payloads:
        return [*out, ("INVALID", "", "no payload manifest")]
    data = {path for path in found if path.startswith(b"data/")}
    for names in payloads if version >= (1, 0) else [set[bytes]().union(*payloads)]:
        out += [("INVALID", safe(path), "in no manifest") for path in sorted(data - names)]
    return out


def _declaration(data: bytes) -> tuple[tuple[int, int], str]:
    lines = re.fullmatch(
        rb"BagIt-Version: ([0-9]+)\.([0-9]+)\r?\nTag-File-Character-Encoding: ([A-Za-z0-9_-]+)(?:\r?\n)?", data
    )
    if lines is None:
        raise ValueError("bagit.txt is not as RFC 8493 says")
    version = int(lines[1]), int(lines[2])
    if not (0, 93) <= version <= (1, 0):
        raise ValueError("an unknown BagIt version")
    return version, lines[3].decode()


def _walk(root: bytes) -> set[bytes]:
    """Paths of everything in the bag that is no folder; links are not followed."""
    found: set[bytes] = set()
    pending = [b""]
    while pending:
        folder = pending.pop()
        with os.scandir(join(root, folder) if folder else root) as entries:
            for entry in entries:
                path = folder + b"/" + entry.name if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                else:
                    found.add(path)
    return found


def _text_lines(root: bytes, name: bytes, encoding: str) -> list[str]:
    text = read_small(join(root, name), MAX_TEXT).decode(encoding)
    return [line for line in re.split(r"\r\n|\r|\n", text) if line]


def _escapes(path: bytes) -> bool:
    return unsafe_path(path) or path.startswith(b"~") or re.match(rb"%[A-Za-z]+%", path) is not None


def _decoded(path: str, version: tuple[int, int]) -> bytes:
    names = {"%0A": "\n", "%0D": "\r", **({"%25": "%"} if version >= (1, 0) else {})}
    path = re.sub("%0A|%0D|%25", lambda match: names.get(match[0].upper(), match[0]), path, flags=re.IGNORECASE)
    return (path[2:] if path.startswith("./") else path).encode()


def _fetch(root: bytes, encoding: str) -> dict[bytes, str]:
    out = {}
    for line in _text_lines(root, b"fetch.txt", encoding):
        match = re.fullmatch(r"(\S+)[ \t]+(-|[0-9]+)[ \t]+(.+)", line)
        if match is None:
            raise ValueError("a line of fetch.txt is not as RFC 8493 says")
        out[_decoded(match[3], (1, 0))] = match[1]
    return out


def _manifest(
    root: bytes, name: bytes, encoding: str, version: tuple[int, int], out: list[Problem]
) -> dict[bytes, str]:
    """Path and digest of each line; what is wrong with a name is added to *out*."""
    listed: dict[bytes, str] = {}
    for line in _text_lines(root, name, encoding):
        match = re.fullmatch(r"([0-9A-Fa-f]+)[ \t]+\*?(.+)", line)
        if match is None:
            raise ValueError(f"a line of {safe(name)} is not as RFC 8493 says")
        path, digest = _decoded(match[2], version), match[1].lower()
        if path in listed and (version >= (1, 0) or listed[path] != digest):
            out.append(("INVALID", safe(path), "named twice"))
        listed[path] = digest
    return listed


def _compare(
    root: bytes, listed: dict[bytes, str], algorithm: str, found: set[bytes], fetch: dict[bytes, str]
) -> list[Problem]:
    out = []
    for path, digest in listed.items():
        if _escapes(path):
            out.append(("UNSAFE", safe(path), "leads outside the bag"))
        elif path not in found:
            out.append(("INCOMPLETE" if path in fetch else "INVALID", safe(path), "missing"))
        else:
            have = hashlib.new(algorithm)
            for block in blocks(join(root, path)):
                have.update(block)
            if have.hexdigest() != digest:
                out.append(("INVALID", safe(path), "another digest than the manifest's"))
    return out
