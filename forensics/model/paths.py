"""Where something lies in a source: bytes first, text for people second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from forensics.model.display import display

PathEncoding = Literal["bytes", "wtf-8", "tsk-utf8"]


@dataclass(frozen=True, slots=True)
class SourcePath:
    """A path inside one volume of a source.

    :param raw: the path's bytes, ``/``-separated, without a leading slash; the
        volume's root is ``b""``.
    :param enc: where the bytes come from: ``bytes`` (POSIX), ``wtf-8`` (Windows,
        UTF-16 with lone surrogates kept), ``tsk-utf8`` (The Sleuth Kit).
    :param stream: the name of an NTFS alternate data stream or of another
        attribute (``$BadClus:$Bad`` is path ``$BadClus``, stream ``$Bad``);
        ``None`` for the main data.
    """

    raw: bytes
    enc: PathEncoding = "bytes"
    stream: str | None = None

    @property
    def display(self) -> str:
        """The path as reversible text, the stream behind a colon."""
        text = display(self.raw, self.enc)
        return text if self.stream is None else f"{text}:{self.stream_display}"

    @property
    def path_display(self) -> str:
        """The path alone, without the stream."""
        return display(self.raw, self.enc)

    @property
    def stream_display(self) -> str | None:
        """The stream's name as reversible text, or None."""
        if self.stream is None:
            return None
        return display(self.stream.encode("utf-8", "surrogatepass"), "wtf-8")

    @property
    def name(self) -> bytes:
        """The last component."""
        return self.raw.rpartition(b"/")[2]
