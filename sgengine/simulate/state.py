"""From settings to the arrays and whole numbers that the kernels work on."""

from __future__ import annotations

from typing import Any

import numpy as np

from sgengine.errors import UsageError
from sgengine.kernels.simulation_state import (
    ABANDON,
    ARRIVALS,
    DELAY,
    FCFS,
    IMMEDIATE,
    LEAST_LOADED,
    NEVER,
    NOBODY,
    PACE,
    REPLICA_STATE,
    REQUEST,
    ROUND_ROBIN,
    SHORTEST,
    Costs,
    Rules,
    State,
)
from sgengine.simulate.cost import CostModel
from sgengine.simulate.load import NO_TURN, Load
from sgengine.simulate.systems import MAX_PACE_NS, Abandon, Delay, System

_ORDERS = {"fcfs": FCFS, "shortest": SHORTEST, "pace": PACE}
_ROUTERS = {"round-robin": ROUND_ROBIN, "least-loaded": LEAST_LOADED}
_MAX_TOKENS = 2**31 - 1
"""Offsets of the lists in DELIVERIES are int32."""
_LOG_COLUMNS = 8
_MAX_LENGTH_FS = 2**62
"""With room for the next doubling; times 10^6 of jitter in ns it still fits."""


def rules_of(system: System, cost: CostModel, costs: Costs, seed: int, jitter: float) -> Rules:
    """The system as the kernels know it."""
    split = system.disaggregated
    prefill = split.prefill_replicas if split else 0
    replicas = split.prefill_replicas + split.decode_replicas if split else system.replicas
    capacity = cost.kv_capacity
    _check_length(cost, costs, capacity + system.budget)
    return Rules(
        replicas=replicas,
        prefill_replicas=prefill,
        capacity=capacity,
        watermark=int(system.watermark * capacity),
        chunked=int(system.prefill == "chunked"),
        token_budget=system.budget,
        max_running=system.max_running,
        order=_ORDERS[system.order],
        swaps=int(system.preempt == "swap"),
        router=_ROUTERS[system.router],
        **_admission(system, costs, capacity * (replicas - prefill)),
        **_delivery(system.delivery),
        reader_first=system.reader.first_ns,
        reader_pace=system.reader.pace_ns,
        jitter=round(jitter * 1e6),
        seed=seed,
    )


def _check_length(cost: CostModel, costs: Costs, tokens: int) -> None:
    """Refuse a cost model under which a memory of tokens, computed at once, takes beyond int64."""
    linear = costs.weights + (costs.token + costs.exchange) * tokens
    attention = costs.pair * tokens * tokens + 2 * costs.context * tokens
    longest = costs.overhead + linear + attention + 4 * costs.swap * tokens
    if longest > _MAX_LENGTH_FS:
        raise UsageError(
            f"{cost.name}: an iteration over its memory could take {longest / 1e15:.3g} s; at most "
            f"{_MAX_LENGTH_FS / 1e15:.3g} s can be simulated: give faster hardware or less memory"
        )


def _admission(system: System, costs: Costs, decode_capacity: int) -> dict[str, int]:
    backlog = live = NEVER
    if system.admission is not None and system.admission.prefill_ns is not None:
        token = max(costs.token + costs.exchange, 1)
        backlog = system.admission.prefill_ns * 1_000_000 // token
    if system.admission is not None and system.admission.kv_load is not None:
        live = int(system.admission.kv_load * decode_capacity)
    return {"max_backlog": min(backlog, NEVER), "max_live_tokens": live}


def _delivery(delivery: Delay | Abandon | None) -> dict[str, int]:
    """The delivery policy; an absent tpot is the longest there is, for it is multiplied by tokens."""
    found = {"delivery": IMMEDIATE, "delay": 0, "tpot": MAX_PACE_NS, "due_pace": 0}
    found |= dict.fromkeys(("ttft", "tbt", "e2e", "due_first"), NEVER)
    if isinstance(delivery, Delay):
        found |= {"delivery": DELAY, "delay": delivery.gap_ns}
    if isinstance(delivery, Abandon):
        found["delivery"] = ABANDON
        found |= _clauses(delivery)
    return found


def _clauses(delivery: Abandon) -> dict[str, int]:
    slo = delivery.slo
    limits = {"ttft": slo.ttft_ns, "tbt": slo.tbt_ns, "tpot": slo.tpot_ns, "e2e": slo.e2e_ns}
    if slo.pace is not None:
        limits |= {"due_first": slo.pace.first_ns, "due_pace": slo.pace.pace_ns}
    return {name: value for name, value in limits.items() if value is not None}


def new_state(load: Load, rules: Rules, *, log_rows: int) -> State:
    """The state before the first event; ``log_rows`` of 0 keeps no log."""
    n, replicas = load.requests, rules.replicas
    requests, stop = _requests(load)
    totals = np.zeros(8, np.int64)
    return State(
        q=requests,
        r=_replicas(replicas),
        running=_empty(replicas, n),
        dries=_empty(replicas, n),
        picks=_empty(replicas, n),
        queues=_empty(replicas, n, 2),
        arrivals=_arrivals(load, totals),
        transfers=_empty(n, 2),
        deadlines=_empty(2 * n, 2),
        times=_empty(stop),
        spare=_empty(n),
        totals=totals,
        log=_empty(log_rows, _LOG_COLUMNS),
    )


def _empty(*shape: int) -> Any:
    return np.empty(shape, np.int64)


def _arrivals(load: Load, totals: Any) -> Any:
    """The heap of those who wait for none: sorted as they are, it is one."""
    firsts = np.flatnonzero(load.previous == NO_TURN)
    heap = _empty(load.requests, 2)
    heap[: len(firsts), 0] = load.arrival_ns[firsts]
    heap[: len(firsts), 1] = firsts
    totals[ARRIVALS] = len(firsts)
    return heap


def _requests(load: Load) -> tuple[Any, int]:
    """The requests before they come, and how many tokens they can have."""
    stops = np.cumsum(load.output_tokens, dtype=np.int64)
    if stops[-1] > _MAX_TOKENS:
        raise UsageError(
            f"workload {load.name} has {stops[-1]} output tokens: simulate at most 2^31 - 1 at once"
        )
    q = np.zeros(load.requests, REQUEST).view(np.recarray)
    q.input, q.output, q.think = load.input_tokens, load.output_tokens, load.think_ns
    q.stop, q.start = stops, stops - load.output_tokens
    q.cursor = q.start
    q.offset = q.input - q.start
    q.place = q.source = NOBODY
    later = np.flatnonzero(load.previous != NO_TURN)
    follower = np.full(load.requests, NOBODY)
    follower[load.previous[later]] = later
    q.follower = follower
    q.noted = q.begun = NEVER
    return q, int(stops[-1])


def _replicas(count: int) -> Any:
    r = np.zeros(count, REPLICA_STATE).view(np.recarray)
    r.until = NEVER
    return r
