"""What an iteration of one replica contains, and what it takes (docs/simulator.md)."""

from __future__ import annotations

from sgengine.kernels._jit import inlined
from sgengine.kernels.simulation_queue import (
    admit,
    context_of,
    has_room,
    head_of,
    held_of,
    keep_within_memory,
    left_of,
)
from sgengine.kernels.simulation_state import (
    DECODES,
    END,
    KV,
    LIVE,
    LOGGED,
    NEVER,
    NOBODY,
    PACE,
    PREFILL_TOKENS,
    QUEUED,
    REPLICA,
    RUNNING,
    START,
    Costs,
    Rules,
    State,
)

_FS = 1_000_000


@inlined
def sweep(s: State, at: int) -> None:
    """Drop from the batch whoever is over, memory freed, or went elsewhere, memory still held."""
    q, r = s.q, s.r
    kept = 0
    for j in range(r.size[at]):
        i = r.running[at, j]
        if q.status[i] == LIVE and q.place[i] == at:
            r.running[at, kept] = i
            kept += 1
        elif q.place[i] == at:
            r.used[at] -= held_of(q, i)
    r.size[at] = kept
    r.leaving[at] = 0


@inlined
def begin(s: State, k: Rules, c: Costs, at: int, now: int) -> None:
    """Start an iteration of an idle replica, if there is work for it."""
    r = s.r
    if r.leaving[at] > 0:
        sweep(s, at)
    if r.size[at] == 0 and r.queued[at] == 0:
        return
    r.steady[at] = 0
    if k.chunked == 1:
        _choose_chunked(s, k, c, at, now)
    else:
        _choose_prefill_first(s, k, c, at, now)
    _start(s, k, c, at, now)


@inlined
def _driest(s: State, at: int) -> int:
    """When the first of the decoding requests' readers runs dry."""
    q = s.q
    found = NEVER
    for j in range(s.r.size[at]):
        i = s.r.running[at, j]
        if q.decoding[i] == 1 and q.travels[i] == 0:
            found = min(found, q.dry[i])
    return found


@inlined
def _choose_prefill_first(s: State, k: Rules, c: Costs, at: int, now: int) -> None:
    """Whole prompts of the queue as far as they fit; if there are none, a token of each request."""
    q = s.q
    tokens = 0
    i = head_of(s, at)
    if i != NOBODY and k.order == PACE and q.dry[i] > _driest(s, at):
        i = NOBODY
    while i != NOBODY:
        left = 0 if q.decoding[i] == 1 else left_of(q, i)
        if tokens > 0 and tokens + left > k.token_budget:
            break
        if not has_room(s, k, at, i):
            break
        admit(s, c, at, i, now)
        q.work[i] = left
        tokens += left
        i = head_of(s, at)
    if tokens == 0:
        keep_within_memory(s, k, at)
        _decode_all(s, at)


@inlined
def _decode_all(s: State, at: int) -> None:
    """One token for each decoding request, memory reserved."""
    q, r = s.q, s.r
    r.used[at] += r.decoders[at]
    if r.decoders[at] == r.size[at]:
        r.steady[at] = 1
        return
    for j in range(r.size[at]):
        i = r.running[at, j]
        if q.decoding[i] == 1 and q.travels[i] == 0:
            q.work[i] = 1


@inlined
def _choose_chunked(s: State, k: Rules, c: Costs, at: int, now: int) -> None:
    """A token of each decoding request, and pieces of prompts as far as the budget goes."""
    q, r = s.q, s.r
    gone = keep_within_memory(s, k, at)
    if r.decoders[at] == r.size[at] and head_of(s, at) == NOBODY:
        _decode_all(s, at)
        return
    before = _before(s, k, at)
    r.used[at] += r.decoders[at]
    budget = k.token_budget
    for j in range(r.size[at]):
        i = r.running[at, j]
        if q.decoding[i] == 1 and q.travels[i] == 0:
            q.work[i] = 1
            budget -= 1 if q.dry[i] <= before else 0
    for j in range(r.size[at]):
        i = r.running[at, j]
        if q.decoding[i] == 0:
            q.work[i] = min(left_of(q, i), budget)
            budget -= q.work[i]
    if gone == 0:
        budget = _admit_chunks(s, k, c, at, now, before, budget)
    if k.order == PACE:
        _hold_back(s, at, before, budget)


