"""From settings to the arrays and whole numbers that the kernels work on."""

from __future__ import annotations

from typing import Any

import numpy as np

from sgengine.errors import UsageError
from sgengine.kernels.simulation_state import (
    ABANDON,
    DELAY,
    FCFS,
    IMMEDIATE,
    LEAST_LOADED,
    NEVER,
    NOBODY,
    PACE,
    ROUND_ROBIN,
    SHORTEST,
    Costs,
    Replicas,
    Requests,
    Rules,
    State,
)
from sgengine.simulate.cost import CostModel
from sgengine.simulate.load import NO_TURN, Load
from sgengine.simulate.systems import Abandon, Delay, System

_ORDERS = {"fcfs": FCFS, "shortest": SHORTEST, "pace": PACE}
_ROUTERS = {"round-robin": ROUND_ROBIN, "least-loaded": LEAST_LOADED}
_MAX_TOKENS = 2**31 - 1
"""Offsets of the lists in DELIVERIES are int32."""
_LOG_COLUMNS = 8


def rules_of(system: System, cost: CostModel, costs: Costs, seed: int, jitter: float) -> Rules:
    """The system as the kernels know it."""
    split = system.disaggregated
    prefill = split.prefill_replicas if split else 0
    replicas = split.prefill_replicas + split.decode_replicas if split else system.replicas
    capacity = cost.kv_capacity
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
        margin=system.margin_ns,
        jitter=round(jitter * 1e6),
        seed=seed,
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
    found = {"delivery": IMMEDIATE, "delay": 0, "tpot": 0, "due_pace": 0}
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
    n = load.requests
    requests = _requests(load)
    size = int(requests.starts[-1])
    firsts = np.flatnonzero(load.previous == NO_TURN)
    keys, items = _heap(n), _heap(n)
    keys[: len(firsts)], items[: len(firsts)] = load.arrival_ns[firsts], firsts
    totals = np.zeros(8, np.int64)
    totals[0] = len(firsts)
    return State(
        q=requests,
        r=_replicas(rules, n),
        times=np.empty(size, np.int64),
        arrival_keys=keys,
        arrival_items=items,
        transfer_keys=_heap(n),
        transfer_items=_heap(n),
        deadline_keys=_heap(2 * n),
        deadline_items=_heap(2 * n),
        totals=totals,
        log=np.empty((log_rows, _LOG_COLUMNS), np.int64),
    )


def _heap(n: int) -> Any:
    return np.empty(n, np.int64)


def _requests(load: Load) -> Requests:
    n = load.requests
    starts = np.zeros(n + 1, np.int64)
    np.cumsum(load.output_tokens, out=starts[1:])
    if starts[-1] > _MAX_TOKENS:
        raise UsageError(
            f"workload {load.name} has {starts[-1]} output tokens: simulate at most 2^31 - 1 at once"
        )
    follower = np.full(n, NOBODY, np.int64)
    later = np.flatnonzero(load.previous != NO_TURN)
    follower[load.previous[later]] = later
    counts = ("computed", "work", "dry", "deadline", "end", "preemptions", "migrations", "arrival")
    flags = ("status", "decoding", "swapped", "waits", "travels")
    return Requests(
        inputs=load.input_tokens.astype(np.int64),
        outputs=load.output_tokens.astype(np.int64),
        follower=follower,
        think=load.think_ns,
        starts=starts,
        cursor=starts[:-1].copy(),
        **{name: np.zeros(n, np.int64) for name in counts},
        **{name: np.zeros(n, np.int8) for name in flags},
        **{name: np.full(n, NOBODY, np.int64) for name in ("place", "source")},
        **{name: np.full(n, NEVER, np.int64) for name in ("noted", "started")},
    )


def _replicas(rules: Rules, n: int) -> Replicas:
    r = rules.replicas
    own = {"until", "steady", "running", "queue_keys", "queue_items"}
    counts = {name: np.zeros(r, np.int64) for name in Replicas._fields if name not in own}
    return Replicas(
        until=np.full(r, NEVER, np.int64),
        steady=np.zeros(r, np.int8),
        running=np.empty((r, min(rules.max_running, n)), np.int64),
        queue_keys=np.empty((r, n), np.int64),
        queue_items=np.empty((r, n), np.int64),
        **counts,
    )
