"""Makes granian stop at once, whoever sends which signal to which of its processes."""

import os
import signal
from types import FrameType
from typing import Any, Self

STOPS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """While active, each process acts on its first stop signal alone, and a worker on its parent's.

    Ctrl-C reaches the workers twice, from the terminal and from their parent. Granian's handlers
    set an Event, which deadlocks when the second signal interrupts the first; and until a worker
    has handlers of its own, it would swallow a signal with those it inherited.
    """

    def __init__(self) -> None:
        self._install = signal.signal
        self._active = False
        self._in_worker = False
        self._stopping = False
        os.register_at_fork(after_in_child=self._enter_worker)

    def __enter__(self) -> Self:
        self._active = True
        # Stands in for the module's own function.
        signal.signal = self._install_once  # type: ignore[assignment]
        return self

    def __exit__(self, *exception: object) -> None:
        self._active = False
        signal.signal = self._install

    def _enter_worker(self) -> None:
        if self._active:
            self._in_worker = True
            self._install(signal.SIGINT, signal.SIG_IGN)
            self._install(signal.SIGTERM, signal.SIG_DFL)

    def _install_once(self, number: int, handler: Any) -> Any:
        if number not in STOPS or not callable(handler):
            return self._install(number, handler)
        if self._in_worker and number == signal.SIGINT:
            return signal.SIG_IGN

        def handle(received: int, frame: FrameType | None) -> None:
            if not self._stopping:
                self._stopping = True
                handler(received, frame)

        return self._install(number, handle)
