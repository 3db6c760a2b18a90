"""What the users of the sample do: when they ask, how much, and how long they put up with it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from sgengine.sample.draws import Draws

MS = 1_000_000
SECOND = 1_000 * MS
_MICROSECOND = 1_000

START_NS = 1_772_442_000 * SECOND
"""2026-03-02 09:00:00 UTC, the day of the sample; the workloads start at offsets from it."""

_TENANTS = MappingProxyType({"north": 5, "south": 3, "west": 2})


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One load: Poisson arrivals, ranges of lengths in tokens, and the patience of its users."""

    name: str
    model: str
    seed: int
    requests: int
    arrivals_per_1000_s: int
    prompt_tokens: tuple[int, int]
    output_tokens: tuple[int, int]
    start_ns: int
    origin: str
    patience_ns: int | None
    timeout_ns: int
    leaves_per_million: int
    breaks_per_million: int
    drain_ns: int


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request as its user means it; times in ns since the run's start, or since arrival."""

    request_id: str
    uuid: str
    tenant: str
    arrival_ns: int
    network_ns: int
    prompt_tokens: int
    output_tokens: int
    patience_ns: int | None
    timeout_ns: int
    leaves_after: int | None
    breaks_after: int | None

    @property
    def reaches_ns(self) -> int:
        """When the request reaches the server, in ns since the run's start."""
        return self.arrival_ns + self.network_ns


CHAT = Workload(
    name="chat",
    model="toy-8b",
    seed=1,
    requests=120,
    arrivals_per_1000_s=3_200,
    prompt_tokens=(12, 3_000),
    output_tokens=(1, 360),
    start_ns=START_NS + 3_590 * SECOND,
    origin="scheduled",
    patience_ns=3 * SECOND,
    timeout_ns=20 * SECOND,
    leaves_per_million=40_000,
    breaks_per_million=25_000,
    drain_ns=4 * SECOND,
)

SUMMARIZATION = Workload(
    name="summarization",
    model="toy-32b",
    seed=2,
    requests=60,
    arrivals_per_1000_s=600,
    prompt_tokens=(400, 6_000),
    output_tokens=(24, 220),
    start_ns=START_NS + 7_200 * SECOND,
    origin="sent",
    patience_ns=None,
    timeout_ns=10 * SECOND,
    leaves_per_million=15_000,
    breaks_per_million=30_000,
    drain_ns=4 * SECOND,
)

WORKLOADS = (CHAT, SUMMARIZATION)


def calls(workload: Workload, seed: int) -> tuple[Call, ...]:
    """Return the requests of a workload in order of arrival: the same for every system."""
    draws = Draws(seed, workload.seed)
    made, slot_ms = [], 0
    for number in range(1, workload.requests + 1):
        while not draws.chance(workload.arrivals_per_1000_s):  # one try a millisecond
            slot_ms += 1
        arrival_ns = slot_ms * MS + draws.below(1_000) * _MICROSECOND
        made.append(_call(workload, draws, number, arrival_ns))
        slot_ms += 1
    return tuple(made)


def _call(workload: Workload, draws: Draws, number: int, arrival_ns: int) -> Call:
    output_tokens = draws.skewed(*workload.output_tokens)
    leaves = draws.chance(workload.leaves_per_million)
    breaks = draws.chance(workload.breaks_per_million)
    return Call(
        request_id=f"{workload.name}-{number:04d}",
        uuid=draws.uuid(),
        tenant=draws.pick(_TENANTS),
        arrival_ns=arrival_ns,
        network_ns=draws.between(400, 4_000) * _MICROSECOND,
        prompt_tokens=draws.skewed(*workload.prompt_tokens),
        output_tokens=output_tokens,
        patience_ns=workload.patience_ns,
        timeout_ns=workload.timeout_ns,
        leaves_after=draws.between(1, output_tokens) if leaves else None,
        breaks_after=draws.between(1, output_tokens) if breaks else None,
    )
