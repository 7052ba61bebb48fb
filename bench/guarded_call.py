"""Measures the CPU that finding a session costs, with its query kept and with it compiled anew.

Whoever calls a guarded path pays this once. Start it as ``python -m bench.guarded_call``; it writes
bench/results/guarded_call.json and .md.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.boot import RESULTS, ROOT, environment

_MEASURE = "from bench import session_finding; session_finding.tell()"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-") as folder:
        Path(folder).chmod(0o777)
        variables = environment(Path(folder))
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=ROOT, env=variables, check=True)
        shell = [sys.executable, "manage.py", "shell", "-c", _MEASURE]
        ran = subprocess.run(
            shell, cwd=ROOT, env=variables, check=True, stdout=subprocess.PIPE, text=True
        )
    found = json.loads(ran.stdout.splitlines()[-1])
    found["ratio"] = found["kept_ms"] / found["anew_ms"]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "guarded_call.json").write_text(json.dumps(found, indent=1) + "\n")
    rows = "".join(f"| {name.replace('_', ' ')} | {value:.3f} |\n" for name, value in found.items())
    (RESULTS / "guarded_call.md").write_text(f"| What | Figure |\n| --- | --- |\n{rows}")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
