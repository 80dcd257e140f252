"""The little of DER (X.690) that time tokens ask for: elements one after the other, each length bounded."""

from __future__ import annotations

from collections.abc import Iterator

INTEGER, SEQUENCE, CONTEXT_0 = 0x02, 0x30, 0xA0


def elements(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (tag, offset, offset of the content, offset behind it) of the elements in data[start:end].

    :raises ValueError: if one has a tag of more than a byte, a length that is not DER's, or passes the end.
    """
    while start < end:
        if end - start < 2 or data[start] & 0x1F == 0x1F:
            raise ValueError(f"no DER element at byte {start}")
        tag, size, content = data[start], data[start + 1], start + 2
        if size & 0x80:
            count = size & 0x7F
            if not 1 <= count <= 4 or end - content < count or data[content] == 0:
                raise ValueError(f"no DER length at byte {start}")
            size, content = int.from_bytes(data[content : content + count], "big"), content + count
            if size < 0x80:
                raise ValueError(f"no DER length at byte {start}")
        if size > end - content:
            raise ValueError(f"a DER element at byte {start} is longer than what holds it")
        yield tag, start, content, content + size
        start = content + size


def _child(data: bytes, start: int, end: int, number: int, tag: int) -> tuple[int, int]:
    for at, (found, _, content, behind) in enumerate(elements(data, start, end)):
        if at == number:
            if found != tag:
                raise ValueError(f"another DER element than expected at byte {content}")
            return content, behind
    raise ValueError(f"a DER element is missing at byte {start}")


def status_of(response: bytes) -> int:
    """The PKIStatus of a TimeStampResp (RFC 3161 §2.4.2), which an answer without a token has too.

    :raises ValueError: if it is no such DER.
    """
    start, end = _child(response, 0, len(response), 0, SEQUENCE)
    start, end = _child(response, start, end, 0, SEQUENCE)
    start, end = _child(response, start, end, 0, INTEGER)
    return int.from_bytes(response[start:end][:8], "big", signed=True)


def with_sorted_certificates(response: bytes) -> bytes:
    """A TimeStampResp with the set of its certificates in DER's order (X.690 §11.6).

    ``openssl ts -reply``, and so many a time-stamping authority, writes the signer's first. The set is not
    covered by the token's signature (RFC 5652 §5.4), so the order may be mended before a strict reader sees it.

    :raises ValueError: if it is no such DER.
    """
    start, end = _child(response, 0, len(response), 0, SEQUENCE)
    start, end = _child(response, start, end, 1, SEQUENCE)  # the token: a ContentInfo
    start, end = _child(response, start, end, 1, CONTEXT_0)
    start, end = _child(response, start, end, 0, SEQUENCE)  # SignedData
    for tag, _, content, behind in elements(response, start, end):
        if tag == CONTEXT_0:
            each = sorted(response[one:last] for _, one, _, last in elements(response, content, behind))
            return response[:content] + b"".join(each) + response[behind:]
    return response
