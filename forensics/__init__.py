"""sealbag: forensic evidence collection and triage.

The public names, loaded when first used, so that ``import forensics`` loads no
parser and no C library::

    from forensics import Key, collect, open_source, verify
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from forensics.version import __version__ as __version__

if TYPE_CHECKING:
    from forensics.acquisition.bag import Bag
    from forensics.acquisition.collect import collect, dry_run
    from forensics.acquisition.coverage import Coverage, Gap
    from forensics.acquisition.opening import open_source
    from forensics.acquisition.progress import Progress
    from forensics.custody.keys import Key
    from forensics.errors import SealbagError
    from forensics.pipeline import Triage, Work, process, report, triage
    from forensics.transfer.cite import cite
    from forensics.transfer.disclose import disclose
    from forensics.transfer.handover import accept, offer, refuse, statements
    from forensics.transfer.merge import merge
    from forensics.transfer.packing import Packed, pack
    from forensics.transfer.stamp import stamp
    from forensics.transfer.unpacking import Unpacked, unpack
    from forensics.verifier import Check, Verdict, verify

_WHERE = {
    "Bag": "forensics.acquisition.bag",
    "Check": "forensics.verifier",
    "Coverage": "forensics.acquisition.coverage",
    "Gap": "forensics.acquisition.coverage",
    "Key": "forensics.custody.keys",
    "Packed": "forensics.transfer.packing",
    "Progress": "forensics.acquisition.progress",
    "SealbagError": "forensics.errors",
    "Triage": "forensics.pipeline",
    "Unpacked": "forensics.transfer.unpacking",
    "Verdict": "forensics.verifier",
    "Work": "forensics.pipeline",
    "accept": "forensics.transfer.handover",
    "cite": "forensics.transfer.cite",
    "collect": "forensics.acquisition.collect",
    "disclose": "forensics.transfer.disclose",
    "dry_run": "forensics.acquisition.collect",
    "merge": "forensics.transfer.merge",
    "offer": "forensics.transfer.handover",
    "open_source": "forensics.acquisition.opening",
    "pack": "forensics.transfer.packing",
    "process": "forensics.pipeline",
    "refuse": "forensics.transfer.handover",
    "report": "forensics.pipeline",
    "stamp": "forensics.transfer.stamp",
    "statements": "forensics.transfer.handover",
    "triage": "forensics.pipeline",
    "unpack": "forensics.transfer.unpacking",
    "verify": "forensics.verifier",
}

__all__ = [
    "Bag",
    "Check",
    "Coverage",
    "Gap",
    "Key",
    "Packed",
    "Progress",
    "SealbagError",
    "Triage",
    "Unpacked",
    "Verdict",
    "Work",
    "accept",
    "cite",
    "collect",
    "disclose",
    "dry_run",
    "merge",
    "offer",
    "open_source",
    "pack",
    "process",
    "refuse",
    "report",
    "stamp",
    "statements",
    "triage",
    "unpack",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'forensics' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
