"""What a simulation knows at a moment: rules, costs, and arrays of requests, replicas and heaps.

docs/simulator.md states the semantics. Every array is allocated before the loop starts; N is the
number of requests, R of replicas. Times are int64 ns since the run's start, lengths are tokens.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Int8s = npt.NDArray[np.int8]

NEVER = 2**62
"""Later than any event."""
NOBODY = -1

COMING, LIVE, DONE, LOST, REFUSED, TOO_LONG = 0, 1, 2, 3, 4, 5
"""Status of a request: not arrived; in the system; finished; abandoned at a missed deadline; turned
away by admission; turned away because it can never fit into memory."""

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
    margin: int
    """Order PACE: how much later a reader must run dry to give way to another."""
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


class Requests(NamedTuple):
    """Arrays of size N, but ``starts`` (N + 1,)."""

    arrival: Int64s
    inputs: Int64s
    outputs: Int64s
    follower: Int64s
    think: Int64s
    starts: Int64s
    """Where the request's times begin."""
    cursor: Int64s
    """Where its next time goes."""
    status: Int8s
    place: Int64s
    """The replica whose queue or batch it is in."""
    source: Int64s
    """The prefill replica that still holds its KV, or NOBODY."""
    decoding: Int8s
    """Whether its next token takes one step; else its context is to be computed first."""
    computed: Int64s
    """Tokens of its context computed so far, while not decoding."""
    swapped: Int8s
    waits: Int8s
    """Whether it is in a queue."""
    travels: Int8s
    """Whether its KV is on the way to its replica."""
    work: Int64s
    """Tokens of it in the iteration that runs; 0 in a steady one, which has one of each."""
    dry: Int64s
    """When its reader runs dry: the next token's time on the smoothed delivery curve."""
    deadline: Int64s
    """The last moment at which the next token keeps the SLO."""
    noted: Int64s
    """The earliest entry for it among the deadlines, NEVER for none."""
    end: Int64s
    started: Int64s
    """When its first iteration began."""
    preemptions: Int64s
    migrations: Int64s


class Replicas(NamedTuple):
    """Arrays of size R; ``running`` (R, max_running) and the queues (R, N)."""

    until: Int64s
    """The end of its iteration, NEVER if idle."""
    used: Int64s
    """Tokens of KV reserved."""
    size: Int64s
    """How many requests run."""
    decoders: Int64s
    """How many of them decode with their KV in place."""
    leaving: Int64s
    """How many of them are over, or are to go elsewhere."""
    load: Int64s
    """Live requests placed here."""
    backlog: Int64s
    """Tokens of context still to be computed for them."""
    steady: Int8s
    """Whether the iteration gives each running request one token."""
    link: Int64s
    """When the transfers to it so far are over."""
    queued: Int64s
    running: Int64s
    queue_keys: Int64s
    queue_items: Int64s
    iterations: Int64s
    busy: Int64s
    peak: Int64s
    prefilled: Int64s
    """Tokens of context computed in iterations, recomputation included."""
    moving: Int64s
    """Tokens of KV to be moved out and in, which the next iteration pays for."""
    swapped: Int64s
    """The same, in all."""


class State(NamedTuple):
    """Everything; ``times`` holds each request's token times from its start on."""

    q: Requests
    r: Replicas
    times: Int64s
    arrival_keys: Int64s
    arrival_items: Int64s
    transfer_keys: Int64s
    transfer_items: Int64s
    deadline_keys: Int64s
    deadline_items: Int64s
    totals: Int64s
    log: Int64s
