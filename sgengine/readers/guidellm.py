"""GuideLLM's benchmarks.json: one run a benchmark, first and last token's times only.

Times are unix seconds, brought to ns from their decimal text. Arrivals are the schedule where there
was one (constant, poisson, trace), else the client's send. Rows outside the measure window (warm-up
and cool-down) are kept; the dimension ``in_window`` tells them, and the stated duration is the window's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import numpy as np

from sgengine.readers import json_document
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.client_runs import Run
from sgengine.readers.faults import one_line
from sgengine.readers.guidellm_file import Benchmark, File, Head, read_file
from sgengine.readers.guidellm_rows import (
    DIMENSIONS,
    Moments,
    Shared,
    Window,
    decode_row,
    iterations,
    moments,
)
from sgengine.readers.request_rows import ROW_FAULTS, gathered, since
from sgengine.readers.seconds import TooLongError
from sgengine.readers.tables import Piece
from sgengine.readers.timestamps import TimestampError, number_ns

CLIENT = "guidellm"

OPEN_LOOP = frozenset({"constant", "poisson", "trace"})
"""Strategies by which requests are due at set times, whatever the server does."""


class _Tally:
    """What a pass over the rows of one benchmark finds out."""

    def __init__(self) -> None:
        self.rows = self.unscheduled = self.merged = self.backwards = 0
        self._spans: list[tuple[int, int]] = []

    def see(self, text: bytes) -> None:
        """Count one row; what cannot be read is for the reading to reject."""
        try:
            row = decode_row(text)
            when = moments(row)
        except ROW_FAULTS:
            return
        self.rows += 1
        self.unscheduled += when.sent is not None and when.due is None
        self.merged += 0 < iterations(row) < (row.output_tokens or 0)
        self.backwards += _is_backwards(when)
        if when.sent is not None and when.end is not None:
            self._spans.append((when.sent, when.end))

    def outside(self, window: Window) -> int:
        """Rows outside the window."""
        if window.start is None or window.end is None or not self._spans:
            return 0
        spans = np.array(self._spans, dtype=np.int64)
        return int(((spans[:, 1] < window.start) | (spans[:, 0] > window.end)).sum())


def _is_backwards(when: Moments) -> bool:
    return when.first is not None and when.last is not None and when.last < when.first


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """A partition for each list of each benchmark, more of long lists."""
    tallies: defaultdict[int, _Tally] = defaultdict(_Tally)
    file = read_file(source.path, lambda number, _, text: tallies[number].see(text))
    runs: list[json_document.PlannedRun] = []
    for number, benchmark in enumerate(file.benchmarks):
        run = _run(file, benchmark, tallies[number])
        runs.append(
            json_document.planned(
                source,
                options,
                replace(run, notes=(*run.notes, *_origin_notes(run, options, benchmark))),
                list(_ranges(file, benchmark)),
                index=sum(len(run.partitions) for run in runs),
                suffix=f"#{number + 1}" if len(file.benchmarks) > 1 else "",
            )
        )
    return json_document.plan_of(source, runs)


def _run(file: File, benchmark: Benchmark, tally: _Tally) -> Run:
    head, window = benchmark.head, _window(benchmark.head)
    rate = head.strategy.rate
    return Run(
        client=CLIENT if file.version is None else f"{CLIENT} {one_line(file.version, 40)}",
        workload=file.data,
        clock="unix",
        origins=_origins(head, tally),
        request_rate=rate if rate is not None and 0 < rate < float("inf") else None,
        duration_ns=_duration(head, window),
        notes=tuple(_notes(benchmark, tally, window)),
    )


def _origins(head: Head, tally: _Tally) -> tuple[str, ...]:
    """The schedule counts in an open loop, and is offered only if every row has its own."""
    if tally.unscheduled:
        return ("sent",)
    is_open = head.strategy.type_ in OPEN_LOOP
    return ("scheduled", "sent") if is_open else ("sent", "scheduled")


def _origin_notes(run: Run, options: ReadOptions, benchmark: Benchmark) -> Iterator[str]:
    if (options.origin or run.origins[0]) == "scheduled":
        yield "Times count from the schedule (targeted_start), the client's from its send."
    elif benchmark.head.strategy.type_ in OPEN_LOOP and "scheduled" not in run.origins:
        yield "The load was an open loop, but some rows lack targeted_start."


def _ranges(file: File, benchmark: Benchmark) -> Iterator[tuple[Piece, json_document.Details]]:
    """The ranges of each list, in order."""
    head, window = benchmark.head, _window(benchmark.head)
    shared = {
        "model": head.model or file.model,
        "strategy": head.strategy.type_,
        "rate": head.strategy.rate,
        "concurrency": head.strategy.streams or head.strategy.max_concurrency,
        "window_start": window.start,
        "window_end": window.end,
    }
    known = [(key, str(value)) for key, value in shared.items() if value is not None]
    for name, rows in benchmark.lists.items():
        yield from ((piece, (("list", name), *known)) for piece in rows.pieces)


def _notes(benchmark: Benchmark, tally: _Tally, window: Window) -> Iterator[str]:
    made, listed = benchmark.head.made, sum(rows.rows for rows in benchmark.lists.values())
    yield "Only the first and last token's times are recorded; per-token figures are bounds."
    if outside := tally.outside(window):
        yield (
            f"{outside} of {listed} requests lie outside the client's measure window (warm-up, "
            "cool-down): they are kept, in_window tells them, and the stated duration is the "
            "window's."
        )
    if tally.merged:
        yield f"{tally.merged} of {listed} requests got several tokens in some of their chunks."
    if tally.backwards:
        yield f"{tally.backwards} requests end before their first token: the clock was set back."
    if made is not None and made > listed:
        yield f"The file lists {listed} of {made} requests: a sample, as the client was told."


def _window(head: Head) -> Window:
    return Window(start=_ns(head.start_time), end=_ns(head.end_time))


def _duration(head: Head, window: Window) -> int | None:
    """The length of the measure window, which GuideLLM divides by."""
    stated = _ns(head.duration)
    found = since(window.start, window.end) if stated is None else stated
    return found if found is not None and found >= 0 else None


def _ns(seconds: Decimal | None) -> int | None:
    """Seconds of the head in ns; ``None`` for what is no time, as it only describes the run."""
    try:
        return None if seconds is None else number_ns(seconds, "s")
    except (TimestampError, TooLongError):
        return None


def read(partition: Partition) -> BatchIterator:
    """The rows of one list, in order; damaged rows are rejects."""
    shared = Shared(partition)
    found = json_document.outcomes(partition, shared.row)
    yield from gathered(partition, json_document.WORD, DIMENSIONS, found)
