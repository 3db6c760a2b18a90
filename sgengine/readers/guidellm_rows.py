"""One row of GuideLLM's benchmarks.json, typed, and the row of DELIVERIES it makes.

Before 0.4 a row has its times beside its counts; since then they are in ``info.timings``. Only the
fields below are decoded, never prompts, outputs or request_args (which some versions write as Python).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.readers.base import Partition
from sgengine.readers.faults import one_line
from sgengine.readers.json_document import decoded
from sgengine.readers.request_rows import Dimension, RequestRow, ends, since
from sgengine.readers.timestamps import number_ns
from sgengine.readers.typed import Int32, Int64

DIMENSIONS = (
    Dimension("model", pa.string()),
    Dimension("session_id", pa.string()),
    Dimension("turn", pa.int32()),
    Dimension("strategy", pa.string()),
    Dimension("request_rate", pa.float64()),
    Dimension("concurrency", pa.int64()),
    Dimension("token_iterations", pa.int64()),
    Dimension("in_window", pa.bool_()),
    Dimension("ttft_visible_ns", pa.int64()),
)

_TIMEOUT = re.compile(r"\b\w*timeout(error|exception)?\(|timed out", re.IGNORECASE)

_ABSENT = msgspec.Raw(b"null")


class Timings(msgspec.Struct, gc=False):
    """Moments of a request in unix seconds, as they are written."""

    targeted_start: Decimal | None = None
    request_start: Decimal | None = None
    first_token_iteration: Decimal | None = None
    first_output_token_iteration: Decimal | None = None
    last_token_iteration: Decimal | None = None
    request_end: Decimal | None = None
    resolve_end: Decimal | None = None
    token_iterations: Int64 | None = None


class _Info(msgspec.Struct, gc=False):
    timings: Timings | None = None
    error: str | None = None
    conversation_id: str | None = None
    turn_index: Int32 | None = None


class _SchedulerInfo(msgspec.Struct, gc=False):
    targeted_start_time: Decimal | None = None
    request_start: Decimal | None = None
    request_end: Decimal | None = None


class Row(msgspec.Struct, gc=False):
    """One request, in the fields of every version."""

    request_id: str | None = None
    info: _Info | None = None
    prompt_tokens: Int32 | None = None
    output_tokens: Int32 | None = None
    output: msgspec.Raw = _ABSENT
    request_start_time: Decimal | None = None
    request_end_time: Decimal | None = None
    scheduler_info: _SchedulerInfo | None = None
    start_time: Decimal | None = None
    end_time: Decimal | None = None
    first_token_time: Decimal | None = None
    last_token_time: Decimal | None = None
    error: str | None = None

    @property
    def about(self) -> _Info:
        """What the scheduler says, empty in old files."""
        return self.info or _Info()

    @property
    def has_output(self) -> bool:
        """Whether the client kept any output text."""
        return bytes(self.output) not in (b"null", b'""')


@dataclass(frozen=True, kw_only=True)
class Moments:
    """When things happened, in ns since the epoch; ``None``: it did not, or is not recorded."""

    due: int | None
    sent: int | None
    first: int | None
    visible: int | None
    last: int | None
    end: int | None


def moments(row: Row) -> Moments:
    """The moments of a row. Raises one of ``ROW_FAULTS``."""
    timings = row.about.timings or Timings()
    old = row.scheduler_info or _SchedulerInfo()
    return Moments(
        due=_first(timings.targeted_start, old.targeted_start_time),
        sent=_first(
            timings.request_start, row.request_start_time, old.request_start, row.start_time
        ),
        first=_first(timings.first_token_iteration, row.first_token_time),
        visible=_first(timings.first_output_token_iteration),
        last=_first(timings.last_token_iteration, row.last_token_time),
        end=_first(
            timings.request_end,
            row.request_end_time,
            old.request_end,
            row.end_time,
            timings.resolve_end,
        ),
    )


def _first(*seconds: Decimal | None) -> int | None:
    """The first moment that is known; old files have -1 for what did not happen."""
    for value in seconds:
        if value is not None:
            found = number_ns(value, "s")
            if found > 0:
                return found
    return None


_ROW = msgspec.json.Decoder(Row)


def decode_row(text: bytes) -> Row:
    """A row. Raises one of ``ROW_FAULTS``."""
    found: Row = decoded(_ROW, text)
    return found


@dataclass(frozen=True, kw_only=True)
class Window:
    """The measure window, ns since the epoch; ``None`` where the file does not say."""

    start: int | None
    end: int | None

    def holds(self, when: Moments) -> bool | None:
        """Whether a request overlaps the window, as GuideLLM decides it; ``None``: unknown."""
        if None in (self.start, self.end, when.sent, when.end):
            return None
        assert self.start is not None and self.end is not None
        assert when.sent is not None and when.end is not None
        return when.end >= self.start and when.sent <= self.end


def iterations(row: Row) -> int:
    """Chunks with output that the client saw, 0 if it does not say."""
    timings = row.about.timings
    return 0 if timings is None else timings.token_iterations or 0


class Shared:
    """What all rows of a partition share."""

    def __init__(self, partition: Partition) -> None:
        told = dict(partition.details)
        self._list = told.get("list", "successful")
        self._is_scheduled = partition.origin == "scheduled"
        self._model, self._strategy = told.get("model"), told.get("strategy")
        self._rate = float(told["rate"]) if "rate" in told else None
        self._concurrency = int(told["concurrency"]) if "concurrency" in told else None
        self._window = Window(
            start=int(told["window_start"]) if "window_start" in told else None,
            end=int(told["window_end"]) if "window_end" in told else None,
        )

    def row(self, text: bytes, place: int) -> RequestRow:
        """The row of a request. Raises one of ``ROW_FAULTS``."""
        found = decode_row(text)
        when = moments(found)
        arrival = when.due if self._is_scheduled else when.sent
        error = found.about.error or found.error
        status = self._status(error)
        timing, times = _timing(found, when, status)
        output = found.output_tokens
        bare = ends(output, since(arrival, when.first), since(arrival, _last(when)))
        return RequestRow(
            place=place,
            timing=timing,
            request_id=found.request_id or str(place),
            status=status,
            error=_error(error),
            arrival_ns=arrival,
            end_ns=_end(arrival, when),
            times=times,
            input_tokens=found.prompt_tokens,
            output_tokens=output,
            ttft_ns=bare.ttft_ns if timing == "first_last" else None,
            last_ns=bare.last_ns if timing == "first_last" else None,
            dimensions=self._dimensions(found, when, arrival),
        )

    def _status(self, error: str | None) -> str:
        if self._list == "successful":
            return "ok"
        if self._list == "incomplete":
            return "incomplete"
        return "timeout" if _TIMEOUT.search(error or "") else "failed"

    def _dimensions(self, row: Row, when: Moments, arrival: int | None) -> tuple[object, ...]:
        timings = row.about.timings
        return (
            self._model,
            row.about.conversation_id,
            row.about.turn_index,
            self._strategy,
            self._rate,
            self._concurrency,
            None if timings is None else timings.token_iterations,
            self._window.holds(when),
            since(arrival, when.visible),
        )


def _timing(row: Row, when: Moments, status: str) -> tuple[str, np.ndarray | None]:
    """How good the times are, and the empty list of chunks where nothing was delivered."""
    if when.first is not None:
        return "first_last", None
    silent = not row.has_output and not row.output_tokens and not iterations(row)
    if status != "ok" and silent:
        return "chunk", np.zeros(0, dtype=np.int64)
    return "none", None


def _last(when: Moments) -> int | None:
    """The last token's time: not before the first's, though the clock may be set back meanwhile."""
    if when.first is None or when.last is None:
        return when.last
    return max(when.first, when.last)


def _end(arrival: int | None, when: Moments) -> int | None:
    """When the request ended; ``None`` where it was given up before it was due."""
    found = since(arrival, when.end)
    return None if found is not None and found < 0 and when.sent is None else found


def _error(error: str | None) -> str | None:
    """The first line of the error: the lines after it say where to read on."""
    lines = (error or "").strip().splitlines()
    return one_line(lines[0]) if lines else None
