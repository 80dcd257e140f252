"""RFC 3161 time tokens: asked for, looked at, judged (docs/format.md §7, §9).

The library is rfc3161-client (extra ``transport``); ``openssl ts -verify`` is the second opinion.
A token proves that something existed before a time, no more, and only as long as the certificate
of its authority is good: before it expires, a later token must cover it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from forensics.custody.der import status_of, with_sorted_certificates
from forensics.errors import ConfigError, FeatureUnavailable, InputError
from forensics.source.times import rfc3339

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

MAX_TOKEN = 1 << 18  # bytes of a TimeStampResp
MAX_ROOTS = 1 << 20  # bytes of a file of roots
MAX_CHAIN = 8
MAX_COVERS = 64
_HASHES = {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}

#: path, DER, and what it is over: "" = the bytes of seal.json.sig, else the SHA-256 of another token's DER
Token = tuple[str, bytes, str]
#: path; proven, untrusted or invalid; the time, or why
Judged = tuple[str, str, str]
TokenChecker = Callable[[bytes, Sequence[Token]], list[Judged]]


def _library() -> Any:
    try:
        import rfc3161_client
    except ImportError:
        raise FeatureUnavailable("time tokens need rfc3161-client", hint="pip install 'sealbag[transport]'") from None
    return rfc3161_client


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a token says of itself; nothing of it is verified.

    :param t: the authority's time, RFC 3339 with nine digits.
    :param hash_name: sha256, sha384 or sha512; *imprint* is that digest of what it covers.
    :param nonce: as asked for, None if there is none.
    :param issuer: who certified the authority, as the token names it.
    """

    t: str
    hash_name: str
    imprint: bytes
    nonce: int | None
    serial: int
    issuer: str

    def covers(self, data: bytes) -> bool:
        """Whether the token is over *data*."""
        return hashlib.new(self.hash_name, data).digest() == self.imprint


def make_request(data: bytes) -> bytes:
    """The DER of a TimeStampReq over the SHA-256 of *data*, with a nonce, asking for the certificate (RFC 3161 §2.4.1).

    :raises FeatureUnavailable: without the extra ``transport``.
    """
    library = _library()
    builder = library.TimestampRequestBuilder().data(data).hash_algorithm(library.HashAlgorithm.SHA256)
    request: bytes = builder.nonce(nonce=True).cert_request(cert_request=True).build().as_bytes()
    return request


