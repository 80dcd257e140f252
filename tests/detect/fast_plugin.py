"""A TextsParser for tests: each line of the content is a record; the line ``fail`` raises."""

from __future__ import annotations

from collections.abc import Iterator

from forensics.model.event import Event, Opened, Problem


class Lines:
    """Lines as records."""

    id = "test.lines"
    version = "1"
    inputs: tuple[str, ...] = ()

    def claims(self, name: str, head: bytes) -> int:
        return 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        yield from ()

    def texts(self, opened: Opened) -> Iterator[tuple[str, str]]:
        begin, end = opened.span
        with opened.open() as stream:
            at = 0
            for line in stream:
                if begin <= at < end:
                    if line == b"fail\n":
                        raise RuntimeError("the parser gave up")
                    yield f"o{at}", line.decode("utf-8").rstrip("\n")
                at += len(line)
