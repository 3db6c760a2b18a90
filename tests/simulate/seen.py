"""What a run shows of itself: its deliveries and its log, times in ns since the run's start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from sgengine.simulate import CostModel, Facts, Load, Simulated, System, simulate


@dataclass(frozen=True, kw_only=True)
class Request:
    """A row of the deliveries beside what was asked for; ``begun``: its first iteration, if any."""

    number: int
    input: int
    wanted: int
    status: str
    error: str | None
    arrival: int
    end: int
    times: tuple[int, ...]
    begun: int | None
    replica: int | None
    preemptions: int
    migrations: int

    def made(self, now: int) -> int:
        """Tokens delivered by ``now``."""
        return sum(time <= now for time in self.times)

    def is_here(self, now: int) -> bool:
        """Whether it has come and is not over."""
        return self.arrival <= now < self.end


@dataclass(frozen=True, kw_only=True)
class Iteration:
    """A row of the log."""

    replica: int
    start_ns: int
    end_ns: int
    prefill_tokens: int
    decode_tokens: int
    kv_tokens: int
    running: int
    queued: int


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A world and what came of it."""

    system: System
    load: Load
    cost: CostModel
    requests: tuple[Request, ...]
    iterations: tuple[Iteration, ...]
    facts: Facts
    found: Simulated

    @property
    def preempted(self) -> int:
        """How often anybody was."""
        return sum(r.preemptions for r in self.requests)

    @property
    def prefill_replicas(self) -> range:
        """Those that compute prompts."""
        split = self.system.disaggregated
        return range(self.system.replicas if split is None else split.prefill_replicas)

    @property
    def replicas(self) -> range:
        """All of them."""
        return range(len(self.facts.iterations))

    def on(self, replica: int) -> list[Request]:
        """The requests that were last at a replica."""
        return [r for r in self.requests if r.replica == replica]

    def of(self, replica: int) -> list[Iteration]:
        """The iterations of a replica, in order."""
        return [i for i in self.iterations if i.replica == replica]

    def idle(self, replica: int) -> Iterator[tuple[int, int]]:
        """When a replica computes nothing: before, between and after its iterations."""
        last = max(r.end for r in self.requests)
        edges = [(0, 0), *((i.start_ns, i.end_ns) for i in self.of(replica)), (last, last)]
        yield from ((a, b) for (_, a), (b, _) in pairwise(edges) if a < b)


def see(world: tuple[System, Load, CostModel]) -> Seen:
    """Simulate a world and look at it."""
    system, load, cost = world
    found = simulate(system, load, cost, log=True)
    assert found.iterations is not None
    rows = zip(
        found.deliveries.to_pylist(),
        load.input_tokens.tolist(),
        load.output_tokens.tolist(),
        strict=True,
    )
    requests = [
        Request(
            number=number,
            input=prompt,
            wanted=wanted,
            status=row["status"],
            error=row["error"],
            arrival=row["arrival_ns"],
            end=row["arrival_ns"] + row["end_ns"],
            times=tuple(row["arrival_ns"] + time for time in row["chunk_times_ns"]),
            begun=None if row["queue_ns"] is None else row["arrival_ns"] + row["queue_ns"],
            replica=row["replica"],
            preemptions=row["n_preemptions"],
            migrations=row["n_migrations"],
        )
        for number, (row, prompt, wanted) in enumerate(rows)
    ]
    return Seen(
        system=system,
        load=load,
        cost=cost,
        requests=tuple(requests),
        iterations=tuple(Iteration(**row) for row in found.iterations.to_pylist()),
        facts=found.facts,
        found=found,
    )
