"""What an iteration of one replica contains, and what it takes (docs/simulator.md)."""

from __future__ import annotations

from sgengine.kernels._jit import merged
from sgengine.kernels.simulation_queue import (
    admit,
    context_of,
    fits,
    head_of,
    held_of,
    keep_within_memory,
    lacks_memory,
    left_of,
)
from sgengine.kernels.simulation_state import (
    DECODES,
    END,
    IMMEDIATE,
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
    Int64s,
    Rules,
    State,
)

_FS = 1_000_000


@merged
def sweep(s: State, at: int) -> None:
    """Drop from the batch whoever is over, memory freed, or went elsewhere, memory still held."""
    q, r = s.q, s.r
    kept = 0
    for j in range(r[at].batch):
        i = s.running[at, j]
        if q[i].status == LIVE and q[i].place == at:
            s.running[at, kept] = i
            kept += 1
        elif q[i].place == at:
            r[at].used -= held_of(q, i)
    r[at].batch = kept
    r[at].leaving = 0


@merged
def begin(s: State, k: Rules, c: Costs, at: int, now: int) -> None:
    """Start an iteration of an idle replica, if there is work for it."""
    r = s.r
    if r[at].leaving > 0:
        sweep(s, at)
    if r[at].batch == 0 and r[at].queued == 0:
        return
    r[at].steady = 0
    if k.chunked == 1:
        _choose_chunked(s, k, c, at, now)
    else:
        _choose_prefill_first(s, k, c, at, now)
    _start(s, k, c, at, now)


@merged
def _keeps_waiting(
    s: State, k: Rules, c: Costs, at: int, now: int, tokens: int, pairs: int
) -> bool:
    """PACE: whether a reader whom decoding now would serve in time runs dry by waiting for prompts."""
    q, r = s.q, s.r
    decodes = min(r[at].decoders, k.max_running)
    step = length_fs(c, decodes, 0, 0, r[at].used, 0)
    prompts = length_fs(c, tokens, pairs, tokens, 0, 0)
    in_time, too_late = now + step // _FS, now + (step + prompts) // _FS
    for j in range(r[at].batch):
        i = s.running[at, j]
        if q[i].decoding == 1 and q[i].travels == 0 and in_time <= q[i].dry < too_late:
            return True
    return False


@merged
def _choose_prefill_first(s: State, k: Rules, c: Costs, at: int, now: int) -> None:
    """Whole prompts of the queue as far as they fit; if there are none, a token of each request."""
    q = s.q
    tokens, pairs = 0, 0
    i = head_of(s, at)
    while i != NOBODY and fits(s, k, at, i):
        left = 0 if q[i].decoding == 1 else left_of(q, i)
        pairs += left * (left + 1) // 2
        if tokens > 0 and tokens + left > k.token_budget:
            break
        is_prompt = left > 0 and k.order == PACE
        if is_prompt and _keeps_waiting(s, k, c, at, now, tokens + left, pairs):
            break
        admit(s, c, at, i, now)
        q[i].work = left
        tokens += left
        i = head_of(s, at)
    if tokens == 0:
        keep_within_memory(s, k, at)
        _decode_all(s, k, at)


@merged
def _decode_all(s: State, k: Rules, at: int) -> None:
    """One token for each decoding request, memory reserved; steady if only its time is to be kept."""
    r = s.r
    if r[at].decoders == r[at].batch and k.delivery == IMMEDIATE and k.order != PACE:
        r[at].steady = 1
        r[at].used += r[at].decoders
    else:
        _pick(s, k, at, NEVER)


@merged
def _pick(s: State, k: Rules, at: int, before: int) -> int:
    """A token for each decoding request, memory reserved; PACE: for max_running, the driest.

    Returns how many of them run dry no later than ``before``.
    """
    q, r = s.q, s.r
    early = 0
    if lacks_memory(s, k, at):
        return early
    limit, ties = _limit(s, k, at)
    for j in range(r[at].batch):
        i = s.running[at, j]
        if q[i].decoding == 0 or q[i].travels == 1 or q[i].dry > limit:
            continue
        if q[i].dry == limit:
            ties -= 1
            if ties < 0:
                continue
        q[i].work = 1
        r[at].used += 1
        early += 1 if q[i].dry <= before else 0
    return early


@merged
def _limit(s: State, k: Rules, at: int) -> tuple[int, int]:
    """When the last of the max_running driest readers runs dry, and how many of those then count."""
    q = s.q
    n = 0
    if s.r[at].decoders <= k.max_running:
        return NEVER, 0
    for j in range(s.r[at].batch):
        i = s.running[at, j]
        if q[i].decoding == 1 and q[i].travels == 0:
            s.spare[n] = q[i].dry
            n += 1
    limit = _smallest(s.spare, n, k.max_running - 1)
    ties = k.max_running
    for j in range(n):
        ties -= 1 if s.spare[j] < limit else 0
    return limit, ties


@merged
def _smallest(values: Int64s, n: int, place: int) -> int:
    """The value that is at ``place`` when the first ``n`` are sorted; they are moved about."""
    low, high = 0, n - 1
    while low < high:
        pivot = values[(low + high) >> 1]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            break
    return values[place]


