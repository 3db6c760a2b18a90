"""What happens to requests in a simulation: tokens, ends, moves, missed deadlines, arrivals."""

from __future__ import annotations

from sgengine.kernels._jit import inlined
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
    PACE,
    REFUSED,
    TOO_LONG,
    Int64s,
    Rules,
    State,
)


@inlined
def finish_iteration(s: State, k: Rules, at: int, now: int) -> None:
    """Give out the tokens of the iteration that ends ``now``."""
    s.r.until[at] = NEVER
    if s.r.steady[at] == 0:
        _deliver_work(s, k, at, now)
    elif k.delivery == IMMEDIATE and k.order != PACE:
        _deliver_plain(s, at, now)
    else:
        _deliver_steady(s, k, at, now)


@inlined
def _deliver_plain(s: State, at: int, now: int) -> None:
    """A token of each running request, where nothing but its time is to be kept."""
    q, times = s.q, s.times
    for j in range(s.r.size[at]):
        i = s.r.running[at, j]
        k = q.cursor[i]
        times[k] = now
        q.cursor[i] = k + 1
        if k + 1 == q.starts[i + 1]:
            s.totals[LIVE_TOKENS] += 1
            _finish(s, i, now)
    s.totals[LIVE_TOKENS] += s.r.size[at] - s.r.leaving[at]


@inlined
def _deliver_steady(s: State, k: Rules, at: int, now: int) -> None:
    for j in range(s.r.size[at]):
        i = s.r.running[at, j]
        if s.q.status[i] == LIVE:
            _deliver(s, k, i, now)
        else:
            s.r.used[at] -= 1


@inlined
def _deliver_work(s: State, k: Rules, at: int, now: int) -> None:
    q, r = s.q, s.r
    for j in range(r.size[at]):
        i = r.running[at, j]
        n = q.work[i]
        q.work[i] = 0
        if n == 0:
            continue
        if q.status[i] != LIVE:
            r.used[at] -= q.decoding[i]
        elif q.decoding[i] == 1:
            _deliver(s, k, i, now)
        else:
            q.computed[i] += n
            r.backlog[at] -= n
            if left_of(q, i) == 0:
                q.decoding[i] = 1
                r.decoders[at] += 1
                _deliver(s, k, i, now)
                if at < k.prefill_replicas and q.status[i] == LIVE:
                    _send_on(s, k, at, i)


@inlined
def _send_on(s: State, k: Rules, at: int, i: int) -> None:
    """Queue a request whose prompt is computed at a decode replica; its KV stays until fetched."""
    s.r.decoders[at] -= 1
    s.r.leaving[at] += 1
    s.r.load[at] -= 1
    s.q.source[i] = at
    enqueue(s, k, route(s, k, k.prefill_replicas, k.replicas, NEXT_DECODE), i)


@inlined
def _deliver(s: State, k: Rules, i: int, now: int) -> None:
    """One token of request ``i``, made ``now``."""
    q = s.q
    n = q.cursor[i]
    time = now
    if k.delivery == DELAY and n > q.starts[i]:
        time = max(now, s.times[n - 1] + k.delay)
    s.times[n] = time
    q.cursor[i] = n + 1
    q.dry[i] = max(time, q.dry[i]) + k.reader_pace
    s.totals[LIVE_TOKENS] += 1
    if n + 1 == q.starts[i + 1]:
        _finish(s, i, time)
    elif k.delivery == ABANDON:
        q.deadline[i] = _deadline(s, k, i)
        if q.deadline[i] < q.noted[i]:
            _note_deadline(s, i)


@inlined
def _deadline(s: State, k: Rules, i: int) -> int:
    """The last moment at which the next token of request ``i`` keeps every clause."""
    q = s.q
    made = q.cursor[i] - q.starts[i]
    arrival = q.arrival[i]
    found = arrival + min(k.e2e, k.due_first + made * k.due_pace)
    if made == 0:
        return min(found, arrival + k.ttft)
    first, newest = s.times[q.starts[i]], s.times[q.cursor[i] - 1]
    return min(found, newest + k.tbt, first + k.tpot * (q.outputs[i] - 1))


