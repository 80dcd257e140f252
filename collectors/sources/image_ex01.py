"""Ex01 (EnCase 7, ``EVF2``) images through libewf, the extra ``images``.

libewf gives zeros, without an error its binding passes on, for a chunk whose checksum
fails. ``chunk_checks`` in the identity says that this cannot be seen here; the stored
hash of the whole image (ewfverify) shows it.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

from forensics.errors import FeatureUnavailable, NotAnImage


class Ex01Media:
    """The disk inside a set of Ex01 segment files.

    :raises FeatureUnavailable: if libewf-python is not installed.
    :raises NotAnImage: if libewf refuses the files.
    """

    format = "ewf2"

    def __init__(self, paths: list[str]) -> None:
        try:
            import pyewf
        except ImportError as error:
            hint = "Install the extra: sealbag[images]."
            raise FeatureUnavailable("Ex01 images need libewf-python", where=paths[0], hint=hint) from error
        self._segments = len(paths)
        self._handle: Any = pyewf.handle()
        try:
            self._handle.open(paths)
            self.size = int(self._handle.get_media_size())
        except OSError as error:
            raise NotAnImage(f"libewf does not open it ({str(error)[:200]})", where=paths[0]) from error
        if self.size <= 0:
            raise NotAnImage("libewf finds no media in it", where=paths[0])

    def read(self, offset: int, length: int) -> bytes:
        """See :meth:`collectors.sources.image_media.Media.read`."""
        length = max(0, min(length, self.size - offset))
        data = bytes(self._handle.read_buffer_at_offset(length, offset)) if length else b""
        if len(data) != length:
            raise OSError(errno.EIO, f"libewf gave {len(data)} of {length} bytes at {offset}")
        return data

    def identity(self) -> Mapping[str, str | int | None]:
        """Header values and stored hashes, as the imager claims them."""
        claims: dict[str, str | int | None] = {"segments": self._segments, "chunk_checks": "none"}
        for name, value in sorted(self._handle.get_header_values().items()):
            if value and str(value).strip():
                claims[str(name)[:40]] = str(value)[:200]
        for name, value in self._handle.get_hash_values().items():
            claims[str(name)[:40].lower()] = str(value)[:200]
        return claims

    def close(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None
