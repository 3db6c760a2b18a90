"""One line of AIPerf's profile_export.jsonl, typed, and the row of DELIVERIES it makes."""

from __future__ import annotations

import msgspec
import numpy as np

from sgengine.readers.faults import one_line
from sgengine.readers.seconds import TooLongError, chunk_times, nanoseconds, times_of
from sgengine.readers.typed import Int32, Int64

UNITS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "sec": 1e9, "s": 1e9}
"""Nanoseconds in the units that AIPerf writes times in."""

CANCELLED_CODE = 499

_INT32_MAX = 2**31 - 1


class Metadata(msgspec.Struct, gc=False):
    """Identity and wall-clock times (ns since the epoch) of a request, in old and new names."""

    x_request_id: str | None = None
    conversation_id: str | None = None
    turn_index: Int32 | None = None
    credit_issued_ns: Int64 | None = None
    request_start_ns: Int64 | None = None
    timestamp_ns: Int64 | None = None
    request_end_ns: Int64 | None = None
    worker_id: str | None = None
    benchmark_phase: str | None = None
    credit_phase: str | None = None
    was_cancelled: bool | None = None

    @property
    def is_warmup(self) -> bool:
        """Whether the line is of the warm-up phase."""
        return "warmup" in (self.benchmark_phase, self.credit_phase)

    @property
    def start_ns(self) -> int | None:
        """When the client sent the request."""
        return self.timestamp_ns if self.request_start_ns is None else self.request_start_ns


class Number(msgspec.Struct, gc=False):
    """A metric of one value."""

    value: int | float | None = None
    unit: str | None = None


class Numbers(msgspec.Struct, gc=False):
    """A metric of many values, which stay JSON until they become times."""

    value: msgspec.Raw
    unit: str | None = None


class Metrics(msgspec.Struct, gc=False):
    """The metrics that are used; AIPerf leaves out those that do not apply."""

    time_to_first_token: Number | None = None
    ttft: Number | None = None
    time_to_first_output_token: Number | None = None
    inter_chunk_latency: Numbers | None = None
    input_sequence_length: Number | None = None
    output_sequence_length: Number | None = None
    usage_prompt_tokens: Number | None = None
    usage_completion_tokens: Number | None = None
    reasoning_token_count: Number | None = None


class Error(msgspec.Struct, gc=False):
    """What went wrong."""

    code: int | str | None = None
    type: str | None = None
    message: str | None = None


class Record(msgspec.Struct, gc=False):
    """One line."""

    metadata: Metadata
    metrics: Metrics | None = None
    error: Error | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request as DELIVERIES has it; times in ns. ``times`` is ``None`` if they are unknown."""

    place: int
    record: Record
    status: str
    arrival_ns: int | None
    end_ns: int | None
    times: np.ndarray | None
    tokens: np.ndarray | None
    input_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    ttft_visible_ns: int | None


class WrongValueError(ValueError):
    """A value that the column cannot hold; the row is rejected."""


def row(record: Record, place: int, origin: str) -> Row:
    """The row of a line. Raises ``WrongValueError`` or ``TooLongError`` for values out of range."""
    metadata, metrics = record.metadata, record.metrics or Metrics()
    arrival = metadata.credit_issued_ns if origin == "scheduled" else metadata.start_ns
    times, visible = _times(record, metrics), _visible(metrics)
    if times is not None and len(times) and arrival is not None:
        delay = _delay(arrival, metadata.start_ns)
        times, visible = times + delay, None if visible is None else visible + delay
    output = declared(metrics.usage_completion_tokens, metrics.output_sequence_length)
    return Row(
        place=place,
        record=record,
        status=status(record),
        arrival_ns=arrival,
        end_ns=_since(arrival, metadata.request_end_ns),
        times=times,
        tokens=None if times is None else sizes(len(times), output),
        input_tokens=declared(metrics.usage_prompt_tokens, metrics.input_sequence_length),
        output_tokens=output,
        reasoning_tokens=declared(metrics.reasoning_token_count),
        ttft_visible_ns=visible,
    )


def status(record: Record) -> str:
    """How the request ended."""
    error = record.error
    if record.metadata.was_cancelled or (error is not None and error.code == CANCELLED_CODE):
        return "cancelled"
    if error is None:
        return "ok"
    return "timeout" if "timeout" in (error.type or "").lower() else "failed"


def error_text(record: Record) -> str | None:
    """Type and message of the error, on one line."""
    error = record.error
    if error is None:
        return None
    parts = [part for part in (error.type, error.message) if part]
    return one_line(": ".join(parts)) or None


def declared(*numbers: Number | None) -> int | None:
    """The first of these counts that has a value. Raises ``WrongValueError`` unless whole, in int32."""
    for number in numbers:
        if number is not None and number.value is not None:
            if number.value != int(number.value) or abs(number.value) > _INT32_MAX:
                raise WrongValueError(
                    f"{number.value} tokens; allowed are whole numbers below 2^31"
                )
            return int(number.value)
    return None


def sizes(chunks: int, output: int | None) -> np.ndarray | None:
    """Tokens of each chunk where there are more chunks than declared tokens, else ``None``.

    Which chunks are without is not recorded. Chunk 1 holds token 1 and the surplus follows it, so
    that n, TTFT, TPOT, E2E and the gaps are the client's; tokens are placed as late as can be,
    which makes lateness an upper bound.
    """
    if output is None or not 1 <= output < chunks:
        return None
    tokens = np.ones(chunks, dtype=np.int32)
    tokens[1 : 1 + chunks - output] = 0
    return tokens


def _times(record: Record, metrics: Metrics) -> np.ndarray | None:
    """Chunk times since the client sent the request.

    Failed lines carry no times and count as nothing delivered; a line without a first token's time
    that is ok was not streamed: when its tokens came is unknown.
    """
    first = metrics.time_to_first_token or metrics.ttft
    gaps = metrics.inter_chunk_latency
    if first is None or first.value is None:
        if gaps is not None:
            raise WrongValueError("inter_chunk_latency without time_to_first_token")
        return None if status(record) == "ok" else np.zeros(0, dtype=np.int64)
    unit = _unit(first.unit)
    if gaps is None:
        return chunk_times(first.value, (), unit)
    if _unit(gaps.unit) != unit:
        raise WrongValueError(
            f"times in {first.unit} and {gaps.unit}; allowed is one unit for both"
        )
    return times_of(first.value, gaps.value, unit)


def _visible(metrics: Metrics) -> int | None:
    """Time of the first token that is no reasoning, since the client sent the request."""
    found = metrics.time_to_first_output_token
    if found is None or found.value is None:
        return None
    return nanoseconds(found.value, _unit(found.unit))


def _unit(name: str | None) -> float:
    found = UNITS.get(name or "")
    if found is None:
        raise WrongValueError(f"a time in {name!r}; allowed units are {', '.join(UNITS)}")
    return found


def _delay(arrival: int, start: int | None) -> int:
    """From arrival to the client's send, which times of the file count from."""
    if start is None:
        raise WrongValueError("no request_start_ns, which the chunk times count from")
    return _span(arrival, start)


def _since(arrival: int | None, moment: int | None) -> int | None:
    return None if arrival is None or moment is None else _span(arrival, moment)


def _span(begin: int, end: int) -> int:
    if abs(end - begin) > 2**62:
        raise TooLongError(f"{end - begin} ns between two times is beyond int64 nanoseconds")
    return end - begin
