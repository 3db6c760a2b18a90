"""LiteLLM: rows of the table LiteLLM_SpendLogs, and StandardLoggingPayload objects.

JSON Lines or one array. Times are ISO texts or epoch seconds. ``completionStartTime`` is the moment of
the first token, and equals ``endTime`` where the response was not streamed: then the first token's
time is unknown.
"""

from __future__ import annotations

import msgspec
import pyarrow as pa

from sgengine.errors import FormatError
from sgengine.readers import json_rows, tables
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.faults import one_line
from sgengine.readers.json_lines import Line
from sgengine.readers.request_rows import (
    ROW_FAULTS,
    BadValueError,
    Dimension,
    RequestRow,
    ends,
    gathered,
    since,
    tokens,
)
from sgengine.readers.timestamps import is_naive, json_moment
from sgengine.readers.typed import Int64

_ABSENT = msgspec.Raw(b"null")

_NO_GENERATION = (
    "embedding",
    "image",
    "moderation",
    "rerank",
    "speech",
    "transcription",
    "vector_store",
)
"""Parts of the names of calls that generate no text."""

DIMENSIONS = (
    *(
        Dimension(name, pa.string())
        for name in ("model", "tenant", "session_id", "user", "call_type", "model_group")
    ),
    Dimension("is_streaming", pa.bool_()),
    Dimension("cache_hit", pa.string()),
)


class _ErrorInformation(msgspec.Struct, gc=False):
    error_code: str | int | None = None
    error_class: str | None = None
    error_message: str | None = None


class Entry(msgspec.Struct, gc=False):
    """One logged call; everything else in it, above all messages and response, is passed over."""

    request_id: str | None = None
    id: str | None = None
    call_type: str | None = None
    startTime: msgspec.Raw = _ABSENT  # noqa: N815 - LiteLLM's name
    endTime: msgspec.Raw = _ABSENT  # noqa: N815
    completionStartTime: msgspec.Raw = _ABSENT  # noqa: N815
    prompt_tokens: Int64 | None = None
    completion_tokens: Int64 | None = None
    status: str | None = None
    stream: bool | None = None
    error_str: str | None = None
    error_information: _ErrorInformation | None = None
    model: str | None = None
    model_group: str | None = None
    session_id: str | None = None
    trace_id: str | None = None
    team_id: str | None = None
    end_user: str | None = None
    user: str | None = None
    cache_hit: str | bool | None = None

    @property
    def is_generation(self) -> bool:
        """Whether the call was to generate text."""
        return not any(part in (self.call_type or "") for part in _NO_GENERATION)


_DECODER = msgspec.json.Decoder(Entry)


class _Scan:
    """What a pass over all rows finds out."""

    def __init__(self) -> None:
        self.generations = self.others = self.untimed = 0
        self.first_arrival: int | None = None
        self.has_naive = False
        self.first_error = "it has no rows"

    def see(self, line: Line) -> None:
        """Count one row."""
        try:
            entry = _DECODER.decode(line.text)
            if not entry.is_generation:
                self.others += 1
                return
            found = row(entry, line.number)
        except ROW_FAULTS as error:
            self.first_error = one_line(error, 120) if self.generations == 0 else self.first_error
            return
        self.generations += 1
        self.untimed += found.ttft_ns is None and found.output_tokens != 0
        self.has_naive = self.has_naive or _is_naive(entry.startTime)
        self.first_arrival = found.arrival_ns if self.first_arrival is None else self.first_arrival

    def notes(self) -> tuple[str, ...]:
        """What concerns the file as a whole."""
        found = []
        if self.untimed:
            found.append(
                f"{self.untimed} of {self.generations} requests were not streamed or have no "
                "completionStartTime: their first token's time is unknown."
            )
        if self.others:
            found.append(f"{self.others} calls that generate no text were left out.")
        if self.has_naive:
            found.append("Times without a zone were taken for UTC.")
        return tuple(found)


def _is_naive(raw: msgspec.Raw) -> bool:
    text = bytes(raw)
    return text[:1] == b'"' and is_naive(msgspec.json.decode(text, type=str))


def row(entry: Entry, place: int) -> RequestRow:
    """The row of a call. Raises one of ``ROW_FAULTS``."""
    start, end = json_moment(entry.startTime), json_moment(entry.endTime)
    if start is None:
        raise BadValueError("no startTime, which is when the request was sent")
    if (entry.call_type, entry.prompt_tokens, entry.completion_tokens) == (None, None, None):
        raise BadValueError("neither call_type nor token counts")
    output = tokens("completion_tokens", entry.completion_tokens)
    how = status(entry, end)
    took = since(start, end)
    found = ends(output, _ttft(entry, start, end), took if how == "ok" else None)
    return RequestRow(
        place=place,
        timing="first_last",
        request_id=entry.request_id or entry.id or str(place),
        status=how,
        error=_error(entry),
        arrival_ns=start,
        end_ns=took,
        input_tokens=tokens("prompt_tokens", entry.prompt_tokens),
        output_tokens=output,
        ttft_ns=found.ttft_ns,
        last_ns=found.last_ns,
        dimensions=_dimensions(entry),
    )


def _ttft(entry: Entry, start: int, end: int | None) -> int | None:
    first = json_moment(entry.completionStartTime)
    if first is None or entry.stream is False or first == end:
        return None
    return first - start


def status(entry: Entry, end: int | None) -> str:
    """How the call ended; a text that LiteLLM does not write is left for the rules to refuse."""
    if entry.status == "failure":
        return _failure(entry.error_information or _ErrorInformation())
    if entry.status in (None, "success"):
        return "incomplete" if end is None else "ok"
    return str(entry.status)


def _failure(about: _ErrorInformation) -> str:
    code, kind = str(about.error_code or ""), (about.error_class or "").lower()
    if code in ("408", "504") or "timeout" in kind:
        return "timeout"
    if code == "429" or "ratelimit" in kind:
        return "rejected"
    return "cancelled" if code == "499" or "cancel" in kind else "failed"


def _error(entry: Entry) -> str | None:
    about = entry.error_information or _ErrorInformation()
    return one_line(entry.error_str or about.error_message or about.error_class or "") or None


def _dimensions(entry: Entry) -> tuple[object, ...]:
    return (
        entry.model,
        entry.team_id,
        entry.session_id or entry.trace_id,
        entry.end_user or entry.user,
        entry.call_type,
        entry.model_group,
        entry.stream,
        None if entry.cache_hit is None else str(entry.cache_hit).lower(),
    )


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """Ranges of lines, or the whole array. Raises ``FormatError`` if no row is a logged call."""
    scan = _Scan()
    shape = json_rows.layout(source.path)
    pieces = json_rows.cut(source.path, shape, scan.see)
    if scan.generations + scan.others == 0:
        raise FormatError(
            f"{source.path} has no row that is a call logged by LiteLLM: {scan.first_error}; give "
            "LiteLLM_SpendLogs rows or StandardLoggingPayload objects"
        )
    details = (("layout", shape),)
    return tables.plan_of(source, options, (), pieces, scan.first_arrival, details, scan.notes())


def read(partition: Partition) -> BatchIterator:
    """The calls that generate text, in order; damaged rows are rejects."""
    shape = partition.detail("layout") or json_rows.LINES
    found = json_rows.outcomes(partition, shape, _made)
    yield from gathered(partition, json_rows.WORDS[shape], DIMENSIONS, found)


def _made(line: Line) -> RequestRow | None:
    entry = _DECODER.decode(line.text)
    return row(entry, line.number) if entry.is_generation else None
