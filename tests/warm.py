"""Compiles what takes longest, two at a time: ``python -m tests.warm``, before the tests.

Some 50 s of one core for a version of the kernels. Two workers of pytest would each spend most of it: what
one of them compiles, the other comes to before it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import sgengine
from sgengine.kernels._jit import CACHE_FOLDER
from sgengine.simulate import SYSTEMS, cost_preset, simulate
from sgengine.simulate.workloads import POISSON, Stream, arrivals_ns, workload
from tests.cli.support import good

DATA = Path(__file__).resolve().parents[1] / "data"
TRACE = str(DATA / "chunked-prefill.parquet")


def measured() -> None:
    """A trace, analysed."""
    good("analyze", TRACE)


def read() -> None:
    """JSON Lines of a client."""
    sgengine.read(str(DATA / "profile_export.jsonl"))


def audited() -> None:
    """Both operations of an audit."""
    good("audit", TRACE, "--delay", "tbt:100ms", "--abandon", "ttft:500")


def simulated() -> None:
    """A server."""
    arrivals = arrivals_ns(POISSON, Stream(1, "arrivals"), rate=1, duration_s=10)
    load = workload("sharegpt").load(arrivals, seed=1, request_rate=1)
    simulate(SYSTEMS["chunked"], load, cost_preset("llama-3.1-8b-a100-80g"))


JOBS: dict[str, Callable[[], None]] = {
    "request.in_blocks": measured,
    "simulation.advance": simulated,
    "json_fields.fields": read,
    "audit.abandon": audited,
}
"""By the kernel that takes longest: where it is in the cache there is nothing to do. An audit is of what
was measured, and so not begun with.
"""


def main() -> None:
    """Do what is not done yet."""
    if CACHE_FOLDER is None:
        return
    missing = [job for name, job in JOBS.items() if not any(CACHE_FOLDER.glob(f"{name}-*.kernel"))]
    if missing:
        print("compiling the kernels (once)", flush=True)
        with get_context("spawn").Pool(2) as pool:
            pool.map(_run, missing, chunksize=1)


def _run(job: Callable[[], None]) -> None:
    job()


if __name__ == "__main__":
    main()
