"""The samples of GuideLLM's distributions, by the rules of its versions.

Each is there for successful, incomplete and errored requests, and for all: total. Values that a
request lacks count as 0.0, as the client has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sgengine.parity.clients.guidellm_rows import STATUSES, TEXTS, Row, Rows
from sgengine.parity.evidence import Samples
from sgengine.parity.statistics import Floats
from sgengine.parity.timelines import Timeline, concurrency, rates

Pairs = list[tuple[float, float]]
"""Values or times, each with its weight."""

Made = dict[str, Samples]


def columns(pairs: Sequence[tuple[float, ...]]) -> tuple[Floats, Floats]:
    """Values or times, and their weights."""
    table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _intervals(triples: Sequence[tuple[float, ...]]) -> tuple[Floats, Floats, Floats]:
    table = np.array(triples, dtype=np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _by_status(
    found: Mapping[str, Sequence[tuple[float, ...]]],
) -> dict[str, list[tuple[float, ...]]]:
    """The statuses, and all of them together."""
    parts = {status: list(found[status]) for status in STATUSES}
    return parts | {"total": [pair for status in STATUSES for pair in parts[status]]}


def sampled(timeline: Timeline, *, plain: bool = False) -> Samples:
    """A timeline as samples weighted by seconds."""
    return Samples(
        values=timeline.values, weights=timeline.seconds, count=timeline.count, plain=plain
    )


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Makes the samples of one benchmark.

    ``window``: the measure window in unix seconds. ``is_08``: by the rules of 0.8, else of 0.5 and 0.6.
    """

    rows: Rows
    window: tuple[float, float]
    is_08: bool

    def within(
        self,
        begin: Callable[[Row], float | None] = lambda row: row.start,
        end: Callable[[Row], float | None] = lambda row: row.end,
    ) -> Rows:
        """The requests that touch the window; one without a beginning by its end alone."""
        return {
            status: [r for r in self.rows[status] if self._touches(begin(r), end(r))]
            for status in STATUSES
        }

    def _touches(self, begin: float | None, end: float | None) -> bool:
        if end is None:
            return False
        return end >= self.window[0] and (end if begin is None else begin) <= self.window[1]

    def values(
        self, name: str, rows: Rows, value: Callable[[Row], Iterable[tuple[float, float]]]
    ) -> Made:
        """Weighted values of the rows."""
        found = {
            status: [pair for row in rows[status] for pair in value(row)] for status in STATUSES
        }
        made = {}
        for status, pairs in _by_status(found).items():
            values, weights = columns(pairs)
            made[f"{name}/{status}"] = Samples(values=values, weights=weights)
        return made

    def unweighted(self, name: str, rows: Rows, value: Callable[[Row], float | None]) -> Made:
        """Values of weight 1; None leaves the row out."""
        return self.values(name, rows, lambda row: _single(value(row)))

    def rates(
        self,
        name: str,
        rows: Rows,
        events: Callable[[Row], Iterable[tuple[float, float]]],
        window: tuple[float, float] | None,
    ) -> Made:
        """Rates of the rows' events."""
        found = {
            status: [pair for row in rows[status] for pair in events(row)] for status in STATUSES
        }
        return {
            f"{name}/{status}": sampled(rates(*columns(pairs), window, counts_lonely=self.is_08))
            for status, pairs in _by_status(found).items()
        }

    def in_flight(self, rows: Rows) -> Made:
        """The requests in flight."""
        found = {
            status: [(r.start, r.end, 1.0) for r in rows[status] if None not in (r.start, r.end)]
            for status in STATUSES
        }
        return {
            f"request_concurrency/{status}": sampled(
                concurrency(*_intervals(intervals), self.window)
            )
            for status, intervals in _by_status(found).items()  # type: ignore[arg-type]
        }


def _single(value: float | None) -> Pairs:
    return [] if value is None else [(value, 1.0)]


def gap_events(row: Row) -> Pairs:
    """Tokens behind the first, spread evenly over the messages between first and last."""
    if row.first is None or row.last is None or row.chunks <= 1 or (row.output or 0) <= 1:
        return []
    assert row.output is not None
    each = (row.output - 1.0) / (row.chunks - 1.0)
    times = np.linspace(row.first, row.last, num=row.chunks)[1:]
    return [(time, each) for time in times.tolist()]


def token_events(row: Row) -> Pairs:
    """One token at the first message, then those behind it; all at the end without messages."""
    if row.first is None or row.last is None or row.chunks <= 1:
        at = row.end if row.last is None else row.last
        return [] if at is None else [(at, row.output or 0.0)]
    return [(row.first, 1.0 * bool(row.output)), *gap_events(row)]


def prompt_events(row: Row) -> Pairs:
    """The prompt, at the first token."""
    at = row.end if row.first is None else row.first
    return [] if at is None else [(at, row.prompt or 0.0)]


