"""What a simulation knows at a moment: rules, costs, and arrays of requests, replicas and heaps.

docs/simulator.md states the semantics. Every array is allocated before the loop starts; N is the
number of requests, R of replicas. Times are int64 ns since the run's start, lengths are tokens.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Records = Any
"""A record array of REQUEST or REPLICA_STATE: ``q[i].status``. NumPy has no types for its fields."""

NEVER = 2**62
"""Later than any event."""
NOBODY = -1

COMING, LIVE, DONE, LOST, REFUSED, TOO_LONG = 0, 1, 2, 3, 4, 5
"""Status of a request: not arrived; in the system; finished; abandoned at a missed deadline; turned
away by admission; turned away because it can never fit into memory."""

FS = 1_000_000
"""Femtoseconds in a nanosecond."""

FCFS, SHORTEST, PACE = 0, 1, 2
"""Orders of the queue."""

IMMEDIATE, DELAY, ABANDON = 0, 1, 2
"""Delivery policies."""

ROUND_ROBIN, LEAST_LOADED = 0, 1
"""Routers."""

ARRIVALS, TRANSFERS, DEADLINES, LIVE_REQUESTS, LIVE_TOKENS, NEXT_FIRST, NEXT_DECODE, LOGGED = range(
    8
)
"""Places in ``State.totals``: sizes of the three heaps, requests in the system and their context,
turns of the routers to the replicas that take arrivals and to those that decode, iterations logged."""

REPLICA, START, END, PREFILL_TOKENS, DECODES, KV, RUNNING, QUEUED = range(8)
"""Columns of ``State.log``."""


class Rules(NamedTuple):
    """The system, as whole numbers; absent limits are ``NEVER``."""

    replicas: int
    prefill_replicas: int
    """Those before the decode replicas; 0: every replica does both."""
    capacity: int
    """Tokens of KV that a replica holds."""
    watermark: int
    """Tokens that admission leaves free where anything runs."""
    chunked: int
    token_budget: int
    max_running: int
    order: int
    swaps: int
    router: int
    max_backlog: int
    """Prompt tokens ahead of and in a request, at its arrival, beyond which it is turned away."""
    max_live_tokens: int
    """Tokens of context in the whole system beyond which an arrival is turned away."""
    delivery: int
    delay: int
    ttft: int
    tbt: int
    tpot: int
    e2e: int
    due_first: int
    due_pace: int
    """Clause pace: token i is due at due_first + (i - 1) due_pace after the arrival."""
    reader_first: int
    reader_pace: int
    jitter: int
    """Millionths by which an iteration may take longer."""
    seed: int


class Costs(NamedTuple):
    """What an iteration takes, in femtoseconds: whole numbers, so that no sum depends on its order."""

    overhead: int
    """Every iteration."""
    weights: int
    """Reading the weights once."""
    token: int
    """Linear layers, a token."""
    pair: int
    """Attention of a prompt, a (query, key) pair."""
    context: int
    """Attention, a token of KV read."""
    exchange: int
    """Between tensor-parallel devices, a token."""
    swap: int
    """Moving a token of KV between device and host."""
    transfer: int
    """Moving a token of KV to another replica."""
    transfer_latency: int


REQUEST = np.dtype(
    [
        ("cursor", np.int64),
        ("stop", np.int64),
        ("dry", np.int64),
        ("offset", np.int64),
        ("status", np.int64),
        ("deadline", np.int64),
        ("noted", np.int64),
        ("start", np.int64),
        ("decoding", np.int64),
        ("travels", np.int64),
        ("work", np.int64),
        ("input", np.int64),
        ("computed", np.int64),
        ("place", np.int64),
        ("source", np.int64),
        ("arrival", np.int64),
        ("output", np.int64),
        ("waits", np.int64),
        ("swapped", np.int64),
        ("follower", np.int64),
        ("think", np.int64),
        ("end", np.int64),
        ("begun", np.int64),
        ("preemptions", np.int64),
        ("migrations", np.int64),
    ]
)
"""One request; what is touched for every token fills the first 64 bytes.

``input``, ``output``: tokens. ``follower``: who asks on in the session, ``think`` ns after the turn
before. Its token times lie at ``start`` to ``stop`` of ``State.times``, the next one at ``cursor``;
``offset`` and ``cursor`` make its context. ``place``: the replica whose queue (``waits``) or batch it is
in. ``source``: the prefill replica that still holds its KV, or NOBODY; ``travels``: its KV is on the way.
``decoding``: its next token takes one step; else ``computed`` tokens of its context are there, and
``work`` more are computed in the iteration that runs. ``swapped``: its KV is on the host. ``dry``: when
its reader runs dry, which is the next token's time on the smoothed delivery curve. ``deadline``: the last
moment at which the next token keeps the SLO; ``noted``: the earliest entry for it among the deadlines,
NEVER for none. ``begun``: when its first iteration began.
"""

REPLICA_STATE = np.dtype(
    [
        ("until", np.int64),
        ("used", np.int64),
        ("batch", np.int64),
        ("decoders", np.int64),
        ("leaving", np.int64),
        ("load", np.int64),
        ("backlog", np.int64),
        ("picked", np.int64),
        ("prompts", np.int64),
        ("limit", np.int64),
        ("drift", np.int64),
        ("link", np.int64),
        ("queued", np.int64),
        ("iterations", np.int64),
        ("busy", np.int64),
        ("peak", np.int64),
        ("prefilled", np.int64),
        ("moving", np.int64),
        ("swapped", np.int64),
    ]
)
"""One replica.

``until``: the end of its iteration, NEVER if idle; in it ``picked`` requests decode a token each, and
prompts are computed from the place ``prompts`` of the batch on. ``used``: tokens of KV reserved, ``peak``
at most. ``batch``: how many requests run, of them ``decoders`` decode with their KV in place, and
``leaving`` are over or go elsewhere. ``load``: live requests placed here; ``backlog``: tokens of context
still to be computed for them. ``link``: when the transfers to it so far are over. ``queued``: entries in
its queue. ``limit``: until when the readers that were picked last ran dry, ``drift`` later than before.
``prefilled``: tokens of context computed, again ones included. ``moving``: tokens of KV to be moved out
and in, which the next iteration pays for; ``swapped``: the same, in all.
"""


class State(NamedTuple):
    """Everything. ``times``: each request's token times, from its start on."""

    q: Records
    """(N,) of REQUEST."""
    r: Records
    """(R,) of REPLICA_STATE."""
    running: Int64s
    """(R, N): the requests in each replica's batch, in order of admission."""
    dries: Int64s
    """(R, N): beside them when their readers run dry, or NEVER for those that cannot decode now."""
    picks: Int64s
    """(R, N): rising places in the batch of those that decode in the iteration."""
    queues: Int64s
    """(R, N, 2): a heap of (key, request) a replica."""
    arrivals: Int64s
    """(N, 2): a heap of (time, request), like the next two."""
    transfers: Int64s
    deadlines: Int64s
    """(2 N, 2), for an early deadline may be noted beside a late one."""
    times: Int64s
    spare: Int64s
    """(N,): to choose the driest readers in."""
    totals: Int64s
    log: Int64s
