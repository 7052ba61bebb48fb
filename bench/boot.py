"""Measures how fast the real server starts and how much memory a worker holds.

Writes bench/results/boot.json and boot.md. Compare runs of one machine alone.
"""

import base64
import json
import os
import platform
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
STARTS = 5


def environment(var_dir: Path) -> dict[str, str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("DRAGOMAN_", "DATABASE_URL"))}
    return {
        **kept,
        "DRAGOMAN_MODE": "production",
        "DRAGOMAN_VAR_DIR": str(var_dir),
        "DRAGOMAN_SECRET_KEY": secrets.token_urlsafe(64),
        "DRAGOMAN_SEALING_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "DRAGOMAN_BASE_URL": "https://127.0.0.1",
        "DRAGOMAN_ALLOWED_HOSTS": "127.0.0.1",
        "DRAGOMAN_WORKERS": "2",
    }


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
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-") as directory:
        Path(directory).chmod(0o711)
        variables = environment(Path(directory))
        first = measure(variables)
        later = [measure(variables) for _ in range(STARTS)]
    result: dict[str, Any] = {
        "machine": f"{os.cpu_count()} CPUs, Python {platform.python_version()}",
        "first_boot_seconds": round(first["boot_seconds"], 2),
        **{name: round(statistics.median(r[name] for r in later), 2) for name in first},
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "boot.json").write_text(json.dumps(result, indent=2) + "\n")
    rows = [f"| {name.replace('_', ' ')} | {value} |" for name, value in result.items()]
    table = "\n".join(["| what | value |", "| --- | --- |", *rows, ""])
    (RESULTS / "boot.md").write_text(table)
    print(table)


if __name__ == "__main__":
    main()
