"""Cleans up after a test run, however the run ended: waits for its end, then stops what is left.

Started by the run's first process, which holds the other end of our standard input for life.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import psutil

VARIABLE = "TEST_RUN_DIRECTORY"
PATIENCE = 5.0


def leftovers(directory: str) -> list[psutil.Process]:
    """Processes of the run: their environment or their arguments name its directory."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(VARIABLE) == directory or any(
                argument.startswith(f"{directory}/") for argument in process.cmdline()
            )
        except (psutil.Error, OSError):
            continue
        if ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def clean_up(directory: str) -> None:
    begun = time.monotonic()
    asked: set[int] = set()
    while left := leftovers(directory):
        late = time.monotonic() - begun > PATIENCE
        for process in left:
            if process.pid in asked and not late:
                continue
            asked.add(process.pid)
            # PostgreSQL would wait for its clients on SIGTERM; its data is thrown away anyhow.
            gently = signal.SIGQUIT if process.name() == "postgres" else signal.SIGTERM
            try:
                process.send_signal(signal.SIGKILL if late else gently)
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.05)
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, signal.SIG_IGN)
    sys.stdin.read()
    clean_up(str(Path(sys.argv[1])))
