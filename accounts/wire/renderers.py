"""Answers on their way out: compact JSON, never cached."""

from __future__ import annotations

import json
from http import HTTPStatus

from django.http import HttpResponse

from accounts.wire.contract import Answer


def response(answer: Answer) -> HttpResponse:
    """The HTTP form of an answer. Every one with a body may hold personal data: no-store."""
    if answer.body is None:
        content = b""
    elif isinstance(answer.body, bytes):
        content = answer.body
    else:
        content = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")).encode()
    http = HttpResponse(content, status=answer.status, content_type=answer.content_type)
    if answer.status == HTTPStatus.NO_CONTENT:
        del http["Content-Type"]
    http["Cache-Control"] = "no-store"
    for name, value in answer.headers.items():
        http[name] = value
    return http
