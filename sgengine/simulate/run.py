"""One simulation: a system, a load and a cost model to a table of deliveries and facts of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from sgengine.errors import UsageError
from sgengine.kernels import simulation
from sgengine.kernels.simulation_state import LOGGED, State
from sgengine.simulate.cost import CostModel
from sgengine.simulate.load import Load
from sgengine.simulate.state import new_state, rules_of
from sgengine.simulate.systems import System
from sgengine.simulate.table import deliveries_of, iterations_of

_LOG_ROWS = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What happened in a run. Lists have an entry a replica, prefill replicas first.

    ``tokens`` delivered; ``span_ns``: from 0 to the last end of a request; ``kv_capacity``, ``peak_kv``
    in tokens a replica; ``prefill_tokens`` computed, recomputation included; ``swapped_tokens`` moved
    out and in.
    """

    requests: int
    tokens: int
    span_ns: int
    preemptions: int
    migrations: int
    kv_capacity: int
    peak_kv: list[int]
    iterations: list[int]
    busy_ns: list[int]
    prefill_tokens: list[int]
    swapped_tokens: list[int]


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """``deliveries``: DELIVERIES with the run's parameters. ``iterations``: a row each, if asked for."""

    deliveries: pa.Table
    facts: Facts
    iterations: pa.Table | None = None


def simulate(
    system: System,
    load: Load,
    cost: CostModel,
    seed: int = 0,
    *,
    jitter: float = 0.0,
    run: str | None = None,
    log: bool = False,
) -> Simulated:
    """Serve ``load`` with ``system`` on ``cost``'s hardware until every request is over.

    ``jitter``: the share by which an iteration may take longer, uniform, by ``seed``; without it the
    seed only names the run. ``run`` names the run itself. ``log``: keep every iteration. The same
    arguments give the same tables. UsageError for settings that cannot be.
    """
    if not 0 <= jitter <= 1:
        raise UsageError(f"jitter is {jitter}: give a share from 0 to 1")
    if not 0 <= seed < 2**62:
        raise UsageError(f"seed is {seed}: give a whole number from 0 to 2^62")
    costs = cost.costs()
    rules = rules_of(system, cost, costs, seed, jitter)
    state = new_state(load, rules, log_rows=_LOG_ROWS if log else 0)
    pieces = []
    while (how := simulation.advance(state, rules, costs)) == simulation.LOG_FULL:
        pieces.append(_drained(state))
    assert how == simulation.FINISHED, f"{system.name}: live requests and nothing to happen"
    pieces.append(_drained(state))
    simulation.since_arrival(state.times, state.q)
    return Simulated(
        deliveries=deliveries_of(state, system, load, cost, seed, run),
        facts=_facts(state, rules.capacity),
        iterations=iterations_of(pieces) if log else None,
    )


def _drained(state: State) -> Any:
    found = state.log[: state.totals[LOGGED]].copy()
    state.totals[LOGGED] = 0
    return found


def _facts(state: State, capacity: int) -> Facts:
    q, r = state.q, state.r
    return Facts(
        requests=q.end.size,
        tokens=int(np.sum(q.cursor - q.start)),
        span_ns=int(q.end.max()),
        preemptions=int(q.preemptions.sum()),
        migrations=int(q.migrations.sum()),
        kv_capacity=capacity,
        peak_kv=r.peak.tolist(),
        iterations=r.iterations.tolist(),
        busy_ns=r.busy.tolist(),
        prefill_tokens=r.prefilled.tolist(),
        swapped_tokens=r.swapped.tolist(),
    )
