"""Loads to simulate: workloads by name, or the requests of a trace, at the rates asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from sgengine.api.calls import measure, read
from sgengine.errors import DataError, UsageError
from sgengine.simulate.load import Load, single_turns
from sgengine.simulate.workloads import (
    Recorded,
    Stream,
    Workload,
    arrivals_ns,
    parse_arrivals,
    rescaled,
    workload,
)

TRACE = "trace"
"""Arrivals as the workload's own trace has them."""

DEFAULT_DURATION_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What is asked of every system: a load for each rate and seed.

    ``workload``: a name of ``WORKLOADS``, ``fixed:IN/OUT``, or a trace file of any format, for the
    lengths of its requests. ``arrivals``: ``poisson``, ``even``, ``gamma:CV``, ``trace`` (those of
    the workload's trace, its requests in their order), or a trace file for its times. ``rates``:
    requests/s, none: as the trace has them. ``users``: how many come, one request each or a
    conversation; ``duration_s``: in how many seconds, the default 60 of them or a whole trace.
    """

    workload: str = "sharegpt"
    arrivals: str | None = None
    rates: tuple[float, ...] = ()
    seeds: tuple[int, ...] = (0,)
    users: int | None = None
    duration_s: float | None = None

    def loads(self) -> Iterator[tuple[Load, int]]:
        """Every load with its seed, rate by rate. Raises UsageError for a demand that cannot be."""
        self._check()
        for rate in self.rates or (None,):
            for seed in self.seeds:
                yield self._load(rate, seed), seed

    def _check(self) -> None:
        if self.users is not None and self.duration_s is not None:
            raise UsageError("how many requests and how long exclude each other: give one of them")
        if self.users is not None and self.users < 1:
            raise UsageError(f"{self.users} requests: give 1 or more")
        if self.duration_s is not None and not self.duration_s > 0:
            raise UsageError(f"the duration is {self.duration_s:g} s: give more than 0")
        if self._times is None and not self.rates:
            raise UsageError(f"workload {self.workload} has no rate of its own: give requests/s")
        if any(seed < 0 for seed in self.seeds):
            raise UsageError("a seed is below 0: give whole numbers from 0 on")
        if not self.seeds:
            raise UsageError("no seed is given: give one or more")
        _check_once("rates", [f"{rate:g}" for rate in self.rates])
        _check_once("seeds", [str(seed) for seed in self.seeds])

    @property
    def files(self) -> tuple[str, ...]:
        """The trace files that are read."""
        named = (self.workload, self.arrivals)
        return tuple(name for name in named if name is not None and _is_file(name))

    def _load(self, rate: float | None, seed: int) -> Load:
        if self._replays:
            times = self._kept(rate, 1.0)
            prompts, answers = (column[: len(times)] for column in self._trace.lengths)
            return single_turns(self._trace.name, times, prompts, answers, rate)
        asked = self._workload
        if self._times is not None:
            times = self._kept(rate, asked.turns)
        else:
            assert rate is not None, "checked: a process has a rate"
            times = arrivals_ns(
                parse_arrivals(self.arrivals or "poisson"),
                Stream(seed, "arrivals"),
                rate=rate / asked.turns,
                requests=self.users,
                duration_s=None if self.users else self.duration_s or DEFAULT_DURATION_S,
            )
        return asked.load(times, seed=seed, request_rate=rate)

    def _kept(self, rate: float | None, turns: float) -> np.ndarray:
        """The trace's arrivals at this rate, as many of the first as are wanted."""
        assert self._times is not None, "asked of traces alone"
        times = rescaled(self._times, None if rate is None else rate / turns)[: self.users]
        if self.duration_s is not None:
            times = times[times < self.duration_s * 1e9]
        return times

    @property
    def _replays(self) -> bool:
        return _is_file(self.workload) and self.arrivals in (None, TRACE)

    @cached_property
    def _trace(self) -> Arrived:
        return arrived(self.workload)

    @cached_property
    def _workload(self) -> Workload:
        if not _is_file(self.workload):
            return workload(self.workload)
        prompts, answers = self._trace.lengths
        pairs = Recorded(input_tokens=prompts, output_tokens=answers)
        return Workload(name=self._trace.name, pairs=pairs, source=self.workload)

    @cached_property
    def _times(self) -> np.ndarray | None:
        """Arrivals of a trace, None if they are drawn."""
        if self._replays:
            return self._trace.arrival_ns
        if self.arrivals is not None and _is_file(self.arrivals):
            return arrived(self.arrivals).arrival_ns
        return None


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrived:
    """The requests of a trace in order of arrival; ``left_out`` of its rows are no requests to repeat."""

    name: str
    arrival_ns: np.ndarray
    lengths: tuple[np.ndarray, np.ndarray]
    left_out: int


def arrived(path: str) -> Arrived:
    """The requests of the one run of a trace file that have an arrival, a prompt and an answer.

    Raises DataError if there are none, or several runs: their clocks are never compared.
    """
    measured = measure(read(path))
    columns = ("arrival_ns", "n_input_tokens", "n_output_tokens")
    requests = measured.requests.select(["run", *columns]).drop_null()
    runs = requests["run"].unique().to_pylist()
    if len(runs) > 1:
        raise DataError(
            f"{path} holds {len(runs)} runs, whose clocks are never compared: give a file of one run"
        )
    arrival, prompts, answers = (requests[name].to_numpy() for name in columns)
    order = np.argsort(arrival, kind="stable")
    order = order[(prompts[order] > 0) & (answers[order] > 0)]
    if not len(order):
        raise DataError(
            f"{path} has no request with an arrival, a prompt and an answer: nothing can be repeated"
        )
    rows = measured.requests.num_rows + sum(measured.rejects["count"].to_pylist())
    return Arrived(
        name=Path(path).stem,
        arrival_ns=arrival[order],
        lengths=(prompts[order], answers[order]),
        left_out=rows - len(order),
    )


def _check_once(what: str, given: list[str]) -> None:
    """Raise UsageError for runs that would have one name, and so be one run to who reads them."""
    if len(set(given)) < len(given):
        raise UsageError(f"{what} are {', '.join(given)}: give each once")


def _is_file(name: str) -> bool:
    return Path(name).is_file()