@contextmanager
def _hostile() -> Iterator[None]:
    """Whatever a library raises over bytes that are not what they should be becomes a ValueError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509 import DuplicateExtension, InvalidVersion, UnsupportedGeneralNameType

    try:
        yield
    except (KeyError, TypeError, OverflowError, AssertionError, LookupError) as error:
        raise ValueError(f"{type(error).__name__} {error}") from error
    except (UnsupportedAlgorithm, DuplicateExtension, InvalidVersion, UnsupportedGeneralNameType) as error:
        raise ValueError(str(error)) from error


def _decode(der: bytes) -> Any:
    """:raises ValueError: if it is no TimeStampResp with a token."""
    if len(der) > MAX_TOKEN:
        raise ValueError(f"longer than {MAX_TOKEN} bytes")
    library = _library()
    with _hostile():
        status = status_of(der)
        if status != 0:
            raise ValueError(f"the authority granted nothing (PKIStatus {status})")
        return library.decode_timestamp_response(with_sorted_certificates(der))


def read_token(der: bytes) -> TokenFacts:
    """Look at a TimeStampResp; :func:`token_checker` judges it.

    :raises InputError: if it is none, grants nothing, or is over a hash weaker than SHA-256.
    :raises FeatureUnavailable: without the extra ``transport``.
    """
    try:
        return _facts(_decode(der))
    except ValueError as error:
        raise InputError(f"no time token: {_words(error)}", hint="Ask the authority again.") from error


def _facts(answer: Any) -> TokenFacts:
    with _hostile():
        info = answer.tst_info
        name = _HASHES.get(info.message_imprint.hash_algorithm.dotted_string)
        if name is None:
            raise ValueError("over a hash that does not count")
        signers = [one.issuer.rfc4514_string() for one in answer.signed_data.signer_infos]
        issuer = "; ".join(signers)[:300]
        imprint = info.message_imprint.message
        return TokenFacts(_text(info.gen_time), name, imprint, info.nonce, info.serial_number, issuer)


def _text(moment: datetime) -> str:
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return rfc3339((since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000) or ""


def check_answer(der: bytes, data: bytes, request: bytes | None = None) -> TokenFacts:
    """Check an authority's answer before it is kept: granted, over *data*, and the answer to *request*.

    :param request: the DER of the TimeStampReq; its nonce must come back.
    :raises InputError: if it is anything else.
    """
    facts = read_token(der)
    if not facts.covers(data):
        raise InputError("the time token is over something else than this bag's seal", hint="Is it of another bag?")
    if request is not None and request_nonce(request) != facts.nonce:
        raise InputError("the time token answers another request (its nonce differs)", hint="Ask again.")
    return facts


def request_nonce(request: bytes) -> int | None:
    """The nonce of a TimeStampReq.

    :raises InputError: if the bytes are none.
    """
    _library()
    from rfc3161_client._rust import parse_timestamp_request

    try:
        nonce: int | None = parse_timestamp_request(request[:MAX_TOKEN]).nonce
    except ValueError as error:
        raise InputError(
            f"no time-stamp request: {_words(error)}", hint="Give the file that was carried out."
        ) from error
    return nonce


def _words(error: object) -> str:
    return "".join(char if " " <= char <= "~" else " " for char in str(error))[:200]


def load_roots(pem: bytes) -> list[Certificate]:
    """The certificates of a PEM file.

    :raises ConfigError: if there is none in it.
    """
    from cryptography.x509 import load_pem_x509_certificates

    try:
        if len(pem) > MAX_ROOTS:
            raise ValueError(f"longer than {MAX_ROOTS} bytes")
        return load_pem_x509_certificates(pem)
    except ValueError as error:
        hint = "Give the root certificates of the time-stamping authorities that you trust."
        raise ConfigError(f"no certificates in PEM ({_words(error)})", where="--tsa", hint=hint) from error


def token_checker(roots: bytes, at: datetime | None = None) -> TokenChecker:
    """What judges the time tokens of a bag, for the verifier's hook ``times``.

    The returned function takes the bytes of custody/seal.json.sig and the tokens, and gives for each
    path ``proven`` and the time, ``untrusted`` and why (it does not chain to a root, or its certificate is
    out of date: at this moment, or, if a proven token covers it, at that one's time), or ``invalid`` and why
    (no token, over another digest, its signature does not verify).

    :param roots: PEM of the authorities' roots.
    :param at: the moment that counts as now (with a time zone); None = the present one.
    :raises ConfigError: if there is none in it.
    :raises FeatureUnavailable: without the extra ``transport``.
    """
    _library()
    anchors = load_roots(roots)

    def check(seal_signature: bytes, tokens: Sequence[Token]) -> list[Judged]:
        return _Tokens(anchors, seal_signature, tokens, at or datetime.now(UTC)).judge()

    return check


class _Tokens:
    """The tokens of one bag."""

    def __init__(self, roots: list[Certificate], seal_signature: bytes, tokens: Sequence[Token], now: datetime) -> None:
        self.roots, self.seal, self.tokens = roots, seal_signature, tokens
        self.by_digest = {hashlib.sha256(der).hexdigest(): at for at, (_, der, _) in enumerate(tokens)}
        self.covering: dict[int, list[int]] = {}
        for at, (_, _, over) in enumerate(tokens):
            if over in self.by_digest:
                self.covering.setdefault(self.by_digest[over], []).append(at)
        self.known: dict[int, tuple[str, str]] = {}
        self.now = now

    def judge(self) -> list[Judged]:
        return [(path, *self._one(at, 0)) for at, (path, _, _) in enumerate(self.tokens)]

    def _one(self, at: int, depth: int) -> tuple[str, str]:
        if at not in self.known:
            if depth > MAX_COVERS:
                return "untrusted", f"more than {MAX_COVERS} tokens cover one another"
            self.known[at] = self._judge(at, depth)
        return self.known[at]

    def _judge(self, at: int, depth: int) -> tuple[str, str]:
        _, der, over = self.tokens[at]
        try:
            answer = _decode(der)
            facts = _facts(answer)
        except ValueError as error:
            return "invalid", f"no time token: {_words(error)}"
        if over and over not in self.by_digest:
            return "untrusted", "what it covers is not in this bag"
        if not facts.covers(self.tokens[self.by_digest[over]][1] if over else self.seal):
            return "invalid", "it is over another digest"
        trouble = _signature_trouble(answer, self.roots, facts)
        if trouble is not None:
            return trouble
        try:
            chain = _chain(answer, self.roots)
        except ValueError as error:
            return "invalid", f"its certificates cannot be read: {_words(error)}"
        if not chain:
            return "untrusted", "no chain to a root that was given"
        moments = [moment for moment in self._covered_at(at, depth) if _within(chain, moment)]
        if moments or _within(chain, self.now):
            return "proven", facts.t
        return "untrusted", "its certificate is out of date, and no sound later token covers it"

    def _covered_at(self, at: int, depth: int) -> list[datetime]:
        """The times of the proven tokens that cover this one."""
        judged = [self._one(later, depth + 1) for later in self.covering.get(at, ())]
        return [datetime.fromisoformat(t[:19] + "+00:00") for result, t in judged if result == "proven"]


def _signature_trouble(answer: Any, roots: list[Certificate], facts: TokenFacts) -> tuple[str, str] | None:
    """None if the token's signature holds, by a certificate for time stamping that was good at the token's own time."""
    library = _library()
    try:
        with _hostile():
            library.VerifierBuilder(roots=list(roots)).build().verify(answer, facts.imprint)
    except library.VerificationError as error:
        words = str(error)
        # a chain that does not hold is one thing, a signature that does not is another
        if "certificate verify error" in words or "EKU" in words:
            _, found, reason = words.partition("Verify error:")
            return "untrusted", f"its certificate does not hold: {_words(reason[:80] if found else words[:80])}"
        return "invalid", f"its signature does not verify: {_words(error)[:120]}"
    except ValueError as error:
        return "invalid", f"no sound token: {_words(error)[:120]}"
    return None


def _chain(answer: Any, roots: list[Certificate]) -> list[Certificate]:
    """The certificates from the token's signer to a root, [] if there is no such way."""
    from cryptography import x509

    with _hostile():
        given = [x509.load_der_x509_certificate(der) for der in list(answer.signed_data.certificates)[:64]]
        signers = [(one.issuer, one.serial_number) for one in answer.signed_data.signer_infos]
    found = [one for one in [*given, *roots] if (one.issuer, one.serial_number) in signers]
    chain = found[:1]
    while chain and chain[-1] not in roots:
        if len(chain) > MAX_CHAIN:
            return []
        issuer = next((one for one in [*roots, *given] if one not in chain and _issued(chain[-1], one)), None)
        if issuer is None:
            return []
        chain.append(issuer)
    return chain


def _issued(certificate: Certificate, issuer: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _within(chain: list[Certificate], moment: datetime) -> bool:
    return all(one.not_valid_before_utc <= moment <= one.not_valid_after_utc for one in chain)
