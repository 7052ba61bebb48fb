"""Mail leaves beside the calls that set it off, and never holds or undoes them."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import pytest
from django.conf import LazySettings
from django.core.mail.backends.base import BaseEmailBackend

from accounts import notices
from tests.fixtures import Cast

PATIENCE = 30


class Slow(BaseEmailBackend):
    """A mail server that answers when the test says so, and then breaks."""

    asked: ClassVar[threading.Event]
    answer: ClassVar[threading.Event]

    def send_messages(self, email_messages: Any) -> int:
        self.asked.set()
        assert self.answer.wait(PATIENCE)
        raise OSError("the mail server is gone")


def test_a_slow_mail_server_holds_nobody_and_its_failure_is_logged(
    cast: Cast,
    settings: LazySettings,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.MAIL_INLINE = False
    settings.EMAIL_BACKEND = f"{__name__}.Slow"
    Slow.asked, Slow.answer = threading.Event(), threading.Event()
    with django_capture_on_commit_callbacks(execute=True):
        notices.password_changed(cast.alice.user)
    # We are here, and the server has not answered yet.
    assert Slow.asked.wait(PATIENCE)
    Slow.answer.set()
    # The next mail waits for this one: when it is gone, the first one is told of.
    notices._postman().submit(lambda: None).result(PATIENCE)
    assert "a mail could not be sent" in caplog.text
