"""Who decodes in an iteration of a simulation, and whose reader is about to run dry."""

from __future__ import annotations

from sgengine.kernels._jit import part
from sgengine.kernels.simulation_length import length_fs
from sgengine.kernels.simulation_queue import lacks_memory
from sgengine.kernels.simulation_select import selected
from sgengine.kernels.simulation_state import FS, NEVER, Costs, Rules, State


@part
def pick(s: State, k: Rules, at: int) -> None:
    """A token for each decoding request, memory reserved; PACE: for max_running, the driest."""
    r = s.r
    n = 0
    if not lacks_memory(s, k, at):
        n = _pick_all(s, at) if r[at].decoders <= k.max_running else _pick_driest(s, k, at)
    r[at].picked = n
    r[at].used += n


@part
def _pick_all(s: State, at: int) -> int:
    """Each that can decode; how many."""
    dries, picks = s.dries[at], s.picks[at]
    n = 0
    for j in range(s.r[at].batch):
        picks[n] = j
        n += dries[j] < NEVER
    return n


@part
def _pick_driest(s: State, k: Rules, at: int) -> int:
    """Those below the limit and the first ones at it; no branch would be foreseen, so there is none."""
    dries, picks = s.dries[at], s.picks[at]
    limit, ties = _limit(s, k, at)
    n = 0
    for j in range(s.r[at].batch):
        is_tie = dries[j] == limit and ties > 0
        picks[n] = j
        n += dries[j] < limit or is_tie
        ties -= is_tie
    return n


@part
def _limit(s: State, k: Rules, at: int) -> tuple[int, int]:
    """When the last of the max_running driest readers runs dry, and how many who do just then count.

    It is looked for where it would be if it moved on as it did from the iteration before.
    """
    r = s.r
    expected, width = r[at].limit + r[at].drift, k.reader_pace >> 3
    limit, below = selected(
        s.dries[at, : r[at].batch],
        k.max_running - 1,
        expected - width,
        expected + width,
        s.spare,
    )
    r[at].drift = limit - r[at].limit
    r[at].limit = limit
    return limit, k.max_running - below


@part
def early(s: State, at: int, before: int) -> int:
    """How many of those that are picked run dry no later than ``before``."""
    n = 0
    for p in range(s.r[at].picked):
        n += s.dries[at, s.picks[at, p]] <= before
    return n


@part
def hold_back(s: State, at: int, before: int, budget: int) -> None:
    """Of those picked who run dry after ``before``, only the first ``budget`` make a token."""
    n = 0
    for p in range(s.r[at].picked):
        j = s.picks[at, p]
        s.picks[at, n] = j
        if s.dries[at, j] <= before:
            n += 1
        elif budget > 0:
            n += 1
            budget -= 1
    s.r[at].used -= s.r[at].picked - n
    s.r[at].picked = n


@part
def keeps_waiting(s: State, k: Rules, c: Costs, at: int, now: int, tokens: int, pairs: int) -> bool:
    """PACE: whether a reader whom decoding now would serve in time runs dry by waiting for prompts."""
    r, dries = s.r, s.dries[at]
    decodes = min(r[at].decoders, k.max_running)
    step = length_fs(c, decodes, 0, 0, r[at].used, 0)
    prompts = length_fs(c, tokens, pairs, tokens, 0, 0)
    in_time, too_late = now + step // FS, now + (step + prompts) // FS
    n = 0
    for j in range(r[at].batch):
        n += in_time <= dries[j] < too_late
    return n > 0
