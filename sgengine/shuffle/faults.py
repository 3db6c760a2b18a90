"""Events that make no whole request: which requests are at fault, and whose fault it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sgengine.kernels import grouping
from sgengine.shuffle.bounds import Bounds
from sgengine.shuffle.requests import Requests

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ELSEWHERE = "outside_window"
"""The reason of what another night has to account for."""

_LATEST = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """Events of a run that were left out: an example of their requests, the rule, how many."""

    run: str
    request: str
    requests: int
    reason: str
    events: int


def without_arrival(requests: Requests, bounds: Bounds | None) -> tuple[Rejected, ...]:
    """All events of the requests that have no arrival."""
    start = requests.arrived
    if start == requests.count:
        return ()
    events = requests.events.copy()
    for piece, lookup in zip(requests.pieces, requests.lookups, strict=True):
        grouping.count_chunks(piece.codes, lookup, piece.kinds, events)
    numbers = np.arange(start, requests.count)
    ours = None if bounds is None else bounds.has_firsts(_firsts(requests))
    return tuple(faults(requests, numbers, events[start:], "no_arrival", ours))


def _firsts(requests: Requests) -> Int64s:
    """The time of the earliest event of each request without an arrival, (U - A,)."""
    first = np.full(requests.count - requests.arrived, _LATEST, dtype=np.int64)
    for piece, lookup in zip(requests.pieces, requests.lookups, strict=True):
        codes = piece.ends.column("code").to_numpy()
        ends = piece.ends.column("time_ns").to_numpy()
        for numbers, times in ((lookup[piece.codes], piece.times), (lookup[codes], ends)):
            mine = numbers >= requests.arrived
            np.minimum.at(first, numbers[mine] - requests.arrived, times[mine])
    return first


def faults(
    requests: Requests, numbers: Int64s, events: Int64s, reason: str, ours: Bools | None
) -> Iterator[Rejected]:
    """Rejects of requests that are at fault; those that are not ours, for another reason."""
    if ours is None:
        yield from rejected_of(requests, numbers, events, reason)
        return
    yield from rejected_of(requests, numbers[ours], events[ours], reason)
    yield from rejected_of(requests, numbers[~ours], events[~ours], ELSEWHERE)


def rejected_of(
    requests: Requests, numbers: Int64s, events: Int64s, reason: str
) -> Iterator[Rejected]:
    """A line a run of the requests among ``numbers`` that lose ``events``."""
    some = np.flatnonzero(events)
    if some.size == 0:
        return
    for run, at in _runs(requests, numbers[some]).items():
        mine = some[at]
        yield Rejected(
            run=run,
            request=str(requests.keys(numbers[mine[:1]]).column("request_id")[0].as_py()),
            requests=mine.size,
            reason=reason,
            events=int(events[mine].sum()),
        )


def count_by_run(requests: Requests, numbers: Int64s, counts: Int64s) -> dict[str, int]:
    """The sum of ``counts`` over each run's requests among ``numbers``, runs without any left out."""
    some = np.flatnonzero(counts)
    runs = _runs(requests, numbers[some]) if some.size else {}
    return {run: int(counts[some[at]].sum()) for run, at in runs.items()}


def _runs(requests: Requests, numbers: Int64s) -> dict[str, Int64s]:
    """The places in ``numbers`` of each run's requests."""
    runs = requests.keys(numbers).column("run").dictionary_encode()
    codes = runs.indices.to_numpy()
    return {
        str(run): np.flatnonzero(codes == code)
        for code, run in enumerate(runs.dictionary.to_pylist())
    }
