"""Runs ``sgengine`` and tells its time and greatest memory: ``python -m benchmarks.watched OUT ARGUMENTS``.

``ARGUMENTS --then ARGUMENTS``: one run to warm up, imports and compiled code, and the other timed. The
process tells its memory itself, for what the system says of a child includes the parent it was forked from.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.case import Outcome
from benchmarks.timing import memory_mib

_THEN = "--then"


def watched(out: Path, *arguments: str, warm: tuple[str, ...] = ()) -> Outcome:
    """``sgengine ARGUMENTS`` in a process of its own, imports included unless ``warm`` ran before."""
    first = [*warm, _THEN] if warm else []
    command = [sys.executable, "-m", "benchmarks.watched", str(out), *first, *arguments]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"sgengine {' '.join(arguments)} failed:\n{done.stderr}")
    found = json.loads(out.read_text("utf-8"))
    return Outcome(seconds=found["seconds"], peak_mib=found["peak_mib"])


def main() -> None:
    """Run and write what was seen."""
    out, arguments = Path(sys.argv[1]), sys.argv[2:]
    if _THEN in arguments:
        place = arguments.index(_THEN)
        _run(arguments[:place])
        arguments = arguments[place + 1 :]
    start = time.perf_counter()
    _run(arguments)
    found = {"seconds": time.perf_counter() - start, "peak_mib": memory_mib("VmHWM")}
    out.write_text(json.dumps(found), "utf-8")


def _run(arguments: list[str]) -> None:
    from sgengine.cli.main import main as sgengine

    sys.argv = ["sgengine", *arguments]
    try:
        sgengine()
    except SystemExit as done:
        if done.code:
            raise


if __name__ == "__main__":
    main()
