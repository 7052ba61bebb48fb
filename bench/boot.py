"""Measures how fast the real server starts and how much memory a worker holds.

Start it as ``python -m bench.boot``. Compare runs of one machine alone.
"""

import os
import platform
import signal
import statistics
import subprocess
import sys
import time

import psutil

from bench.report import keep
from bench.surroundings import ROOT, installation

STARTS = 5


def measure(variables: dict[str, str]) -> dict[str, float]:
    begun = time.monotonic()
    server = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--migrate", "--port", "0"],
        cwd=ROOT,
        env=variables,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    for line in server.stderr:
        if "listens on" in line:
            break
    else:
        raise SystemExit("the server did not start")
    open_after = time.monotonic() - begun
    time.sleep(1)
    parent = psutil.Process(server.pid)
    workers = [child.memory_full_info() for child in parent.children()]
    begun = time.monotonic()
    server.send_signal(signal.SIGTERM)
    server.wait()
    return {
        "boot_seconds": open_after,
        "stop_seconds": time.monotonic() - begun,
        "worker_rss_mib": max(worker.rss for worker in workers) / 2**20,
        # A worker shares most of its memory with the parent that it was forked from.
        "worker_own_mib": max(worker.uss for worker in workers) / 2**20,
    }


def main() -> None:
    with installation() as variables:
        first = measure(variables)
        later = [measure(variables) for _ in range(STARTS)]
    figures = {name: statistics.median(each[name] for each in later) for name in first}
    machine = f"{os.cpu_count()} CPUs, Python {platform.python_version()}"
    keep("boot", {"machine": machine, "first_boot_seconds": first["boot_seconds"], **figures})


if __name__ == "__main__":
    main()
