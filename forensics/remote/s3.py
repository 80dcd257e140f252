"""S3 and what speaks as it does, by s3fs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import SplitResult, unquote

from forensics.errors import (
    FeatureUnavailable,
    SealbagError,
    TargetConflict,
    TargetError,
    TargetMissing,
    TargetRefused,
    TargetUnreachable,
    UsageError,
)
from forensics.remote.target import CHUNK, MAX_NAMES, Target, check_name, is_plain

_OPTIONS = ("endpoint", "region")
#: parts of an upload; S3 takes at most 10,000 of them: 160 GB a file
BLOCK = 16 << 20


class S3Target(Target):
    """A bucket and a prefix. An object is there whole or not at all; an upload that was cut off does not go on."""

    def __init__(self, parts: SplitResult, timeout: float) -> None:
        from forensics.remote.opening import options, shown

        if parts.username is not None or parts.password is not None or parts.fragment or not parts.hostname:
            raise UsageError(
                "no bucket, or a credential, in an s3 address", hint="s3://bucket/prefix; AWS_... for keys."
            )
        chosen = options(parts, _OPTIONS)
        self.shown = shown(parts)
        self._root = f"{parts.hostname}{unquote(parts.path)}".rstrip("/")
        try:
            import s3fs
        except ImportError:
            raise FeatureUnavailable("S3 needs an extra", hint="pip install 'sealbag[s3]'") from None
        self._fs: Any = s3fs.S3FileSystem(
            endpoint_url=chosen.get("endpoint"),
            client_kwargs={"region_name": chosen["region"]} if "region" in chosen else {},
            config_kwargs={"connect_timeout": timeout, "read_timeout": timeout, "retries": {"max_attempts": 1}},
            use_listings_cache=False,
            skip_instance_cache=True,
            default_block_size=BLOCK,
        )
        self._fs.retries = 1  # who calls tries again, and says so

    def write(
        self, name: str, chunks: Iterable[bytes], *, overwrite: bool = False, resume_at: int = 0, keep: bool = False
    ) -> int:
        """See :meth:`Target.write`; a server without conditional writes is asked before."""
        path, size = self._path(name), 0
        if resume_at:
            raise UsageError("an upload to S3 does not go on", hint="Begin it again.")
        if not overwrite and self.size(name) is not None:
            raise TargetConflict("an object of that name is there already", where=self._where(name))
        with self._errors(name):
            file = self._fs.open(path, "wb" if overwrite else "xb", block_size=BLOCK)
        try:
            for chunk in chunks:  # an error of the chunks is the caller's own
                with self._errors(name):
                    file.write(chunk)
                size += len(chunk)
            with self._errors(name):
                file.close()
        except BaseException:
            with suppress(SealbagError), self._errors(name):
                file.closed = True  # or its destructor would finish the object
                file.discard()
            raise
        return size

    def size(self, name: str) -> int | None:
        """See :meth:`Target.size`."""
        with self._errors(name):
            try:
                found = self._fs.info(self._path(name), refresh=True)
            except FileNotFoundError:
                return None
            return int(found["size"]) if found["type"] == "file" else None

    def chunks(self, name: str, offset: int = 0) -> Iterator[bytes]:
        """See :meth:`Target.chunks`."""
        with self._errors(name):
            file = self._fs.open(self._path(name), "rb", block_size=BLOCK, cache_type="readahead")
        with file:
            file.seek(offset)
            while True:
                with self._errors(name):
                    chunk: bytes = file.read(CHUNK)
                if not chunk:
                    return
                yield chunk

    def names(self, folder: str = "") -> list[str]:
        """See :meth:`Target.names`."""
        path = self._path(folder) if folder else self._root
        with self._errors(folder):
            rows = self._fs.ls(path, detail=True, refresh=True)
        if len(rows) > MAX_NAMES:
            raise TargetError(f"more than {MAX_NAMES:,} objects", where=self._where(folder))
        found = (row["name"].rpartition("/")[2] for row in rows if row["type"] == "file")
        return sorted(f"{folder}/{one}" if folder else one for one in found if is_plain(one))

    def remove(self, name: str) -> None:
        """See :meth:`Target.remove`."""
        with self._errors(name), suppress(FileNotFoundError):
            self._fs.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return "/".join([self._root, *check_name(name)])

    def _where(self, name: str) -> str:
        return f"{self.shown}/{name}".rstrip("/")

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """Errors of s3fs and botocore as errors of targets; their texts can hold keys and are not repeated."""
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        where = self._where(name)
        try:
            yield
        except SealbagError:
            raise
        except (FileExistsError, ClientError) as error:
            code = _code(error)
            if isinstance(error, FileExistsError) or code in ("PreconditionFailed", "412"):
                raise TargetConflict("an object of that name is there already", where=where) from None
            raise TargetError(f"the store failed ({code})", where=where) from None
        except FileNotFoundError:
            raise TargetMissing("no such bucket or object", where=where) from None
        except (PermissionError, NoCredentialsError):
            raise TargetRefused("the store does not let us in", where=where) from None
        except (BotoCoreError, OSError, TimeoutError) as error:
            if _code(error) in ("PreconditionFailed", "412"):
                raise TargetConflict("an object of that name is there already", where=where) from None
            raise TargetUnreachable(f"no answer ({type(error).__name__})", where=where) from None


def _code(error: BaseException) -> str:
    """The store's word for an error: of a botocore error, or of the one that s3fs made of it."""
    for one in (error, error.__cause__):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            return "".join(char for char in str(response.get("Error", {}).get("Code", "")) if char.isalnum())[:40]
    return type(error).__name__
