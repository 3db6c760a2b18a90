"""What load each run was offered: a stated rate, an observed one, or no rate of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import isfinite

import numpy as np
import pyarrow as pa

from sgengine.aggregate import Activity, group_rows, load_of

RATE = "request_rate"
CONCURRENCY = ("concurrency", "max_concurrency")
"""Dimensions that the readers, and the simulator, give to runs that state these."""

STATED, OBSERVED = "stated", "observed"


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A run's offered rate in requests/s and where it is from; or why it counts for no capacity."""

    rate: float | None = None
    source: str | None = None
    excluded: str | None = None


@dataclass(kw_only=True)
class Offers:
    """What was seen of every run's load: the arrivals and ends of its requests, and what rows state."""

    limit_bytes: int
    requests: Counter[str] = field(default_factory=Counter)
    rates: dict[str, set[float]] = field(default_factory=dict)
    held: dict[str, set[float]] = field(default_factory=dict)
    activity: Activity = field(init=False)

    def __post_init__(self) -> None:
        self.activity = Activity(in_flight=True, limit_bytes=self.limit_bytes)

    def write(self, requests: pa.RecordBatch) -> None:
        """Take in one batch of REQUESTS with their dimensions."""
        keys, codes = group_rows(requests, ("run",))
        for (run,), count in zip(keys, np.bincount(codes).tolist(), strict=True):
            self.requests[str(run)] += count
        self.activity.add(requests)
        for name in (RATE, *CONCURRENCY):
            if name in requests.schema.names:
                for run, value in group_rows(requests, ("run", name))[0]:
                    self.state(str(run), value, self.rates if name == RATE else self.held)

    def state(self, run: str, value: object, where: dict[str, set[float]] | None = None) -> None:
        """Take in what is said of a run: a rate, unless it is ``where`` requests in flight are."""
        number = _number(value)
        if number is not None:
            (self.rates if where is None else where).setdefault(run, set()).add(number)

    def add_runs(self, runs: pa.Table) -> None:
        """Take in what a RUNS table states."""
        for row in runs.select(["run", RATE]).to_pylist():
            self.state(row["run"], row[RATE])

    def of(self, run: str) -> Offer:
        """A stated rate before an observed one; a closed loop has neither."""
        stated = sorted(self.rates.get(run, ()))
        if len(stated) > 1:
            rates = ", ".join(f"{rate:g}" for rate in stated)
            return Offer(excluded=f"it states several rates ({rates}): give each run its name")
        if stated:
            return Offer(rate=stated[0], source=STATED)
        if run in self.held:
            many = ", ".join(f"{count:g}" for count in sorted(self.held[run]))
            return Offer(excluded=f"closed loop: it states {many} in flight, and no rate")
        return self._observed(run)

    def _observed(self, run: str) -> Offer:
        """(|R| - 1) / (last - first arrival), unless requests seem to be sent when others end."""
        load = load_of(self.activity, run)
        arrivals, requests = load.arrivals if load else 0, self.requests[run]
        if load is None or arrivals < requests:
            missing = requests - arrivals
            return Offer(excluded=f"no rate: {missing} of {requests} requests have no arrival time")
        if load.kind == "closed_loop":
            return Offer(excluded=f"looks like a closed loop of about {load.peak} in flight")
        if load.rate is None:
            return Offer(excluded="no rate: all its requests arrive at one time")
        return Offer(rate=load.rate, source=OBSERVED)


def _number(value: object) -> float | None:
    """A rate or count above 0 that is stated as a number or as text; None for anything else."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if isfinite(number) and number > 0 else None
