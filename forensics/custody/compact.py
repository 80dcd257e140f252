"""Compact ASCII JSON: the encoder is made once, not with every object.

``json.JSONEncoder.encode`` makes a C encoder anew for each call, which costs a ledger
line a third of its time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_slow = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


def _refuse(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _encoder() -> Callable[[Any], str]:
    """An encoder of objects; without the C accelerator (another Python) the plain one."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return _slow.encode
    try:
        encode = make(None, _refuse, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, False)
    except TypeError:  # an accelerator of another shape
        return _slow.encode

    def dumps(value: Any) -> str:
        return "".join(encode(value, 0))

    return dumps


#: JSON of a dict or list: ASCII, no white space; NaN and unknown types are refused
dumps = _encoder()
