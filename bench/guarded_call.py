"""Measures the CPU that finding a session costs, with its query kept and with it compiled anew.

Whoever calls a guarded path pays this once. Start it as ``python -m bench.guarded_call``.
"""

import json
import subprocess
import sys

from bench.report import keep
from bench.surroundings import ROOT, installation

_MEASURE = "from bench import session_finding; session_finding.tell()"


def main() -> None:
    with installation() as variables:
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=ROOT, env=variables, check=True)
        shell = [sys.executable, "manage.py", "shell", "-c", _MEASURE]
        ran = subprocess.run(
            shell, cwd=ROOT, env=variables, check=True, stdout=subprocess.PIPE, text=True
        )
    found = json.loads(ran.stdout.splitlines()[-1])
    keep("guarded_call", {**found, "ratio": found["kept_ms"] / found["anew_ms"]})


if __name__ == "__main__":
    main()
