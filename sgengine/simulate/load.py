"""What a system is asked to do: requests with their arrivals, lengths, and the turns before them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sgengine.errors import UsageError

MAX_TOKENS = 2**24
"""Largest prompt or answer taken: beyond every model's context, and safe to add up in int32."""

NO_TURN = -1
"""In ``Load.previous``: the request does not wait for another one."""

_MAX_NS = 2**60


@dataclass(frozen=True, kw_only=True, eq=False)
class Load:
    """Requests, n of them, in the order in which they are numbered.

    ``arrival_ns`` (n,) int64: ns since the run's start, non-decreasing over the requests that wait
    for none; a later turn's is 0, for it is known only once the turn before it has ended.
    ``input_tokens``, ``output_tokens`` (n,) int32, >= 1: the whole prompt, with the conversation so
    far, and the answer. ``previous`` (n,) int64: the turn before, a lower number, each the previous
    of one request at most; ``NO_TURN`` for none. ``think_ns`` (n,) int64: from the end of that turn,
    answered or not, to the arrival of this one. ``session`` and ``turn`` (n,) int32, turns from 0.
    ``request_rate``: offered requests/s in the long run, None if nobody stated one.
    """

    name: str
    arrival_ns: np.ndarray
    input_tokens: np.ndarray
    output_tokens: np.ndarray
    previous: np.ndarray
    think_ns: np.ndarray
    session: np.ndarray
    turn: np.ndarray
    request_rate: float | None = None

    def __post_init__(self) -> None:
        for name, kind in _TYPES.items():
            values = np.ascontiguousarray(getattr(self, name), dtype=kind)
            if values.shape != (len(self.arrival_ns),):
                raise ValueError(f"{name} has shape {values.shape}, arrivals are {self.requests}")
            object.__setattr__(self, name, values)
        _check(self)

    @property
    def requests(self) -> int:
        """How many requests there are."""
        return len(self.arrival_ns)

    @property
    def has_sessions(self) -> bool:
        """Whether any request waits for another one."""
        return bool((self.previous != NO_TURN).any())

    @property
    def offered_rate(self) -> float | None:
        """Requests/s: as stated, else (n - 1) / (last - first arrival); None for sessions and bursts."""
        if self.request_rate is not None or self.has_sessions or self.requests < 2:
            return self.request_rate
        span_ns = int(self.arrival_ns[-1] - self.arrival_ns[0])
        return (self.requests - 1) * 1e9 / span_ns if span_ns else None

    def named(self, name: str) -> Load:
        """The same load under another name."""
        return replace(self, name=name)


_TYPES = {
    "arrival_ns": np.int64,
    "input_tokens": np.int32,
    "output_tokens": np.int32,
    "previous": np.int64,
    "think_ns": np.int64,
    "session": np.int32,
    "turn": np.int32,
}


def single_turns(
    name: str,
    arrival_ns: Any,
    input_tokens: Any,
    output_tokens: Any,
    request_rate: float | None = None,
) -> Load:
    """A load of requests that wait for none."""
    n = len(arrival_ns)
    return Load(
        name=name,
        arrival_ns=np.asarray(arrival_ns),
        input_tokens=np.asarray(input_tokens),
        output_tokens=np.asarray(output_tokens),
        previous=np.full(n, NO_TURN, np.int64),
        think_ns=np.zeros(n, np.int64),
        session=np.arange(n, dtype=np.int32),
        turn=np.zeros(n, np.int32),
        request_rate=request_rate,
    )


def _check(load: Load) -> None:
    """Raise UsageError, naming the first request that cannot be."""
    if load.requests == 0:
        raise UsageError(f"workload {load.name} has no requests: give at least one")
    firsts = load.previous == NO_TURN
    number = np.arange(load.requests)
    _refuse(load, "input_tokens", _outside(load.input_tokens, 1, MAX_TOKENS))
    _refuse(load, "output_tokens", _outside(load.output_tokens, 1, MAX_TOKENS))
    _refuse(load, "arrival_ns", _outside(load.arrival_ns, 0, _MAX_NS))
    _refuse(load, "think_ns", _outside(load.think_ns, 0, _MAX_NS))
    _refuse(load, "previous", ~firsts & _outside(load.previous, 0, number - 1))
    waited_for = load.previous[~firsts]
    if len(np.unique(waited_for)) < len(waited_for):
        raise UsageError(f"workload {load.name}: two requests wait for the same turn; one may")
    if (np.diff(load.arrival_ns[firsts]) < 0).any():
        raise UsageError(f"workload {load.name}: arrivals go back in time; sort the requests")
    rate = load.request_rate
    if rate is not None and not (math.isfinite(rate) and rate > 0):
        raise UsageError(f"the request rate is {rate}: give requests a second above 0")


def _outside(values: np.ndarray, low: int, high: Any) -> np.ndarray:
    outside: np.ndarray = (values < low) | (values > high)
    return outside


def _refuse(load: Load, name: str, wrong: np.ndarray) -> None:
    if wrong.any():
        at = int(wrong.argmax())
        raise UsageError(
            f"workload {load.name}: {name} of request {at} is {getattr(load, name)[at]}, which is "
            "outside what is allowed (tokens from 1 to 2^24, times from 0 to 2^60 ns)"
        )