@merged
def _choose_chunked(s: State, k: Rules, c: Costs, at: int, now: int) -> None:
    """A token of each decoding request, and pieces of prompts as far as the budget goes."""
    q, r = s.q, s.r
    gone = keep_within_memory(s, k, at)
    if r[at].decoders == r[at].batch and head_of(s, at) == NOBODY:
        _decode_all(s, k, at)
        return
    before = _before(s, k, c, at, now)
    places = max(k.max_running - r[at].decoders, 0)
    budget = k.token_budget - _pick(s, k, at, before)
    for j in range(r[at].batch):
        i = s.running[at, j]
        if q[i].decoding == 0:
            q[i].work = min(left_of(q, i), budget)
            budget -= q[i].work
    if gone == 0:
        budget = _admit_chunks(s, k, c, at, now, before, budget, places)
    if k.order == PACE:
        _hold_back(s, at, before, budget)


@merged
def _before(s: State, k: Rules, c: Costs, at: int, now: int) -> int:
    """PACE: who runs dry later leaves the budget to prompts; two full iterations from now at least."""
    q = s.q
    if k.order != PACE:
        return NEVER
    i = head_of(s, at)
    found = NEVER if i == NOBODY else q[i].dry
    for j in range(s.r[at].batch):
        i = s.running[at, j]
        if q[i].decoding == 0:
            found = min(found, q[i].dry)
    return max(found, now + 2 * length_fs(c, k.token_budget, 0, 0, s.r[at].used, 0) // _FS)


@merged
def _admit_chunks(
    s: State, k: Rules, c: Costs, at: int, now: int, before: int, budget: int, places: int
) -> int:
    """Admit from the queue while there are tokens left to spend; what is left of them.

    Who comes back with its KV decodes at once, if there are ``places`` left for that.
    """
    q, r = s.q, s.r
    i = head_of(s, at)
    while i != NOBODY and budget > 0 and fits(s, k, at, i):
        admit(s, c, at, i, now)
        if q[i].decoding == 0:
            q[i].work = min(left_of(q, i), budget)
            budget -= q[i].work
        elif q[i].travels == 0 and places > 0:
            q[i].work = 1
            r[at].used += 1
            places -= 1
            budget -= 1 if q[i].dry <= before else 0
        i = head_of(s, at)
    return budget


@merged
def _hold_back(s: State, at: int, before: int, budget: int) -> None:
    """Of the requests that come after the prompts, those beyond the budget make no token."""
    q, r = s.q, s.r
    for j in range(r[at].batch):
        i = s.running[at, j]
        if q[i].decoding == 1 and q[i].work == 1 and q[i].dry > before:
            if budget > 0:
                budget -= 1
            else:
                q[i].work = 0
                r[at].used -= 1


@merged
def _start(s: State, k: Rules, c: Costs, at: int, now: int) -> None:
    """Let the chosen tokens be computed; nothing happens if there are none."""
    q, r = s.q, s.r
    prompts, pairs, prior, decodes, contexts = 0, 0, 0, 0, 0
    if r[at].steady == 1:
        decodes, contexts = r[at].batch, r[at].used
    else:
        for j in range(r[at].batch):
            i = s.running[at, j]
            n = q[i].work
            if q[i].decoding == 1:
                decodes += n
                contexts += n * context_of(q, i)
            elif n > 0:
                prompts += n
                pairs += n * q[i].computed + n * (n + 1) // 2
                prior += q[i].computed + n
                q[i].begun = min(q[i].begun, now)
    if prompts + decodes == 0:
        return
    tokens = prompts + decodes
    length = length_fs(c, tokens, pairs, prior, contexts, r[at].moving)
    r[at].moving = 0
    ns = _jittered(k, max((length + _FS - 1) // _FS, 1), at, r[at].iterations)
    r[at].until = now + ns
    r[at].busy += ns
    r[at].iterations += 1
    r[at].prefilled += prompts
    r[at].peak = max(r[at].peak, r[at].used)
    if s.log.shape[0] > 0:
        _note(s, at, now, prompts, decodes)


@merged
def length_fs(c: Costs, tokens: int, pairs: int, prior: int, contexts: int, moved: int) -> int:
    """Femtoseconds of an iteration.

    ``tokens`` computed in all; for prompts the ``pairs`` of queries and keys, and the keys ``prior`` to
    their last queries; ``contexts`` read by decoding; ``moved`` from and to the host.
    """
    linear = max(c.token * tokens, c.weights) + c.exchange * tokens
    attention = max(c.pair * pairs, c.context * prior) + c.context * contexts
    return c.overhead + linear + attention + c.swap * moved


@merged
def _note(s: State, at: int, now: int, prompts: int, decodes: int) -> None:
    row = s.totals[LOGGED]
    s.totals[LOGGED] += 1
    log = s.log
    log[row, REPLICA] = at
    log[row, START] = now
    log[row, END] = s.r[at].until
    log[row, PREFILL_TOKENS] = prompts
    log[row, DECODES] = decodes
    log[row, KV] = s.r[at].used
    log[row, RUNNING] = s.r[at].batch
    log[row, QUEUED] = s.r[at].load - s.r[at].batch


@merged
def _jittered(k: Rules, ns: int, at: int, iteration: int) -> int:
    """``ns`` and up to ``jitter`` millionths of it, by a hash of seed, replica and iteration."""
    if k.jitter == 0:
        return ns
    return ns + (ns * k.jitter // 1_000_000) * scattered(k.seed, at, iteration) // 1_048_576


@merged
def scattered(seed: int, at: int, iteration: int) -> int:
    """20 bits that look random: multiplications modulo a prime below 2^31, which no int64 overflows."""
    prime = 2_147_483_647
    x = (seed % prime + 1) * 48_271 % prime
    x = (x + at + 1) * 69_621 % prime
    x = (x + iteration % prime + 1) * 39_373 % prime
    x = (x ^ (x >> 13)) * 16_807 % prime
    x = (x ^ (x >> 9)) * 48_271 % prime
    return (x ^ (x >> 11)) % 1_048_576
