"""Queue, admission and preemption of one replica of a simulation (docs/simulator.md)."""

from __future__ import annotations

from sgengine.kernels._jit import part
from sgengine.kernels.simulation_heap import pop, push
from sgengine.kernels.simulation_state import (
    FCFS,
    FS,
    LEAST_LOADED,
    LIVE,
    NEVER,
    NEXT_FIRST,
    NOBODY,
    PACE,
    TRANSFERS,
    Costs,
    Records,
    Rules,
    State,
)


@part
def context_of(q: Records, i: int) -> int:
    """Tokens whose KV the next token of request ``i`` needs: the prompt and what was made."""
    return q[i].offset + q[i].cursor


@part
def left_of(q: Records, i: int) -> int:
    """Tokens to compute before a request that is not decoding makes its next token."""
    return context_of(q, i) - q[i].computed


@part
def held_of(q: Records, i: int) -> int:
    """Tokens of KV reserved for a request between iterations; while decoding, the newest has none yet."""
    return context_of(q, i) - q[i].decoding


@part
def key_of(q: Records, order: int, i: int) -> int:
    """What the order compares; the least comes first, ties go to the lower number."""
    if order == FCFS:
        return q[i].arrival
    if order == PACE:
        return q[i].dry
    return q[i].input + q[i].output


@part
def route(s: State, k: Rules, first: int, stop: int, turn: int) -> int:
    """The replica of [first, stop) for one more request; ``turn`` is the place of the router's turn."""
    if k.router == LEAST_LOADED:
        best = first
        for j in range(first + 1, stop):
            if s.r[j].load < s.r[best].load:
                best = j
        return best
    found = first + s.totals[turn] % (stop - first)
    s.totals[turn] += 1
    return found


@part
def first_replicas(k: Rules) -> int:
    """How many replicas, from 0 on, take arrivals."""
    return k.prefill_replicas if k.prefill_replicas > 0 else k.replicas


@part
def enqueue(s: State, k: Rules, at: int, i: int) -> None:
    """Put request ``i`` into the queue of replica ``at``."""
    s.q[i].place = at
    s.q[i].waits = 1
    s.r[at].load += 1
    push(s.queues[at], s.r[at].queued, key_of(s.q, k.order, i), i)
    s.r[at].queued += 1


@part
def head_of(s: State, at: int) -> int:
    """The first in the queue, or NOBODY. Those that gave up are taken out when they come up."""
    while s.r[at].queued > 0:
        i = s.queues[at, 0, 1]
        if s.q[i].status == LIVE:
            return i
        pop(s.queues[at], s.r[at].queued)
        s.r[at].queued -= 1
    return NOBODY


@part
def fits(s: State, k: Rules, at: int, i: int) -> bool:
    """Whether there is a place and memory for the head of the queue."""
    spare = k.watermark if s.r[at].batch > 0 else 0
    is_within = s.r[at].used + context_of(s.q, i) + spare <= k.capacity
    return is_within and (k.order == PACE or s.r[at].batch < k.max_running)


@part
def admit(s: State, c: Costs, at: int, i: int, now: int) -> None:
    """Move the head of the queue into the batch, its memory reserved."""
    q, r = s.q, s.r
    pop(s.queues[at], r[at].queued)
    r[at].queued -= 1
    q[i].waits = 0
    is_ready = q[i].decoding == 1 and q[i].source == NOBODY
    s.running[at, r[at].batch] = i
    s.dries[at, r[at].batch] = q[i].dry if is_ready else NEVER
    r[at].batch += 1
    r[at].used += held_of(q, i)
    r[at].decoders += is_ready
    if q[i].source != NOBODY:
        _fetch(s, c, at, i, now)
    if q[i].swapped == 1:
        q[i].swapped = 0
        _move(s, at, i)


@part
def _fetch(s: State, c: Costs, at: int, i: int, now: int) -> None:
    """Begin the transfer of a request's KV; one at a time comes to a replica."""
    length = c.transfer_latency + c.transfer * (context_of(s.q, i) - 1)
    begin = max(now, s.r[at].link)
    s.r[at].link = begin + max((length + FS - 1) // FS, 1)
    s.q[i].travels = 1
    s.q[i].migrations += 1
    push(s.transfers, s.totals[TRANSFERS], s.r[at].link, i)
    s.totals[TRANSFERS] += 1


@part
def _move(s: State, at: int, i: int) -> None:
    """Count the KV of a request that leaves for the host or comes back."""
    tokens = context_of(s.q, i) - 1 if s.q[i].decoding == 1 else s.q[i].computed
    s.r[at].moving += tokens
    s.r[at].swapped += tokens


@part
def _last_in_order(s: State, k: Rules, at: int) -> tuple[int, int]:
    """The place in the batch of the request that the order puts last, and how many it was chosen of.

    Requests whose KV is still on its way are no candidates.
    """
    q = s.q
    count, best, best_key, best_item = 0, NOBODY, 0, 0
    for j in range(s.r[at].batch):
        i = s.running[at, j]
        if q[i].travels == 1:
            continue
        count += 1
        key = key_of(q, k.order, i)
        if count == 1 or key > best_key or (key == best_key and i > best_item):
            best, best_key, best_item = j, key, i
    return best, count


@part
def _preempt(s: State, k: Rules, at: int, j: int) -> None:
    """Take the request at place ``j`` out of the batch and back into a queue, its memory freed."""
    q, r = s.q, s.r
    i = s.running[at, j]
    r[at].used -= held_of(q, i)
    r[at].batch -= 1
    for m in range(j, r[at].batch):
        s.running[at, m] = s.running[at, m + 1]
        s.dries[at, m] = s.dries[at, m + 1]
    r[at].decoders -= q[i].decoding
    r[at].load -= 1
    q[i].preemptions += 1
    if k.swaps == 1:
        q[i].swapped = 1
        _move(s, at, i)
        enqueue(s, k, at, i)
    else:
        _start_over(s, k, at, i)


@part
def _start_over(s: State, k: Rules, at: int, i: int) -> None:
    """Queue a request whose context has to be computed again, where prompts are computed."""
    q, r = s.q, s.r
    if q[i].decoding == 0:
        r[at].backlog -= left_of(q, i)
    q[i].decoding = 0
    q[i].computed = 0
    to = at
    if k.prefill_replicas > 0 and at >= k.prefill_replicas:
        to = route(s, k, 0, first_replicas(k), NEXT_FIRST)
    r[to].backlog += context_of(q, i)
    enqueue(s, k, to, i)


@part
def lacks_memory(s: State, k: Rules, at: int) -> bool:
    """Whether the tokens that an iteration can decode find no room."""
    return s.r[at].used + min(s.r[at].decoders, k.max_running) > k.capacity


@part
def keep_within_memory(s: State, k: Rules, at: int) -> int:
    """Preempt until each decoding request has room for one token more; how many had to go.

    A last one stays: it then waits for those whose KV is on its way, and who take up the memory.
    """
    gone = 0
    while s.r[at].decoders > 0 and lacks_memory(s, k, at):
        j, count = _last_in_order(s, k, at)
        if count < 2:
            break
        _preempt(s, k, at, j)
        gone += 1
    return gone
