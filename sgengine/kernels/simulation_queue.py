"""Queue, admission and preemption of one replica of a simulation (docs/simulator.md)."""

from __future__ import annotations

from sgengine.kernels._jit import inlined
from sgengine.kernels.simulation_heap import pop, push
from sgengine.kernels.simulation_state import (
    FCFS,
    LEAST_LOADED,
    LIVE,
    NEXT_FIRST,
    NOBODY,
    PACE,
    TRANSFERS,
    Costs,
    Requests,
    Rules,
    State,
)

_FS = 1_000_000
"""Femtoseconds in a nanosecond."""


@inlined
def context_of(q: Requests, i: int) -> int:
    """Tokens whose KV the next token of request ``i`` needs: the prompt and what was made."""
    return q.inputs[i] + q.cursor[i] - q.starts[i]


@inlined
def left_of(q: Requests, i: int) -> int:
    """Tokens to compute before a request that is not decoding makes its next token."""
    return context_of(q, i) - q.computed[i]


@inlined
def held_of(q: Requests, i: int) -> int:
    """Tokens of KV reserved for a running request.

    While decoding the newest token has none yet, unless the iteration being put together has it.
    """
    if q.decoding[i] == 1:
        return context_of(q, i) - 1 + q.work[i]
    return context_of(q, i)


@inlined
def key_of(q: Requests, order: int, i: int) -> int:
    """What the order compares; the least comes first, ties go to the lower number."""
    if order == FCFS:
        return q.arrival[i]
    if order == PACE:
        return q.dry[i]
    return q.inputs[i] + q.outputs[i]


@inlined
def route(s: State, k: Rules, first: int, stop: int, turn: int) -> int:
    """The replica of [first, stop) for one more request; ``turn`` is the place of the router's turn."""
    if k.router == LEAST_LOADED:
        best = first
        for j in range(first + 1, stop):
            if s.r.load[j] < s.r.load[best]:
                best = j
        return best
    found = first + s.totals[turn] % (stop - first)
    s.totals[turn] += 1
    return found


@inlined
def first_replicas(k: Rules) -> int:
    """How many replicas, from 0 on, take arrivals."""
    return k.prefill_replicas if k.prefill_replicas > 0 else k.replicas


@inlined
def enqueue(s: State, k: Rules, at: int, i: int) -> None:
    """Put request ``i`` into the queue of replica ``at``."""
    s.q.place[i] = at
    s.q.waits[i] = 1
    s.r.load[at] += 1
    push(s.r.queue_keys[at], s.r.queue_items[at], s.r.queued[at], key_of(s.q, k.order, i), i)
    s.r.queued[at] += 1


@inlined
def head_of(s: State, at: int) -> int:
    """The first in the queue, or NOBODY. Those that gave up are taken out when they come up."""
    while s.r.queued[at] > 0:
        i = s.r.queue_items[at, 0]
        if s.q.status[i] == LIVE:
            return i
        pop(s.r.queue_keys[at], s.r.queue_items[at], s.r.queued[at])
        s.r.queued[at] -= 1
    return NOBODY


@inlined
def fits(s: State, k: Rules, at: int, i: int) -> bool:
    """Whether there is a place and memory for the head of the queue."""
    spare = k.watermark if s.r.size[at] > 0 else 0
    is_within = s.r.used[at] + context_of(s.q, i) + spare <= k.capacity
    return is_within and s.r.size[at] < k.max_running


@inlined
def admit(s: State, c: Costs, at: int, i: int, now: int) -> None:
    """Move the head of the queue into the batch, its memory reserved."""
    q, r = s.q, s.r
    pop(r.queue_keys[at], r.queue_items[at], r.queued[at])
    r.queued[at] -= 1
    q.waits[i] = 0
    r.running[at, r.size[at]] = i
    r.size[at] += 1
    r.used[at] += held_of(q, i)
    if q.source[i] != NOBODY:
        _fetch(s, c, at, i, now)
    elif q.decoding[i] == 1:
        r.decoders[at] += 1
    if q.swapped[i] == 1:
        q.swapped[i] = 0
        _move(s, at, i)