@inlined
def _note_deadline(s: State, i: int) -> None:
    s.q.noted[i] = s.q.deadline[i]
    push(s.deadline_keys, s.deadline_items, s.totals[DEADLINES], s.q.deadline[i], i)
    s.totals[DEADLINES] += 1


@inlined
def _finish(s: State, i: int, at: int) -> None:
    """All tokens are out, the last of them at the time ``at``."""
    place = s.q.place[i]
    s.r.decoders[place] -= 1
    s.r.leaving[place] += 1
    _close(s, i, DONE, at)


@inlined
def _close(s: State, i: int, status: int, at: int) -> None:
    """Request ``i`` leaves the system; who asks on in the same session does so from here."""
    s.q.status[i] = status
    s.r.load[s.q.place[i]] -= 1
    s.totals[LIVE_REQUESTS] -= 1
    s.totals[LIVE_TOKENS] -= context_of(s.q, i)
    _end(s, i, at)


@inlined
def _end(s: State, i: int, at: int) -> None:
    s.q.end[i] = at
    after = s.q.follower[i]
    if after != NOBODY:
        push(s.arrival_keys, s.arrival_items, s.totals[ARRIVALS], at + s.q.think[after], after)
        s.totals[ARRIVALS] += 1


@inlined
def land(s: State, i: int) -> None:
    """The KV of request ``i`` has come: its source is freed, and it can decode."""
    q, r = s.q, s.r
    r.used[q.source[i]] -= context_of(q, i) - 1
    q.source[i] = NOBODY
    q.travels[i] = 0
    if q.status[i] == LIVE:
        r.decoders[q.place[i]] += 1


@inlined
def miss(s: State, i: int, now: int) -> None:
    """An entry among the deadlines has come up: request ``i`` is lost, or has moved on."""
    q = s.q
    if q.status[i] != LIVE or q.noted[i] != now:
        return
    if q.deadline[i] > now:
        _note_deadline(s, i)
    else:
        _lose(s, i, now)


@inlined
def _lose(s: State, i: int, now: int) -> None:
    """Stop serving request ``i``; what it holds in a batch goes at its replica's next iteration."""
    q, r = s.q, s.r
    at = q.place[i]
    if q.decoding[i] == 0:
        r.backlog[at] -= left_of(q, i)
    if q.waits[i] == 0:
        r.leaving[at] += 1
        r.decoders[at] -= q.decoding[i] * (1 - q.travels[i])
    elif q.source[i] != NOBODY:
        r.used[q.source[i]] -= context_of(q, i) - 1
        q.source[i] = NOBODY
    _close(s, i, LOST, now)


@inlined
def arrive(s: State, k: Rules, i: int, now: int) -> None:
    """Request ``i`` comes ``now``: turned away, or queued at a replica."""
    q, r = s.q, s.r
    q.arrival[i] = now
    if q.inputs[i] + q.outputs[i] - 1 > k.capacity:
        q.status[i] = TOO_LONG
        _end(s, i, now)
        return
    at = route(s, k, 0, first_replicas(k), NEXT_FIRST)
    is_late = r.backlog[at] + q.inputs[i] > k.max_backlog
    if is_late or s.totals[LIVE_TOKENS] + q.inputs[i] > k.max_live_tokens:
        q.status[i] = REFUSED
        _end(s, i, now)
        return
    q.status[i] = LIVE
    s.totals[LIVE_REQUESTS] += 1
    s.totals[LIVE_TOKENS] += q.inputs[i]
    r.backlog[at] += q.inputs[i]
    q.dry[i] = now + k.reader_first
    enqueue(s, k, at, i)
    if k.delivery == ABANDON:
        q.deadline[i] = _deadline(s, k, i)
        _note_deadline(s, i)


@inlined
def take(keys: Int64s, items: Int64s, totals: Int64s, place: int) -> int:
    """The item of the least entry, taken out of a heap whose size is at ``place``."""
    item = items[0]
    pop(keys, items, totals[place])
    totals[place] -= 1
    return item
