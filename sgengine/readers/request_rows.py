"""Requests that a reader makes one by one, and the batches of DELIVERIES they are gathered into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.readers import arrays, deliveries
from sgengine.readers.base import Batch, BatchIterator, Partition, Reject
from sgengine.readers.faults import one_line
from sgengine.readers.json_lines import REFUSALS, TEXT_SHARE
from sgengine.readers.seconds import TooLongError
from sgengine.readers.timestamps import TimestampError

_INT32_MAX = 2**31 - 1


class BadValueError(ValueError):
    """A value that its column cannot hold, or that is missing; the row is rejected."""


ROW_FAULTS = (*REFUSALS, TimestampError, TooLongError, BadValueError)
"""What making one row may raise."""


class RequestRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request as DELIVERIES has it; times in ns since arrival, ``None`` is NULL.

    Labels that are ``None`` are those of the partition. ``dimensions`` are in the order in which the
    format declares them.
    """

    place: int
    timing: str
    request_id: str | None = None
    run: str | None = None
    system: str | None = None
    workload: str | None = None
    clock: str | None = None
    origin: str | None = None
    status: str | None = None
    error: str | None = None
    arrival_ns: int | None = None
    end_ns: int | None = None
    times: np.ndarray | None = None
    tokens: np.ndarray | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    ttft_ns: int | None = None
    last_ns: int | None = None
    dimensions: tuple[object, ...] = ()


class Dimension(NamedTuple):
    """A column that a format carries after those of DELIVERIES."""

    name: str
    type: pa.DataType


class Ends(NamedTuple):
    """ttft_ns and last_ns of a request without chunk times."""

    ttft_ns: int | None
    last_ns: int | None


class Outcome(NamedTuple):
    """What became of one row of a source, and how many bytes it was read from."""

    result: RequestRow | Reject | None
    size: int


def ends(output: int | None, ttft: int | None, last: int | None) -> Ends:
    """First and last time of a request of ``output`` tokens whose end stands for its last token's.

    Nothing was delivered: there are none. One token: it came when the first came.
    """
    if output == 0:
        return Ends(None, None)
    if output == 1 and ttft is not None:
        return Ends(ttft, None)
    return Ends(ttft, last)


def since(arrival: int | None, moment: int | None) -> int | None:
    """Ns from arrival to a moment on its clock; ``None`` if either is unknown."""
    return None if arrival is None or moment is None else moment - arrival


def tokens(name: str, count: int | None) -> int | None:
    """A count that fits int32. Raises ``BadValueError``."""
    if count is not None and abs(count) > _INT32_MAX:
        raise BadValueError(f"{name} has {one_line(count, 40)}, allowed is a number below 2^31")
    return count


def rejected(run: str | None, place: str, error: Exception) -> Reject:
    """The reject for a row that raised one of ``ROW_FAULTS``."""
    unread = isinstance(error, REFUSALS) and not isinstance(error, msgspec.ValidationError)
    reason = "unreadable_row" if unread else "wrong_type"
    return Reject(run=run, place=place, reason=reason, count=1, detail=one_line(error))


def gathered(
    partition: Partition,
    word: str,
    dimensions: Sequence[Dimension],
    outcomes: Iterable[Outcome],
) -> BatchIterator:
    """The outcomes, in order, in batches of about ``partition.batch_bytes``.

    ``word`` says what places number. Outcomes without a result are no requests, and left out.
    """
    rows: list[RequestRow] = []
    rejects: list[Reject] = []
    size = 0
    for result, taken in outcomes:
        size += taken
        if isinstance(result, Reject):
            rejects.append(result)
        elif result is not None:
            rows.append(result)
        if size * TEXT_SHARE >= partition.batch_bytes and (rows or rejects):
            yield _batch(partition, word, dimensions, rows, rejects)
            rows, rejects, size = [], [], 0
    if rows or rejects:
        yield _batch(partition, word, dimensions, rows, rejects)


_TEXTS = ("request_id", "run", "system", "workload", "clock", "origin", "timing", "status", "error")
_NUMBERS = ("arrival_ns", "end_ns", "ttft_ns", "last_ns")
_COUNTS = ("input_tokens", "output_tokens")


def _batch(
    partition: Partition,
    word: str,
    dimensions: Sequence[Dimension],
    rows: Sequence[RequestRow],
    rejects: Sequence[Reject],
) -> Batch:
    columns: dict[str, Any] = {name: _column(rows, name, pa.string()) for name in _TEXTS}
    columns |= {name: _column(rows, name, pa.int64()) for name in _NUMBERS}
    columns |= {name: _column(rows, name, pa.int32()) for name in _COUNTS}
    columns["chunk_times_ns"] = arrays.lists([row.times for row in rows], pa.int64())
    columns["chunk_tokens"] = arrays.lists([row.tokens for row in rows], pa.int32())
    for index, dimension in enumerate(dimensions):
        values = [row.dimensions[index] for row in rows]
        columns[dimension.name] = pa.array(values, dimension.type)
    places = np.array([row.place for row in rows], dtype=np.int64)
    made = pa.RecordBatch.from_pydict(columns)
    return deliveries.conform(made, partition, places, word, rejects)


def _column(rows: Sequence[RequestRow], name: str, kind: pa.DataType) -> pa.Array:
    return pa.array([getattr(row, name) for row in rows], kind)
