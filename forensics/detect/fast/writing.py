"""How a JSON text writes its characters: what must be known before words are looked for in the text itself."""

from __future__ import annotations

import re

#: escapes of what need not be escaped: an escaped slash, and letters by number other than controls
_ESCAPED = re.compile(r"\\(?:/|u(?!00[01])[0-9A-Fa-f]{4})")


def unusual(text: str) -> bool:
    """True if a word may stand in *text* under another writing than its own."""
    # looked for as plain texts first: an expression stops at every backslash of every path
    return "\\/" in text or ("\\u" in text and _ESCAPED.search(text) is not None)
