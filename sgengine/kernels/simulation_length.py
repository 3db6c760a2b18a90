"""How long an iteration of a simulation takes, and its start (docs/simulator.md)."""

from __future__ import annotations

from sgengine.kernels._jit import part
from sgengine.kernels.simulation_queue import context_of
from sgengine.kernels.simulation_state import (
    DECODES,
    END,
    FS,
    KV,
    LOGGED,
    PREFILL_TOKENS,
    QUEUED,
    REPLICA,
    RUNNING,
    START,
    Costs,
    Rules,
    State,
)


@part
def start(s: State, k: Rules, c: Costs, at: int, now: int) -> None:
    """Let the chosen tokens be computed; nothing happens if there are none."""
    q, r = s.q, s.r
    decodes, contexts = r[at].picked, 0
    running, picks = s.running[at], s.picks[at]
    for p in range(decodes):
        contexts += context_of(q, running[picks[p]])
    prompts, pairs, prior = 0, 0, 0
    for j in range(r[at].prompts, r[at].batch):
        i = s.running[at, j]
        n = q[i].work
        if n > 0:
            prompts += n
            pairs += n * q[i].computed + n * (n + 1) // 2
            prior += q[i].computed + n
            q[i].begun = min(q[i].begun, now)
    if prompts + decodes == 0:
        return
    length = length_fs(c, prompts + decodes, pairs, prior, contexts, r[at].moving)
    r[at].moving = 0
    ns = _jittered(k, max((length + FS - 1) // FS, 1), at, r[at].iterations)
    r[at].until = now + ns
    r[at].busy += ns
    r[at].iterations += 1
    r[at].prefilled += prompts
    r[at].peak = max(r[at].peak, r[at].used)
    if s.log.shape[0] > 0:
        _note(s, at, now, prompts, decodes)


@part
def length_fs(c: Costs, tokens: int, pairs: int, prior: int, contexts: int, moved: int) -> int:
    """Femtoseconds of an iteration.

    ``tokens`` computed in all; for prompts the ``pairs`` of queries and keys, and the keys ``prior`` to
    their last queries; ``contexts`` read by decoding; ``moved`` from and to the host.
    """
    linear = max(c.token * tokens, c.weights) + c.exchange * tokens
    attention = max(c.pair * pairs, c.context * prior) + c.context * contexts
    return c.overhead + linear + attention + c.swap * moved


@part
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


@part
def _jittered(k: Rules, ns: int, at: int, iteration: int) -> int:
    """``ns`` and up to ``jitter`` millionths of it, by a hash of seed, replica and iteration."""
    if k.jitter == 0:
        return ns
    return ns + (ns * k.jitter // 1_000_000) * scattered(k.seed, at, iteration) // 1_048_576


@part
def scattered(seed: int, at: int, iteration: int) -> int:
    """20 bits that look random: multiplications modulo a prime below 2^31, which no int64 overflows."""
    prime = 2_147_483_647
    x = (seed % prime + 1) * 48_271 % prime
    x = (x + at + 1) * 69_621 % prime
    x = (x + iteration % prime + 1) * 39_373 % prime
    x = (x ^ (x >> 13)) * 16_807 % prime
    x = (x ^ (x >> 9)) * 48_271 % prime
    return (x ^ (x >> 11)) % 1_048_576