@inlined
def _before(s: State, k: Rules, at: int) -> int:
    """PACE: when the driest reader who waits for a prompt runs dry; others go before all prompts."""
    q = s.q
    if k.order != PACE:
        return NEVER
    i = head_of(s, at)
    found = NEVER if i == NOBODY else q.dry[i]
    for j in range(s.r.size[at]):
        i = s.r.running[at, j]
        if q.decoding[i] == 0:
            found = min(found, q.dry[i])
    return found


@inlined
def _admit_chunks(s: State, k: Rules, c: Costs, at: int, now: int, before: int, budget: int) -> int:
    """Admit from the queue while there are tokens left to spend; what is left of them."""
    q, r = s.q, s.r
    i = head_of(s, at)
    while i != NOBODY and budget > 0 and has_room(s, k, at, i):
        admit(s, c, at, i, now)
        if q.decoding[i] == 0:
            q.work[i] = min(left_of(q, i), budget)
            budget -= q.work[i]
        elif q.travels[i] == 0:
            q.work[i] = 1
            r.used[at] += 1
            budget -= 1 if q.dry[i] <= before else 0
        i = head_of(s, at)
    return budget


@inlined
def _hold_back(s: State, at: int, before: int, budget: int) -> None:
    """Of the requests that come after the prompts, those beyond the budget make no token."""
    q, r = s.q, s.r
    for j in range(r.size[at]):
        i = r.running[at, j]
        if q.decoding[i] == 1 and q.travels[i] == 0 and q.dry[i] > before:
            if budget > 0:
                budget -= 1
            else:
                q.work[i] = 0
                r.used[at] -= 1


@inlined
def _start(s: State, k: Rules, c: Costs, at: int, now: int) -> None:
    """Let the chosen tokens be computed; nothing happens if there are none."""
    q, r = s.q, s.r
    prompts, pairs, prior, decodes, contexts = 0, 0, 0, 0, 0
    if r.steady[at] == 1:
        decodes, contexts = r.size[at], r.used[at]
    else:
        for j in range(r.size[at]):
            i = r.running[at, j]
            n = q.work[i]
            if q.decoding[i] == 1:
                decodes += n
                contexts += n * context_of(q, i)
            elif n > 0:
                prompts += n
                pairs += n * q.computed[i] + n * (n + 1) // 2
                prior += q.computed[i] + n
                q.started[i] = min(q.started[i], now)
    if prompts + decodes == 0:
        return
    tokens = prompts + decodes
    length = c.overhead + max(c.token * tokens, c.weights) + c.exchange * tokens
    length += max(c.pair * pairs, c.context * prior) + c.context * contexts
    length += c.swap * r.moving[at]
    r.moving[at] = 0
    ns = _jittered(k, max((length + _FS - 1) // _FS, 1), at, r.iterations[at])
    r.until[at] = now + ns
    r.busy[at] += ns
    r.iterations[at] += 1
    r.prefilled[at] += prompts
    r.peak[at] = max(r.peak[at], r.used[at])
    if s.log.shape[0] > 0:
        _note(s, at, now, prompts, decodes)


@inlined
def _note(s: State, at: int, now: int, prompts: int, decodes: int) -> None:
    row = s.totals[LOGGED]
    s.totals[LOGGED] += 1
    log = s.log
    log[row, REPLICA] = at
    log[row, START] = now
    log[row, END] = s.r.until[at]
    log[row, PREFILL_TOKENS] = prompts
    log[row, DECODES] = decodes
    log[row, KV] = s.r.used[at]
    log[row, RUNNING] = s.r.size[at]
    log[row, QUEUED] = s.r.load[at] - s.r.size[at]


@inlined
def _jittered(k: Rules, ns: int, at: int, iteration: int) -> int:
    """``ns`` and up to ``jitter`` millionths of it, by a hash of seed, replica and iteration."""
    if k.jitter == 0:
        return ns
    return ns + (ns * k.jitter // 1_000_000) * scattered(k.seed, at, iteration) // 1_048_576


@inlined
def scattered(seed: int, at: int, iteration: int) -> int:
    """20 bits that look random: multiplications modulo a prime below 2^31, which no int64 overflows."""
    prime = 2_147_483_647
    x = (seed % prime + 1) * 48_271 % prime
    x = (x + at + 1) * 69_621 % prime
    x = (x + iteration % prime + 1) * 39_373 % prime
    x = (x ^ (x >> 13)) * 16_807 % prime
    x = (x ^ (x >> 9)) * 48_271 % prime
    return (x ^ (x >> 11)) % 1_048_576
