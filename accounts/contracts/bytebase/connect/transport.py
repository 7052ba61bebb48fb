"""A unary call of the Connect protocol, from its headers to its answer.

Source: the Connect protocol's public reference, "Unary-Request" and "Unary-Response".
"""

from __future__ import annotations

import re
import zlib
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.http import HttpResponse
from google.protobuf.message import Message as Binary

from accounts.contracts.bytebase.connect import wording
from accounts.contracts.bytebase.connect.codecs import CODECS, Codec
from accounts.contracts.bytebase.cookies import Reply
from accounts.contracts.bytebase.protojson import Message, quoted
from accounts.contracts.bytebase.tokens import SLUG
from accounts.contracts.bytebase.wording import objection
from accounts.wire.call import Call
from accounts.wire.contract import Answer, Contract, Fault, Faulted
from accounts.wire.registry import contract
from accounts.wire.views import ContractView

_VERSION = "1"
_TIMEOUT = re.compile(r"[0-9]{1,10}", re.ASCII)
_WITH_GZIP_HEADER = 16 + zlib.MAX_WBITS


class Face(ContractView):
    """Whatever happens on this face is told in Connect's words."""

    slug = SLUG

    @property
    def contract(self) -> Contract:
        """The contract with this face's error tables."""
        return replace(contract(SLUG), refusals=wording.REFUSALS, faults=wording.FAULTS)


class Procedure(Face, ABC):
    """``POST /bytebase.v1.<service>/<method>``: one message in, one message out."""

    # What comes in, as it is checked and as it is in binary; what goes out in binary.
    shape: ClassVar[type[Message]]
    takes: ClassVar[type[Binary]]
    gives: ClassVar[type[Binary]]

    def post(self, call: Call) -> HttpResponse:
        """Read the message, run the call, answer in the form of the request."""
        media_type, codec = _codec(call)
        _check_protocol(call)
        reply = self.run(call, codec.read(_content(call), self.shape, self.takes))
        return replace(reply, answer=self._told(reply.answer, media_type, codec)).http()

    @abstractmethod
    def run(self, call: Call, body: dict[str, Any]) -> Reply:
        """The call itself. Raises Faulted or LoginRefused."""

    def _told(self, answer: Answer, media_type: str, codec: Codec) -> Answer:
        if answer.status != 200:
            return wording.retold(answer)
        body = codec.write(answer.body, self.gives)
        return replace(answer, body=body, content_type=media_type)


class UnknownProcedure(Face):
    """Every other path of the product's services, with any method."""

    def _answered(self, call: Call, **kwargs: Any) -> NoReturn:
        raise Faulted(Fault.NOT_FOUND)


def _codec(call: Call) -> tuple[str, Codec]:
    """The form of the call's message. Raises Faulted(UNSUPPORTED_MEDIA)."""
    charset = str((call.request.content_params or {}).get("charset", "utf-8"))
    if call.media_type not in CODECS or charset.lower() != "utf-8":
        raise Faulted(Fault.UNSUPPORTED_MEDIA)
    return call.media_type, CODECS[call.media_type]


def _check_protocol(call: Call) -> None:
    """The protocol's own headers. A time limit is only read: no call here takes long.

    Raises Faulted(INVALID).
    """
    version = call.header("Connect-Protocol-Version")
    if version not in {"", _VERSION}:
        raise objection(f'Connect-Protocol-Version must be "{_VERSION}": got {quoted(version)}')
    timeout = call.header("Connect-Timeout-Ms")
    if timeout and not _TIMEOUT.fullmatch(timeout):
        raise objection(f"Connect-Timeout-Ms must be at most 10 digits: got {quoted(timeout)}")


def _content(call: Call) -> bytes:
    """The message's bytes. Raises Faulted(UNSUPPORTED_MEDIA), (MALFORMED) or (TOO_LARGE)."""
    encoding = call.header("Content-Encoding").strip().lower()
    if encoding in {"", "identity"}:
        return call.body
    if encoding not in wording.ENCODINGS:
        raise Faulted(Fault.UNSUPPORTED_MEDIA, encoding=encoding)
    # The protocol forbids to unpack what is not there.
    return _unpacked(call.body) if call.body else b""


def _unpacked(content: bytes) -> bytes:
    """What was packed, never more than a body may have unpacked."""
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    unpacking = zlib.decompressobj(_WITH_GZIP_HEADER)
    try:
        plain = unpacking.decompress(content, limit + 1)
    except zlib.error as error:
        raise Faulted(Fault.MALFORMED, "the body is not gzip") from error
    if len(plain) > limit:
        raise Faulted(Fault.TOO_LARGE, "the body is too large")
    if not unpacking.eof or unpacking.unused_data:
        raise Faulted(Fault.MALFORMED, "the body is not one whole gzip stream")
    return plain
