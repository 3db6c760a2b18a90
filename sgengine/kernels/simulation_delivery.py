"""What happens to requests in a simulation: tokens, ends, moves, missed deadlines, arrivals."""

from __future__ import annotations

from sgengine.kernels._jit import part
from sgengine.kernels.simulation_heap import pop, push
from sgengine.kernels.simulation_queue import (
    context_of,
    enqueue,
    first_replicas,
    left_of,
    route,
)
from sgengine.kernels.simulation_state import (
    ABANDON,
    ARRIVALS,
    DEADLINES,
    DELAY,
    DONE,
    IMMEDIATE,
    LIVE,
    LIVE_REQUESTS,
    LIVE_TOKENS,
    LOST,
    NEVER,
    NEXT_DECODE,
    NEXT_FIRST,
    NOBODY,
    REFUSED,
    TOO_LONG,
    Int64s,
    Rules,
    State,
)


@part
def finish_iteration(s: State, k: Rules, at: int, now: int) -> None:
    """Give out the tokens of the iteration that ends ``now``."""
    s.r[at].until = NEVER
    if k.delivery == IMMEDIATE:
        _deliver_plain(s, k, at, now)
    else:
        _deliver_picked(s, k, at, now)
    _deliver_prompts(s, k, at, now)


@part
def _deliver_plain(s: State, k: Rules, at: int, now: int) -> None:
    """A token of each request picked, where little but its time is to be kept."""
    q, times, n = s.q, s.times, s.r[at].picked
    running, picks, dries = s.running[at], s.picks[at], s.dries[at]
    s.totals[LIVE_TOKENS] += n
    for p in range(n):
        j = picks[p]
        i = running[j]
        m = q[i].cursor
        times[m] = now
        q[i].cursor = m + 1
        dry = max(now, q[i].dry) + k.reader_pace
        q[i].dry = dry
        dries[j] = dry
        if m + 1 == q[i].stop:
            _finish(s, i, now)


@part
def _deliver_picked(s: State, k: Rules, at: int, now: int) -> None:
    """A token of each request picked that is still wanted."""
    for p in range(s.r[at].picked):
        j = s.picks[at, p]
        i = s.running[at, j]
        if s.q[i].status == LIVE:
            _deliver(s, k, i, now)
            s.dries[at, j] = s.q[i].dry
        else:
            s.r[at].used -= 1


@part
def _deliver_prompts(s: State, k: Rules, at: int, now: int) -> None:
    """What was computed of prompts, and the next token of those that are complete."""
    q, r = s.q, s.r
    for j in range(r[at].prompts, r[at].batch):
        i = s.running[at, j]
        n = q[i].work
        q[i].work = 0
        if n == 0 or q[i].status != LIVE:
            continue
        q[i].computed += n
        r[at].backlog -= n
        if left_of(q, i) == 0:
            q[i].decoding = 1
            r[at].decoders += 1
            _deliver(s, k, i, now)
            s.dries[at, j] = q[i].dry
            if at < k.prefill_replicas and q[i].status == LIVE:
                _send_on(s, k, at, i)


@part
def _send_on(s: State, k: Rules, at: int, i: int) -> None:
    """Queue a request whose prompt is computed at a decode replica; its KV stays until fetched."""
    s.r[at].decoders -= 1
    s.r[at].leaving += 1
    s.r[at].load -= 1
    s.q[i].source = at
    enqueue(s, k, route(s, k, k.prefill_replicas, k.replicas, NEXT_DECODE), i)


@part
def _deliver(s: State, k: Rules, i: int, now: int) -> None:
    """One token of request ``i``, made ``now``."""
    q = s.q
    n = q[i].cursor
    time = now
    if k.delivery == DELAY and n > q[i].start:
        time = max(now, s.times[n - 1] + k.delay)
    s.times[n] = time
    q[i].cursor = n + 1
    q[i].dry = max(time, q[i].dry) + k.reader_pace
    s.totals[LIVE_TOKENS] += 1
    if n + 1 == q[i].stop:
        _finish(s, i, time)
    elif k.delivery == ABANDON:
        q[i].deadline = _deadline(s, k, i)
        if q[i].deadline < q[i].noted:
            _note_deadline(s, i)


