"""What an iteration of one replica contains (docs/simulator.md)."""

from __future__ import annotations

from sgengine.kernels._jit import part
from sgengine.kernels.simulation_length import length_fs, start
from sgengine.kernels.simulation_pick import early, hold_back, keeps_waiting, pick
from sgengine.kernels.simulation_queue import (
    admit,
    fits,
    head_of,
    held_of,
    keep_within_memory,
    left_of,
)
from sgengine.kernels.simulation_state import (
    FS,
    LIVE,
    NEVER,
    NOBODY,
    PACE,
    Costs,
    Rules,
    State,
)


@part
def sweep(s: State, at: int) -> None:
    """Drop from the batch whoever is over, memory freed, or went elsewhere, memory still held."""
    q, r = s.q, s.r
    kept = 0
    for j in range(r[at].batch):
        i = s.running[at, j]
        if q[i].status == LIVE and q[i].place == at:
            s.running[at, kept] = i
            s.dries[at, kept] = s.dries[at, j]
            kept += 1
        elif q[i].place == at:
            r[at].used -= held_of(q, i)
    r[at].batch = kept
    r[at].leaving = 0


@part
def begin(s: State, k: Rules, c: Costs, at: int, now: int) -> None:
    """Start an iteration of an idle replica, if there is work for it."""
    r = s.r
    if r[at].leaving > 0:
        sweep(s, at)
    if r[at].batch == 0 and r[at].queued == 0:
        return
    if k.chunked == 1:
        _choose_chunked(s, k, c, at, now)
    else:
        _choose_prefill_first(s, k, c, at, now)
    start(s, k, c, at, now)


@part
def _choose_prefill_first(s: State, k: Rules, c: Costs, at: int, now: int) -> None:
    """Whole prompts of the queue as far as they fit; if there are none, a token of each request."""
    q = s.q
    tokens, pairs = 0, 0
    s.r[at].picked = 0
    s.r[at].prompts = s.r[at].batch
    i = head_of(s, at)
    while i != NOBODY and fits(s, k, at, i):
        left = 0 if q[i].decoding == 1 else left_of(q, i)
        pairs += left * (left + 1) // 2
        if tokens > 0 and tokens + left > k.token_budget:
            break
        is_prompt = left > 0 and k.order == PACE
        if is_prompt and keeps_waiting(s, k, c, at, now, tokens + left, pairs):
            break
        admit(s, c, at, i, now)
        q[i].work = left
        tokens += left
        i = head_of(s, at)
    if tokens == 0:
        keep_within_memory(s, k, at)
        s.r[at].prompts = s.r[at].batch
        pick(s, k, at)


@part
def _choose_chunked(s: State, k: Rules, c: Costs, at: int, now: int) -> None:
    """A token of each decoding request, and pieces of prompts as far as the budget goes."""
    q, r = s.q, s.r
    gone = keep_within_memory(s, k, at)
    places = max(k.max_running - r[at].decoders, 0)
    used = r[at].used
    pick(s, k, at)
    r[at].prompts = _prompts_from(s, at)
    before, budget = NEVER, k.token_budget - r[at].picked
    if k.order == PACE:
        before = _before(s, k, c, at, now, used)
        budget = k.token_budget - early(s, at, before)
    for j in range(r[at].prompts, r[at].batch):
        i = s.running[at, j]
        q[i].work = min(left_of(q, i), budget)
        budget -= q[i].work
    if gone == 0:
        budget = _admit_chunks(s, k, c, at, now, before, budget, places)
    if k.order == PACE:
        hold_back(s, at, before, budget)


@part
def _prompts_from(s: State, at: int) -> int:
    """The place in the batch from which on prompts are computed.

    A prompt that gets less than what is left of it ends the budget: nobody decodes behind it.
    """
    j = s.r[at].batch
    while j > 0 and s.q[s.running[at, j - 1]].decoding == 0:
        j -= 1
    return j


@part
def _before(s: State, k: Rules, c: Costs, at: int, now: int, used: int) -> int:
    """PACE: who runs dry later leaves the budget to prompts; two full iterations from now at least."""
    q = s.q
    i = head_of(s, at)
    found = NEVER if i == NOBODY else q[i].dry
    for j in range(s.r[at].prompts, s.r[at].batch):
        found = min(found, q[s.running[at, j]].dry)
    return max(found, now + 2 * length_fs(c, k.token_budget, 0, 0, used, 0) // FS)


@part
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
            s.picks[at, r[at].picked] = r[at].batch - 1
            r[at].picked += 1
            r[at].used += 1
            places -= 1
            budget -= q[i].dry <= before
        i = head_of(s, at)
    return budget
