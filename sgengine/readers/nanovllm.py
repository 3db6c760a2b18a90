"""The nano-vLLM harness: one JSON a run, a time a token from the start of the run, in seconds.

Times are those of the engine, without a network. Arrivals are the schedule's.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.readers import client_runs
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.faults import one_line
from sgengine.readers.json_lines import REFUSALS
from sgengine.readers.python_json import Decimal, Span, decode, everything, private
from sgengine.readers.request_rows import (
    Dimension,
    RequestRow,
    gathered,
    since,
)
from sgengine.readers.seconds import NANOS, TooLongError, nanoseconds

CLIENT = "nano-vLLM harness"

STATUSES = {
    "Finished": "ok",
    "Rejected": "rejected",
    "Failed": "failed",
    "Cancelled": "cancelled",
    "Unfinished": "incomplete",
}
"""Our names of the terminal states; the rules judge any other."""

_LIMIT_S = 2.0**32

_DIMENSIONS = (
    Dimension("request_class", pa.string()),
    Dimension("router", pa.string()),
    Dimension("request_rate", pa.float64()),
    Dimension("admitted_ns", pa.int64()),
    Dimension("first_scheduled_ns", pa.int64()),
)


class _Row(msgspec.Struct, gc=False):
    """One request; times in seconds from the start of the run, null for what did not happen."""

    request_id: str | int
    arrival_at: float
    token_timestamps: list[float] | None
    terminal_state: str
    request_class: str | None = None
    admitted_at: float | None = None
    first_scheduled_at: float | None = None
    terminal_at: float | None = None
    terminal_reason: str | None = None


_DECODER = msgspec.json.Decoder(_Row)


class _Measurement(msgspec.Struct, gc=False):
    duration: Decimal = None


class _Summary(msgspec.Struct, gc=False):
    measurement: _Measurement | None = None


class _Characterization(msgspec.Struct, gc=False):
    offered_rps: Decimal = None


class _File(msgspec.Struct, gc=False):
    """The parts that are used; the events of routers, resources and steps are passed over unread."""

    requests: list[msgspec.Raw]
    router: str | None = None
    summary: _Summary | None = None
    characterization: _Characterization | None = None

    @property
    def rate(self) -> float | None:
        """The offered rate in requests/s."""
        return client_runs.rate(
            self.characterization.offered_rps if self.characterization else None
        )

    @property
    def duration_ns(self) -> int | None:
        """The window in which requests were offered, which the harness divides by."""
        measurement = self.summary.measurement if self.summary else None
        return client_runs.duration_ns(measurement.duration if measurement else None)


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """One partition. Raises ``FormatError`` if the file is damaged."""
    content = private(source.path)
    span = everything(content)
    file = _decoded(source.path, content, span)
    about = client_runs.Run(
        client=CLIENT,
        system=file.router,
        workload=_first_class(file),
        clock="monotonic",
        origins=("scheduled",),
        request_rate=file.rate,
        duration_ns=file.duration_ns,
        notes=tuple(_notes(file)),
    )
    return client_runs.plan_of(source, [client_runs.planned(source, options, about, span)])


def _decoded(path: str, content: mmap.mmap, span: Span) -> _File:
    return decode(path, content, span, _File, "a nano-vLLM harness result")


def _notes(file: _File) -> Iterator[str]:
    yield "Token times are the engine's, without a network."
    if file.duration_ns is not None:
        yield (
            "The stated duration is the window in which requests were offered; tokens may come "
            "after it, and rates that divide by it are then too high."
        )


def _first_class(file: _File) -> str | None:
    for raw in file.requests:
        try:
            return _DECODER.decode(raw).request_class
        except REFUSALS:
            continue
    return None


def read(partition: Partition) -> BatchIterator:
    """The requests in the file's order, in batches of about ``batch_bytes``."""
    content, span = private(partition.path), Span(partition.start, partition.stop)
    file = _decoded(partition.path, content, span)
    found = client_runs.outcomes(partition.run, len(file.requests), lambda at: _row(file, at))
    return gathered(partition, client_runs.WORD, _DIMENSIONS, found)


def _row(file: _File, index: int) -> RequestRow:
    row = _DECODER.decode(file.requests[index])
    arrival = nanoseconds(row.arrival_at, NANOS)
    times = _whole_ns(row.token_timestamps or []) - arrival
    return RequestRow(
        place=index + 1,
        request_id=str(row.request_id),
        workload=row.request_class,
        timing="token",
        status=STATUSES.get(row.terminal_state, row.terminal_state),
        error=one_line(row.terminal_reason) if row.terminal_reason else None,
        arrival_ns=arrival,
        end_ns=since(arrival, _moment(row.terminal_at)),
        times=times,
        output_tokens=len(times),
        dimensions=(
            row.request_class,
            file.router,
            file.rate,
            since(arrival, _moment(row.admitted_at)),
            since(arrival, _moment(row.first_scheduled_at)),
        ),
    )


def _moment(seconds: float | None) -> int | None:
    return None if seconds is None else nanoseconds(seconds, NANOS)


def _whole_ns(seconds: list[float]) -> np.ndarray:
    """Times in whole ns (int64), each rounded by itself. Raises ``TooLongError``."""
    times = np.array(seconds, dtype=np.float64)
    if len(times) and not np.abs(times).max() < _LIMIT_S:
        raise TooLongError(f"token_timestamps has a time beyond {_LIMIT_S:.0f} s")
    return np.rint(times * NANOS).astype(np.int64)