@part
def _deadline(s: State, k: Rules, i: int) -> int:
    """The last moment at which the next token of request ``i`` keeps every clause."""
    q = s.q
    made = q[i].cursor - q[i].start
    arrival = q[i].arrival
    found = arrival + min(k.e2e, k.due_first + made * k.due_pace)
    if made == 0:
        return min(found, arrival + k.ttft)
    first, newest = s.times[q[i].start], s.times[q[i].cursor - 1]
    return min(found, newest + k.tbt, first + k.tpot * (q[i].output - 1))


@part
def _note_deadline(s: State, i: int) -> None:
    s.q[i].noted = s.q[i].deadline
    push(s.deadlines, s.totals[DEADLINES], s.q[i].deadline, i)
    s.totals[DEADLINES] += 1


@part
def _finish(s: State, i: int, at: int) -> None:
    """All tokens are out, the last of them at the time ``at``."""
    place = s.q[i].place
    s.r[place].decoders -= 1
    s.r[place].leaving += 1
    _close(s, i, DONE, at)


@part
def _close(s: State, i: int, status: int, at: int) -> None:
    """Request ``i`` leaves the system; who asks on in the same session does so from here."""
    s.q[i].status = status
    s.r[s.q[i].place].load -= 1
    s.totals[LIVE_REQUESTS] -= 1
    s.totals[LIVE_TOKENS] -= context_of(s.q, i)
    _end(s, i, at)


@part
def _end(s: State, i: int, at: int) -> None:
    s.q[i].end = at
    after = s.q[i].follower
    if after != NOBODY:
        push(s.arrivals, s.totals[ARRIVALS], at + s.q[after].think, after)
        s.totals[ARRIVALS] += 1


@part
def land(s: State, i: int) -> None:
    """The KV of request ``i`` has come: its source is freed, and it can decode."""
    q, r = s.q, s.r
    r[q[i].source].used -= context_of(q, i) - 1
    q[i].source = NOBODY
    q[i].travels = 0
    if q[i].status == LIVE:
        at = q[i].place
        r[at].decoders += 1
        for j in range(r[at].batch):
            if s.running[at, j] == i:
                s.dries[at, j] = q[i].dry


@part
def miss(s: State, i: int, now: int) -> None:
    """An entry among the deadlines has come up: request ``i`` is lost, or has moved on."""
    q = s.q
    if q[i].status != LIVE or q[i].noted != now:
        return
    if q[i].deadline > now:
        _note_deadline(s, i)
    else:
        _lose(s, i, now)


@part
def _lose(s: State, i: int, now: int) -> None:
    """Stop serving request ``i``; what it holds in a batch goes at its replica's next iteration."""
    q, r = s.q, s.r
    at = q[i].place
    if q[i].decoding == 0:
        r[at].backlog -= left_of(q, i)
    if q[i].waits == 0:
        r[at].leaving += 1
        r[at].decoders -= q[i].decoding * (1 - q[i].travels)
    elif q[i].source != NOBODY:
        r[q[i].source].used -= context_of(q, i) - 1
        q[i].source = NOBODY
    _close(s, i, LOST, now)


@part
def arrive(s: State, k: Rules, i: int, now: int) -> None:
    """Request ``i`` comes ``now``: turned away, or queued at a replica."""
    q, r = s.q, s.r
    q[i].arrival = now
    if q[i].input + q[i].output - 1 > k.capacity:
        q[i].status = TOO_LONG
        _end(s, i, now)
        return
    at = route(s, k, 0, first_replicas(k), NEXT_FIRST)
    is_late = r[at].backlog + q[i].input > k.max_backlog
    if is_late or s.totals[LIVE_TOKENS] + q[i].input > k.max_live_tokens:
        q[i].status = REFUSED
        _end(s, i, now)
        return
    q[i].status = LIVE
    s.totals[LIVE_REQUESTS] += 1
    s.totals[LIVE_TOKENS] += q[i].input
    r[at].backlog += q[i].input
    q[i].dry = now + k.reader_first
    enqueue(s, k, at, i)
    if k.delivery == ABANDON:
        q[i].deadline = _deadline(s, k, i)
        _note_deadline(s, i)


@part
def take(heap: Int64s, totals: Int64s, place: int) -> int:
    """The item of the least entry, taken out of a heap whose size is at ``place``."""
    item = heap[0, 1]
    pop(heap, totals[place])
    totals[place] -= 1
    return item
