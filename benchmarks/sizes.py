"""How large the benchmarks are: the smoke test of the tests, ``make bench`` and ``make bench-full``."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.workloads import Workload


@dataclass(frozen=True, kw_only=True)
class Size:
    """``memory``: what kernels and SQL see in memory; ``file``: what pipelines read from files.

    ``shapes``: requests of the other shapes; ``envelopes``: requests of the what-if; ``clients``:
    requests that clients' own code is given; ``lines``: requests of client files to parse.
    """

    name: str
    repeats: int
    memory: Workload
    file: Workload
    shapes: int
    envelopes: int
    clients: int
    lines: int

    @property
    def is_tiny(self) -> bool:
        """Whether this is the smoke test, which checks that everything runs and agrees."""
        return self.name == "tiny"

    @property
    def is_full(self) -> bool:
        """Whether what takes minutes is wanted."""
        return self.name == "full"


_MEDIUM = Workload(name="medium", requests=100_000)

SIZES = {
    "tiny": Size(
        name="tiny",
        repeats=0,
        memory=Workload(name="tiny", requests=300, tokens=30),
        file=Workload(name="tiny", requests=300, tokens=30),
        shapes=100,
        envelopes=2_000,
        clients=60,
        lines=100,
    ),
    "bench": Size(
        name="bench",
        repeats=5,
        memory=_MEDIUM,
        file=_MEDIUM,
        shapes=10_000,
        envelopes=10_000_000,
        clients=10_000,
        lines=10_000,
    ),
    "full": Size(
        name="full",
        repeats=5,
        memory=_MEDIUM,
        file=Workload(name="day", requests=1_000_000),
        shapes=10_000,
        envelopes=10_000_000,
        clients=20_000,
        lines=20_000,
    ),
}
