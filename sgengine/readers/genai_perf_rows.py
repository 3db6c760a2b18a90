"""One request of perf_analyzer's profile_export.json, typed, and the row of DELIVERIES it makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.readers import sse
from sgengine.readers.base import Partition
from sgengine.readers.faults import one_line
from sgengine.readers.json_document import decoded
from sgengine.readers.request_rows import BadValueError, Dimension, RequestRow
from sgengine.readers.seconds import TooLongError
from sgengine.readers.typed import Int64

DIMENSIONS = (
    Dimension("model", pa.string()),
    Dimension("session_id", pa.string()),
    Dimension("request_rate", pa.float64()),
    Dimension("concurrency", pa.int64()),
    Dimension("sequence_id", pa.int64()),
    Dimension("in_window", pa.bool_()),
    Dimension("reasoning_tokens", pa.int32()),
    Dimension("ttft_visible_ns", pa.int64()),
)

_ABSENT = msgspec.Raw(b"null")
_NOTHING = (b"null", b'""', b"[]")
_SPAN_MAX = 2**62


class _Inputs(msgspec.Struct, gc=False):
    session_id: str | int | None = None


class _Output(msgspec.Struct, gc=False):
    """What a response brought, by kind of service."""

    response: str | None = None
    text_output: msgspec.Raw = _ABSENT
    output_ids: msgspec.Raw = _ABSENT

    @property
    def has_tensor(self) -> bool:
        """Whether a Triton server's output holds anything."""
        return any(bytes(raw) not in _NOTHING for raw in (self.text_output, self.output_ids))


class Row(msgspec.Struct, gc=False):
    """One request; times in ns since the epoch. The payload is passed over."""

    timestamp: Int64
    response_timestamps: list[Int64]
    response_outputs: list[_Output]
    sequence_id: Int64 | None = None
    request_inputs: _Inputs | None = None


_ROW = msgspec.json.Decoder(Row)


class _Response(NamedTuple):
    """What one or, with its splinters, several callbacks brought."""

    at: int
    messages: list[sse.Message]
    is_tensor: bool = False

    @property
    def is_output(self) -> bool:
        return self.is_tensor or any(found.is_output for found in self.messages)

    @property
    def is_visible(self) -> bool:
        return self.is_tensor or any(found.visible for found in self.messages)

    @property
    def total(self) -> int | None:
        """Output tokens counted by its end."""
        known = [found.completion for found in self.messages if found.completion is not None]
        return known[-1] if known else None


class Shared:
    """What all rows of a partition share."""

    def __init__(self, partition: Partition) -> None:
        told = dict(partition.details)
        self._rate = float(told["rate"]) if "rate" in told else None
        self._concurrency = int(told["concurrency"]) if "concurrency" in told else None
        self._window = (
            (int(told["window_start"]), int(told["window_end"])) if "window_start" in told else None
        )

    def row(self, text: bytes, place: int) -> RequestRow:
        """The row of a request. Raises one of ``ROW_FAULTS``."""
        found: Row = decoded(_ROW, text)
        responses = _responses(found)
        chunks = [response for response in responses if response.is_output]
        times = _since(found.timestamp, [chunk.at for chunk in chunks])
        messages = [item for response in responses for item in response.messages]
        counts = sse.counts(messages)
        ended = _since(found.timestamp, found.response_timestamps)
        visible = [int(t) for t, c in zip(times, chunks, strict=True) if c.is_visible]
        return RequestRow(
            place=place,
            timing="chunk",
            request_id=str(place - 1),
            status="ok" if chunks else "failed",
            error=None if chunks else _error(found),
            arrival_ns=found.timestamp,
            end_ns=int(ended[-1]) if len(ended) else None,
            times=times,
            tokens=sse.sizes([chunk.total for chunk in chunks]),
            input_tokens=counts.prompt,
            output_tokens=counts.completion,
            dimensions=(
                next((item.model for item in messages if item.model), None),
                _session(found),
                self._rate,
                self._concurrency,
                found.sequence_id,
                None if self._window is None else _within(self._window, found.timestamp),
                counts.reasoning,
                visible[0] if visible else None,
            ),
        )


def _within(window: tuple[int, int], moment: int) -> bool:
    return window[0] <= moment <= window[1]


def _session(row: Row) -> str | None:
    found = None if row.request_inputs is None else row.request_inputs.session_id
    return None if found is None else str(found)


def _since(sent: int, moments: Sequence[int]) -> np.ndarray:
    """Ns from the send to each moment, none before the one before it: the clock may be set back."""
    times = [moment - sent for moment in moments]
    if any(abs(time) > _SPAN_MAX for time in times):
        raise TooLongError("two times are further apart than int64 nanoseconds can hold")
    return np.maximum.accumulate(np.array(times, dtype=np.int64))


def _responses(row: Row) -> list[_Response]:
    if len(row.response_outputs) != len(row.response_timestamps):
        raise BadValueError(
            f"{len(row.response_timestamps)} response_timestamps but {len(row.response_outputs)} "
            "response_outputs; allowed is one output a time"
        )
    joined: list[tuple[int, list[str], bool]] = []
    for at, output in zip(row.response_timestamps, row.response_outputs, strict=True):
        text = output.response or ""
        if joined and _is_splinter(text, joined[-1][1]) and not output.has_tensor:
            joined[-1][1].append(text)
        else:
            joined.append((at, [text], output.has_tensor))
    return [
        _Response(at, [sse.message(data) for data in sse.events("".join(texts))], is_tensor)
        for at, texts, is_tensor in joined
    ]


def _is_splinter(text: str, before: Sequence[str]) -> bool:
    """Whether a response goes on with the event stream of the one before it."""
    return before[0].startswith("data:") and not text.startswith("data:")


def _error(row: Row) -> str | None:
    """What came instead of output."""
    texts = (output.response for output in row.response_outputs)
    return one_line(next((text for text in texts if text), "")) or None