@inlined
def _fetch(s: State, c: Costs, at: int, i: int, now: int) -> None:
    """Begin the transfer of a request's KV; one at a time comes to a replica."""
    length = c.transfer_latency + c.transfer * (context_of(s.q, i) - 1)
    begin = max(now, s.r.link[at])
    s.r.link[at] = begin + max((length + _FS - 1) // _FS, 1)
    s.q.travels[i] = 1
    s.q.migrations[i] += 1
    push(s.transfer_keys, s.transfer_items, s.totals[TRANSFERS], s.r.link[at], i)
    s.totals[TRANSFERS] += 1


@inlined
def _move(s: State, at: int, i: int) -> None:
    """Count the KV of a request that leaves for the host or comes back."""
    tokens = context_of(s.q, i) - 1 if s.q.decoding[i] == 1 else s.q.computed[i]
    s.r.moving[at] += tokens
    s.r.swapped[at] += tokens


@inlined
def last_in_order(s: State, k: Rules, at: int, decoding_only: bool) -> int:
    """The place in the batch of the request that the order puts last, or NOBODY.

    Requests whose KV is still on its way are no candidates.
    """
    q = s.q
    best, best_key, best_item = NOBODY, 0, 0
    for j in range(s.r.size[at]):
        i = s.r.running[at, j]
        if q.travels[i] == 1 or (decoding_only and q.decoding[i] == 0):
            continue
        key = key_of(q, k.order, i)
        if best == NOBODY or key > best_key or (key == best_key and i > best_item):
            best, best_key, best_item = j, key, i
    return best


@inlined
def preempt(s: State, k: Rules, at: int, j: int) -> None:
    """Take the request at place ``j`` out of the batch and back into a queue, its memory freed."""
    q, r = s.q, s.r
    i = r.running[at, j]
    r.used[at] -= held_of(q, i)
    r.size[at] -= 1
    for m in range(j, r.size[at]):
        r.running[at, m] = r.running[at, m + 1]
    r.decoders[at] -= q.decoding[i]
    r.load[at] -= 1
    q.work[i] = 0
    q.preemptions[i] += 1
    if k.swaps == 1:
        q.swapped[i] = 1
        _move(s, at, i)
        enqueue(s, k, at, i)
    else:
        _start_over(s, k, at, i)


@inlined
def _start_over(s: State, k: Rules, at: int, i: int) -> None:
    """Queue a request whose context has to be computed again, where prompts are computed."""
    q, r = s.q, s.r
    if q.decoding[i] == 0:
        r.backlog[at] -= left_of(q, i)
    q.decoding[i] = 0
    q.computed[i] = 0
    to = at
    if k.prefill_replicas > 0 and at >= k.prefill_replicas:
        to = route(s, k, 0, first_replicas(k), NEXT_FIRST)
    r.backlog[to] += context_of(q, i)
    enqueue(s, k, to, i)


@inlined
def keep_within_memory(s: State, k: Rules, at: int) -> int:
    """Preempt until each decoding request has room for one token more; how many had to go."""
    gone = 0
    while s.r.decoders[at] > 0 and s.r.used[at] + s.r.decoders[at] > k.capacity:
        preempt(s, k, at, last_in_order(s, k, at, False))
        gone += 1
    return gone


@inlined
def has_room(s: State, k: Rules, at: int, i: int) -> bool:
    """Whether the head of the queue can be admitted; PACE makes room if that is fair."""
    if fits(s, k, at, i):
        return True
    if k.order != PACE or not _could_make_room(s, k, at, i):
        return False
    while not fits(s, k, at, i):
        preempt(s, k, at, last_in_order(s, k, at, True))
    return True


@inlined
def _could_make_room(s: State, k: Rules, at: int, i: int) -> bool:
    """Whether it is enough to preempt readers who run dry more than the margin after request ``i``'s."""
    q = s.q
    freed, places = 0, k.max_running - s.r.size[at]
    for j in range(s.r.size[at]):
        v = s.r.running[at, j]
        if q.decoding[v] == 1 and q.travels[v] == 0 and q.dry[v] > q.dry[i] + k.margin:
            freed += held_of(q, v)
            places += 1
    is_within = s.r.used[at] - freed + context_of(q, i) + k.watermark <= k.capacity
    return is_within and places > 0
