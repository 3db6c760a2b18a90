"""genai-bench: one JSON a scenario and concurrency, its requests with means only (timing ``mean``).

The first token's time is known; the end is when the stream closed, which stands for the last token.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator

import msgspec
import pyarrow as pa

from sgengine.errors import FormatError
from sgengine.readers import client_runs
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.client_runs import NO_ARRIVALS
from sgengine.readers.faults import one_line
from sgengine.readers.json_lines import REFUSALS
from sgengine.readers.python_json import (
    Decimal,
    Span,
    decode,
    everything,
    finite,
    private,
)
from sgengine.readers.request_rows import (
    Dimension,
    RequestRow,
    ends,
    gathered,
)
from sgengine.readers.seconds import nanoseconds
from sgengine.readers.typed import Int32

CLIENT = "genai-bench"

UNITS = {"s": 1e9, "ms": 1e6}
"""Nanoseconds in the units that latencies are written in. Durations are in seconds always."""

_DIMENSIONS = (
    Dimension("scenario", pa.string()),
    Dimension("concurrency", pa.int64()),
    Dimension("reasoning_tokens", pa.int32()),
    Dimension("error_code", pa.string()),
)


class _Row(msgspec.Struct, gc=False):
    """One request; times in the file's unit, null for a failed one."""

    error_code: int | str | None
    error_message: str | None = None
    ttft: float | None = None
    e2e_latency: float | None = None
    num_input_tokens: Int32 | None = None
    num_output_tokens: Int32 | None = None
    num_reasoning_tokens: Int32 | None = None

    @property
    def is_failed(self) -> bool:
        """Whether the client counts the request as an error: 0 and "" are none."""
        return bool(self.error_code)


_DECODER = msgspec.json.Decoder(_Row)


class _Aggregated(msgspec.Struct, gc=False):
    run_duration: Decimal = None
    scenario: str | None = None
    num_concurrency: Decimal = None
    num_completed_requests: Decimal = None

    @property
    def concurrency(self) -> int | None:
        found = finite(self.num_concurrency)
        return int(found) if found is not None and found == int(found) < 2**63 else None


class _File(msgspec.Struct, gc=False, rename={"time_unit": "_time_unit"}):
    individual_request_metrics: list[msgspec.Raw]
    aggregated_metrics: _Aggregated
    time_unit: str | None = None


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """One partition. Raises ``FormatError`` if the file is damaged or its unit is unknown."""
    content = private(source.path)
    span = everything(content)
    file = _decoded(source.path, content, span)
    about = client_runs.Run(
        client=CLIENT,
        duration_ns=client_runs.duration_ns(file.aggregated_metrics.run_duration),
        notes=tuple(_notes(file)),
    )
    return client_runs.plan_of(source, [client_runs.planned(source, options, about, span)])


def _decoded(path: str, content: mmap.mmap, span: Span) -> _File:
    file = decode(path, content, span, _File, "a genai-bench result")
    if file.time_unit is not None and file.time_unit not in UNITS:
        raise FormatError(
            f"{path} has _time_unit {one_line(file.time_unit, 40)!r}; allowed are "
            f"{', '.join(UNITS)}: correct it"
        )
    return file


def _notes(file: _File) -> Iterator[str]:
    yield NO_ARRIVALS
    yield "The time at which the stream closed stands for the last token's, which is not recorded."
    if file.time_unit is None:
        yield "The file names no unit of time: seconds are assumed."
    failed, completed = _counts(file)
    if failed:
        yield f"{failed} failed requests without a first token's time count as nothing delivered."
    stated = finite(file.aggregated_metrics.num_completed_requests)
    if stated is not None and stated != completed:
        yield f"The client states {stated:g} completed requests, the rows show {completed}."


def _counts(file: _File) -> tuple[int, int]:
    """Requests that failed before their first token, and those that did not fail."""
    failed = completed = 0
    for raw in file.individual_request_metrics:
        try:
            row = _DECODER.decode(raw)
        except REFUSALS:
            continue
        completed += not row.is_failed
        failed += row.is_failed and not row.ttft
    return failed, completed


def read(partition: Partition) -> BatchIterator:
    """The requests in the file's order, in batches of about ``batch_bytes``."""
    content, span = private(partition.path), Span(partition.start, partition.stop)
    file = _decoded(partition.path, content, span)
    count = len(file.individual_request_metrics)
    found = client_runs.outcomes(partition.run, count, lambda at: _row(file, at))
    return gathered(partition, client_runs.WORD, _DIMENSIONS, found)


def _row(file: _File, index: int) -> RequestRow:
    row = _DECODER.decode(file.individual_request_metrics[index])
    unit = UNITS[file.time_unit or "s"]
    ttft, end = (_ns(value, unit) for value in (row.ttft, row.e2e_latency))
    output = 0 if row.is_failed and ttft is None else row.num_output_tokens
    first, last = ends(output, ttft, end)
    return RequestRow(
        place=index + 1,
        request_id=str(index),
        timing="none" if first is None and last is None else "mean",
        status="failed" if row.is_failed else "ok",
        error=_error(row),
        end_ns=end,
        input_tokens=row.num_input_tokens,
        output_tokens=output,
        ttft_ns=first,
        last_ns=last,
        dimensions=(
            file.aggregated_metrics.scenario,
            file.aggregated_metrics.concurrency,
            row.num_reasoning_tokens,
            str(row.error_code) if row.is_failed else None,
        ),
    )


def _error(row: _Row) -> str | None:
    return one_line(row.error_message or f"error code {row.error_code}") if row.is_failed else None


def _ns(value: float | None, unit: float) -> int | None:
    """A time in ns; ``None`` for 0, at which nothing comes, and for none."""
    return nanoseconds(value, unit) if value else None
