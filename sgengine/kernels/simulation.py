"""The event loop of the simulator: one core for every system (docs/simulator.md).

At each moment at which anything happens, in this order: iterations end (replicas rising), transfers
end, deadlines pass, requests arrive, and idle replicas begin (falling, so that what a decode replica
sends back is seen by the prefill replicas, which come before it in number).
"""

from __future__ import annotations

from sgengine.kernels._jit import part, uncounted
from sgengine.kernels.simulation_batch import begin
from sgengine.kernels.simulation_delivery import arrive, finish_iteration, land, miss, take
from sgengine.kernels.simulation_state import (
    ARRIVALS,
    DEADLINES,
    LIVE_REQUESTS,
    LOGGED,
    NEVER,
    TRANSFERS,
    Costs,
    Int64s,
    Records,
    Rules,
    State,
)

FINISHED, LOG_FULL, STUCK = 0, 1, 2
"""How ``advance`` comes back: all requests are over; no room in the log; live requests but no event."""


@uncounted
def advance(s: State, k: Rules, c: Costs) -> int:
    """Run until every request is over, or the log has no room for another round of iterations."""
    while s.totals[ARRIVALS] > 0 or s.totals[LIVE_REQUESTS] > 0:
        if s.log.shape[0] > 0 and s.log.shape[0] - s.totals[LOGGED] < k.replicas:
            return LOG_FULL
        now = _next_event(s, k)
        if now == NEVER:
            return STUCK
        for at in range(k.replicas):
            if s.r[at].until == now:
                finish_iteration(s, k, at, now)
        _happen(s, k, now)
        for at in range(k.replicas - 1, -1, -1):
            if s.r[at].until == NEVER:
                begin(s, k, c, at, now)
    return FINISHED


@part
def _next_event(s: State, k: Rules) -> int:
    found = NEVER
    for at in range(k.replicas):
        found = min(found, s.r[at].until)
    if s.totals[TRANSFERS] > 0:
        found = min(found, s.transfers[0, 0])
    if s.totals[DEADLINES] > 0:
        found = min(found, s.deadlines[0, 0])
    if s.totals[ARRIVALS] > 0:
        found = min(found, s.arrivals[0, 0])
    return found


@part
def _happen(s: State, k: Rules, now: int) -> None:
    """Transfers, deadlines and arrivals of the moment ``now``."""
    while s.totals[TRANSFERS] > 0 and s.transfers[0, 0] == now:
        land(s, take(s.transfers, s.totals, TRANSFERS))
    while s.totals[DEADLINES] > 0 and s.deadlines[0, 0] == now:
        miss(s, take(s.deadlines, s.totals, DEADLINES), now)
    while s.totals[ARRIVALS] > 0 and s.arrivals[0, 0] == now:
        arrive(s, k, take(s.arrivals, s.totals, ARRIVALS), now)


@uncounted
def since_arrival(times: Int64s, q: Records) -> None:
    """Make each request's times count from its arrival, in place."""
    for i in range(q.size):
        for m in range(q[i].start, q[i].cursor):
            times[m] -= q[i].arrival
