"""Runs ``sgengine`` and tells its time and greatest memory: ``python -m benchmarks.watched OUT ARGUMENTS``.

From inside, for what the system tells of a child's memory includes the parent it was forked from.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.case import Outcome
from benchmarks.timing import memory_mib


def watched(out: Path, *arguments: str) -> Outcome:
    """``sgengine ARGUMENTS`` in a process of its own, imports included."""
    command = [sys.executable, "-m", "benchmarks.watched", str(out), *arguments]
    root = Path(__file__).parents[1]
    subprocess.run(command, check=True, cwd=root, stdout=subprocess.DEVNULL)
    found = json.loads(out.read_text("utf-8"))
    return Outcome(seconds=found["seconds"], peak_mib=found["peak_mib"])


def main() -> None:
    """Run and write what was seen."""
    start = time.perf_counter()
    from sgengine.cli.main import main as sgengine

    out = Path(sys.argv[1])
    sys.argv = ["sgengine", *sys.argv[2:]]
    code: str | int | None = 0
    try:
        sgengine()
    except SystemExit as done:
        code = done.code
    found = {"seconds": time.perf_counter() - start, "peak_mib": memory_mib("VmHWM")}
    out.write_text(json.dumps(found), "utf-8")
    sys.exit(code)


if __name__ == "__main__":
    main()
