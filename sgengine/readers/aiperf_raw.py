"""AIPerf's profile_export_raw.jsonl: every message of every reply, with the time of its read.

A message with output (text, reasoning, a tool call) is a chunk, as in profile_export.jsonl, whose times
these equal; role, usage and ``[DONE]`` are none. Messages of one read have equal times. Replies that
broke off keep their chunks here, and only here. Where every message counts the tokens so far, the size
of each chunk is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.errors import FormatError
from sgengine.readers import aiperf, aiperf_rows, sse
from sgengine.readers.aiperf_rows import Record, WrongValueError
from sgengine.readers.aiperf_summary import summary
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Reject, Source, SourcePlan
from sgengine.readers.json_lines import REFUSALS, Line, lines
from sgengine.readers.request_rows import (
    ROW_FAULTS,
    Dimension,
    Outcome,
    RequestRow,
    gathered,
    rejected,
)
from sgengine.readers.seconds import TooLongError
from sgengine.readers.typed import Int64

DIMENSIONS = (
    Dimension("session_id", pa.string()),
    Dimension("turn", pa.int32()),
    Dimension("model", pa.string()),
    Dimension("worker_id", pa.string()),
    Dimension("reasoning_tokens", pa.int32()),
    Dimension("ttft_visible_ns", pa.int64()),
)

_USUAL = "profile_export_raw.jsonl"
_SPAN_MAX = 2**62
_WARMUP = "the line's phase is warmup"


class _Packet(msgspec.Struct, gc=False):
    """One field of an event; only those named data hold output."""

    name: str | None = None
    value: str | None = None


class _Response(msgspec.Struct, gc=False):
    """One event, or the whole text of a reply that was not streamed."""

    perf_ns: Int64
    packets: list[_Packet] | None = None
    text: str | None = None

    @property
    def data(self) -> str:
        """What the server sent."""
        if self.packets is None:
            return self.text or ""
        return "\n".join(item.value or "" for item in self.packets if item.name == "data")


class RawRecord(Record, gc=False):
    """One line; payload and headers are passed over."""

    start_perf_ns: Int64 | None = None
    responses: list[_Response] | None = None


_DECODER = msgspec.json.Decoder(RawRecord)


class _Marked(msgspec.Struct, gc=False):
    """What tells a line of this export from one of the other: it has responses."""

    responses: msgspec.Raw


def _is_raw(path: str) -> bool:
    """Whether any line has responses; the first that can be read usually does."""
    decoder = msgspec.json.Decoder(_Marked)
    for line in lines(path):
        try:
            decoder.decode(line.text)
        except REFUSALS:
            continue
        return True
    return False


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Ranges of lines. The summary is the one beside profile_export.jsonl.

    Raises ``FormatError`` if no line has responses.
    """
    path = Path(source.path)
    if not _is_raw(source.path):
        raise FormatError(
            f"{source.path} has no line with responses, as AIPerf's raw export has; give a complete "
            f"{_USUAL}"
        )
    stem = path.stem.removesuffix("_raw")
    return aiperf.plan_of(source, options, summary(str(path.with_name(f"{stem}.jsonl"))), _USUAL)


def read(partition: Partition) -> BatchIterator:
    """The measured lines of the range, in order; warm-up and damaged lines are rejects."""
    yield from gathered(partition, "line", DIMENSIONS, _outcomes(partition))


def _outcomes(partition: Partition) -> Iterator[Outcome]:
    model = partition.detail("model")
    for line in lines(partition.path, partition.start, partition.stop, partition.first_row):
        place = f"line {line.number}"
        try:
            result = _made(line, partition.origin, model)
        except (*ROW_FAULTS, WrongValueError) as error:
            result = rejected(partition.run, place, error)
        if result is None:
            result = Reject(
                run=partition.run, place=place, reason="warmup", count=1, detail=_WARMUP
            )
        yield Outcome(result, len(line.text))


def _made(line: Line, origin: str, model: str | None) -> RequestRow | Reject | None:
    """The row of a line; ``None`` for one of the warm-up."""
    record = _DECODER.decode(line.text)
    return None if record.metadata.is_warmup else row(record, line.number, origin, model)


class _Chunk(NamedTuple):
    """One message with output."""

    at: int
    message: sse.Message


def row(record: RawRecord, place: int, origin: str, model: str | None) -> RequestRow:
    """The row of a line. Raises one of ``ROW_FAULTS`` or ``WrongValueError``."""
    about = record.metadata
    arrival = about.credit_issued_ns if origin == "scheduled" else about.start_ns
    arrived = [_Chunk(found.perf_ns, sse.message(found.data)) for found in record.responses or ()]
    chunks = [chunk for chunk in arrived if chunk.message.is_output]
    messages = [chunk.message for chunk in arrived]
    counts = sse.counts(messages)
    status = aiperf_rows.status(record)
    times = _times(record, chunks, arrival)
    is_unknown = status == "ok" and not chunks
    visible = [int(at) for at, chunk in zip(times, chunks, strict=True) if chunk.message.visible]
    return RequestRow(
        place=place,
        timing="none" if is_unknown else "chunk",
        request_id=about.x_request_id or str(place),
        status=status,
        error=aiperf_rows.error_text(record),
        arrival_ns=arrival,
        end_ns=_between(arrival, about.request_end_ns),
        times=None if is_unknown else times,
        tokens=_sizes(chunks, counts.completion),
        input_tokens=counts.prompt,
        output_tokens=counts.completion,
        dimensions=(
            about.conversation_id,
            about.turn_index,
            model or next((item.model for item in messages if item.model), None),
            about.worker_id,
            counts.reasoning,
            visible[0] if visible else None,
        ),
    )


def _times(record: RawRecord, chunks: list[_Chunk], arrival: int | None) -> np.ndarray:
    """Times of the chunks since arrival: the reads count from the send, on another clock."""
    if not chunks:
        return np.zeros(0, dtype=np.int64)
    start, sent = record.start_perf_ns, record.metadata.start_ns
    if start is None:
        raise WrongValueError("no start_perf_ns, which the chunk times count from")
    if sent is None and arrival is not None:
        raise WrongValueError("no request_start_ns, which the chunk times count from")
    delay = _between(arrival, sent) or 0
    return np.array([_checked(chunk.at - start + delay) for chunk in chunks], dtype=np.int64)


def _between(begin: int | None, end: int | None) -> int | None:
    return None if begin is None or end is None else _checked(end - begin)


def _checked(span: int) -> int:
    if abs(span) > _SPAN_MAX:
        raise TooLongError(f"{span} ns between two times is beyond int64 nanoseconds")
    return span


def _sizes(chunks: list[_Chunk], output: int | None) -> np.ndarray | None:
    """Tokens of each chunk as the server counted them, else as for profile_export.jsonl."""
    counted = sse.sizes([chunk.message.completion for chunk in chunks])
    return aiperf_rows.sizes(len(chunks), output) if counted is None else counted
