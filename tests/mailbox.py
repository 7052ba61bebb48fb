"""A real mail server on the loopback that keeps what it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from queue import Queue
from threading import Thread

from aiosmtpd.handlers import Message as MessageHandler
from aiosmtpd.smtp import SMTP

# How long a mail may be on its way.
_SECONDS = 20


class Mailbox(MessageHandler):
    """What arrived, oldest first, and where it is sent to: an address for DRAGOMAN_EMAIL_URL."""

    def __init__(self) -> None:
        super().__init__()
        self.received: Queue[Message] = Queue()
        self.url = ""

    def next_to(self, address: str) -> str:
        """The text of the next mail to an address; mails to others are passed over."""
        while True:
            message = self.received.get(timeout=_SECONDS)
            if message["To"] == address:
                return str(message.get_payload())

    def handle_message(self, message: Message) -> None:
        self.received.put(message)


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """A server at a free port, in a thread of its own."""
    mailbox, loop = Mailbox(), asyncio.new_event_loop()
    serving = loop.create_server(lambda: SMTP(mailbox, loop=loop), "127.0.0.1", 0)
    thread = Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(serving, loop).result()
    mailbox.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def close() -> None:
        server.close()
        await server.wait_closed()

    try:
        yield mailbox
    finally:
        asyncio.run_coroutine_threadsafe(close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
