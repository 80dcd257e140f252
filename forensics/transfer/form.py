"""Names and bounds of the transport stream (docs/format.md §16)."""

from __future__ import annotations

import re

FORMAT = "sealbag-transport/1.0"
#: the largest part and the largest ledger member, in bytes
MAX_MEMBER = 16 << 20
#: transport.json, end, and the line of a file member (a path is at most MAX_PATH bytes, escaped sixfold)
MAX_NOTICE = 64 << 10
MAX_PATH = 4096
MAX_DEPTH = 16
#: files between two ledger members, and files outside data/ in all (§8)
MAX_FILES_AHEAD = 100_000
MAX_OUTSIDE = 250_000
#: parts of one file: 2^53 bytes are no disk's; this many are 16 TiB
MAX_PARTS = 1 << 20
#: window of a zstd frame, in bytes: what RFC 8878 §3.1.1.1.2 asks every decoder to have
MAX_WINDOW = 8 << 20

BEGIN, END = "transport.json", "end"
LEDGER = "custody/ledger.jsonl"
SEAL_SIG = "custody/seal.json.sig"
CHECKPOINT = re.compile(r"custody/checkpoints/(\d{12})\.note")
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])", re.IGNORECASE)
_OBJECT = re.compile(r"data/objects/[0-9a-f]{2}/[0-9a-f]{64}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f\\:*?"<>|]')


class Unsafe(ValueError):
    """A member that could lead outside the bag, or ask for more than the bounds; *member*: its name, if it has one."""

    member = ""


class Altered(ValueError):
    """A member that is not what its own line says."""


def check_path(path: object) -> str:
    """Return a path of the bag, the same on every system.

    :raises Unsafe: docs/format.md §6 and §16; microsoft.com "Naming Files, Paths, and Namespaces".
    """
    if isinstance(path, str) and _OBJECT.fullmatch(path):
        return path  # nearly all are
    if not isinstance(path, str) or not path or len(path.encode("utf-8", "surrogatepass")) > MAX_PATH:
        raise Unsafe("no path, or one that is too long")
    parts = path.split("/")
    if len(parts) > MAX_DEPTH:
        raise Unsafe(f"more than {MAX_DEPTH} components")
    if _FORBIDDEN.search(path) or "%" in path:
        raise Unsafe("a character that no path of a bag has")
    for part in parts:
        if part in ("", ".", ".."):
            raise Unsafe("an empty component, or one that leads elsewhere")
        if len(part.encode("utf-8", "surrogatepass")) > 255:
            raise Unsafe("a component of more than 255 bytes")
        if part[-1] in ". " or _RESERVED.fullmatch(part.partition(".")[0].rstrip(" ")):
            raise Unsafe("a component that Windows would read as another")
    if _SURROGATE.search(path):
        raise Unsafe("a character that no path of a bag has")
    if path.casefold() == LEDGER or path.split("/")[0] == "tmp" or path in ("custody/lock", "custody/reserve"):
        raise Unsafe("a name that never comes as a file")
    return path