def since_05(maker: Maker) -> Made:
    """The samples since 0.5. In 0.8 windows go by the first token, and token rates have one too."""
    rows = maker.within()
    first, after, output = rows, rows, rows
    if maker.is_08:
        first = maker.within(end=lambda row: row.first)
        after = maker.within(begin=lambda row: row.first)
        output = maker.within(end=lambda row: row.first_output)
    window = maker.window if maker.is_08 else None
    unweighted, weighted, by_time = maker.unweighted, maker.values, maker.rates
    return {
        **by_time("requests_per_second", rows, lambda r: _at_end(r), maker.window),
        **maker.in_flight(rows),
        **unweighted("request_latency", rows, lambda r: r.latency or 0.0),
        **unweighted("request_streaming_iterations_count", rows, lambda r: float(r.messages)),
        **unweighted("prompt_token_count", rows, lambda r: r.prompt or 0.0),
        **unweighted("output_token_count", rows, lambda r: r.output or 0.0),
        **unweighted("total_token_count", rows, lambda r: r.tokens),
        **unweighted("time_to_first_token_ms", first, lambda r: r.ttft_ms or 0.0),
        **unweighted("time_to_first_output_token_ms", output, lambda r: r.ttfot_ms or 0.0),
        **weighted(
            "time_per_output_token_ms", rows, lambda r: [(r.tpot_ms or 0.0, r.output or 0.0)]
        ),
        **weighted(
            "inter_token_latency_ms", after, lambda r: [(r.itl_ms or 0.0, (r.output or 1.0) - 1.0)]
        ),
        **by_time("prompt_tokens_per_second", rows, prompt_events, window),
        **by_time("output_tokens_per_second", rows, token_events, window),
        **by_time(
            "tokens_per_second", rows, lambda r: [*prompt_events(r), *token_events(r)], window
        ),
        **weighted("output_tokens_per_iteration", rows, lambda r: _sizes(token_events(r))),
        **weighted("iter_tokens_per_iteration", rows, lambda r: _sizes(gap_events(r))),
        **unweighted("request_dispatch_delay", rows, lambda r: r.dispatch_delay),
        **unweighted("request_scheduled_latency", rows, lambda r: r.scheduled_latency),
        **unweighted("turn_predecessor_delay", rows, lambda r: r.predecessor_delay),
        **unweighted("turn_scheduling_delay", rows, _scheduling_delay),
        **unweighted("time_to_last_round_trip_ms", rows, lambda r: r.last_trip_ms or 0.0),
        **unweighted("avg_round_trip_time_ms", rows, lambda r: r.mean_trip_ms or 0.0),
        **_roots(maker, rows),
        **_texts(rows, absent_is_zero=not maker.is_08),
    }


def _at_end(row: Row) -> Pairs:
    return [] if row.end is None else [(row.end, 1.0)]


def _sizes(events: Pairs) -> Pairs:
    return [(tokens, 1.0) for _, tokens in events]


def _scheduling_delay(row: Row) -> float | None:
    if row.dispatch_delay is None or row.predecessor_delay is None:
        return None
    return row.dispatch_delay - row.predecessor_delay


def _roots(maker: Maker, rows: Rows) -> Made:
    """Delays of the first requests of conversations, of every status."""
    roots = {status: [r for r in rows[status] if r.turn == 0] for status in STATUSES}
    made = maker.unweighted("roots", roots, lambda r: r.dispatch_delay)
    return {"root_dispatch_delay": made["roots/total"]}


def _texts(rows: Rows, *, absent_is_zero: bool) -> Made:
    """Tokens, words and characters of inputs, outputs and (one after the other) both."""
    made: Made = {}
    for i, kind in enumerate(TEXTS):
        parts: dict[str, list[dict[str, list[tuple[float, ...]]]]] = {"input": [], "output": []}
        for side, name in enumerate(parts):
            parts[name] = _text_parts(rows, i, side, absent_is_zero=absent_is_zero)
        both = [
            {status: inputs[status] + outputs[status] for status in STATUSES}
            for inputs, outputs in zip(parts["input"], parts["output"], strict=True)
        ]
        for name, (values, events, intervals) in (parts | {"total": both}).items():
            made |= _text(f"text/{kind}/{name}", values, events, intervals, absent_is_zero)
    return made


def _text_parts(
    rows: Rows, kind: int, side: int, *, absent_is_zero: bool
) -> list[dict[str, list[tuple[float, ...]]]]:
    """Of one side: values, events at the end, and intervals in flight, by status."""
    values: dict[str, list[tuple[float, ...]]] = {}
    events: dict[str, list[tuple[float, ...]]] = {}
    intervals: dict[str, list[tuple[float, ...]]] = {}
    for status in STATUSES:
        kept = [
            (row.start, row.end, row.texts[kind][side])
            for row in rows[status]
            if row.start and row.end and row.texts and row.texts[kind] != (None, None)
        ]
        values[status] = [
            (size or 0.0, 1.0) for _, _, size in kept if absent_is_zero or size is not None
        ]
        events[status] = [(end, size or 0.0) for _, end, size in kept]
        intervals[status] = [(start, end, size or 0.0) for start, end, size in kept]
    return [values, events, intervals]


def _text(
    name: str,
    values: Mapping[str, list[tuple[float, ...]]],
    events: Mapping[str, list[tuple[float, ...]]],
    intervals: Mapping[str, list[tuple[float, ...]]],
    lonely_uncounted: bool,
) -> Made:
    made: Made = {}
    for status, pairs in _by_status(values).items():
        sizes, weights = columns(pairs)
        made[f"{name}/{status}"] = Samples(values=sizes, weights=weights)
    for status, pairs in _by_status(events).items():
        found = rates(*columns(pairs), None, counts_lonely=not lonely_uncounted)
        made[f"{name}_per_second/{status}"] = sampled(found)
    for status, parts in _by_status(intervals).items():
        made[f"{name}_concurrency/{status}"] = sampled(concurrency(*_intervals(parts), None))
    return made
