"""Spans of OTLP JSON, as the collector's file exporter writes them, typed; texts of prompts skipped.

A line holds many spans under resources and scopes. 64-bit integers are texts in this encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from sgengine.readers.base import Reject
from sgengine.readers.faults import one_line
from sgengine.readers.json_lines import REFUSALS, Line
from sgengine.readers.otlp_json import (
    ARRAY,
    EXPORT,
    SPAN,
    VALUE,
    Attribute,
    Event,
    Export,
    SpanJson,
    StatusJson,
    Value,
)
from sgengine.readers.request_rows import ROW_FAULTS, BadValueError, rejected

CHUNK_EVENT = "gen_ai.content.completion.chunk"
"""OpenLLMetry writes one such event for each item of a stream: role, tokens, usage."""

SERVER_TTFT = "gen_ai.latency.time_to_first_token"
SERVER_E2E = "gen_ai.latency.e2e"
SERVER_QUEUE = "gen_ai.latency.time_in_queue"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
OPERATION = "gen_ai.operation.name"

GENERATES = ("chat", "completion", "text_completion", "generate_content")
"""Operations that generate text; an agent's, a tool's and an embedding's span are no requests."""

_INT64_MAX = 2**63 - 1
_WANTED = frozenset(
    {
        "enduser.id",
        "error.type",
        FIRST_CHUNK,
        OPERATION,
        "gen_ai.conversation.id",
        "gen_ai.is_streaming",
        "gen_ai.provider.name",
        "gen_ai.request.id",
        "gen_ai.request.model",
        "gen_ai.response.finish_reasons",
        "gen_ai.response.id",
        "gen_ai.response.model",
        "gen_ai.system",
        "gen_ai.usage.completion_tokens",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.prompt_tokens",
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        SERVER_E2E,
        SERVER_QUEUE,
        SERVER_TTFT,
        "llm.is_streaming",
        "llm.request.type",
        "service.name",
        "session.id",
        "user.id",
    }
)

Scalar = str | int | float | bool


class Span(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One span: ids, times in ns since the epoch, the attributes that are used, times of chunk events.

    ``dropped`` events are missing: the SDK keeps the newest.
    """

    number: int
    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start_ns: int
    end_ns: int | None
    attributes: dict[str, Scalar]
    chunks: tuple[int, ...]
    dropped: int
    has_error: bool
    message: str

    @property
    def is_server(self) -> bool:
        """Whether a vLLM server wrote this span of one request."""
        return SERVER_TTFT in self.attributes or SERVER_E2E in self.attributes

    @property
    def is_client(self) -> bool:
        """Whether this is a client's request for generated text."""
        if self.is_server:
            return False
        kind = self.text(OPERATION, "llm.request.type")
        if kind is not None:
            return kind in GENERATES
        usage = self.whole("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
        return bool(self.chunks) or (
            usage is not None and self.text("gen_ai.response.id") is not None
        )

    def text(self, *names: str) -> str | None:
        """The first of these attributes that is there, as text."""
        value = self._first(names)
        return None if value is None else str(value)

    def whole(self, *names: str) -> int | None:
        """The first of these attributes that is there. Raises ``BadValueError`` unless whole."""
        value = self._first(names)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise BadValueError(f"{names[0]} is {one_line(value, 40)}, allowed is a whole number")

    def seconds(self, name: str) -> float | None:
        """An attribute in seconds. Raises ``BadValueError`` unless it is a number."""
        value = self.attributes.get(name)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        raise BadValueError(f"{name} is {one_line(value, 40)}, allowed is a number of seconds")

    def flag(self, *names: str) -> bool | None:
        """The first of these attributes that is true or false."""
        value = self._first(names)
        return value if isinstance(value, bool) else None

    def _first(self, names: tuple[str, ...]) -> Scalar | None:
        return next((self.attributes[name] for name in names if name in self.attributes), None)


class Found(NamedTuple):
    """What a place of the file holds: a span, or the reject for what cannot be read."""

    result: Span | Reject
    size: int


def spans(line: Line, run: str | None, number: int) -> Iterator[Found]:
    """The spans of a line, numbered from ``number``.

    A span that cannot be read is a reject of its own; a line that cannot be read is one reject.
    """
    try:
        export = EXPORT.decode(line.text)
        if export.resourceSpans is None and not export.is_other_signal:
            raise BadValueError("no resourceSpans in the line")
    except ROW_FAULTS as error:
        reject = rejected(run, f"line {line.number}", error)
        yield Found(reject, len(line.text))
        return
    for resource, raw in _raw_spans(export):
        try:
            made: Span | Reject = _span(SPAN.decode(raw), number, resource)
        except ROW_FAULTS as error:
            made = rejected(run, f"span {number}", error)
        yield Found(made, len(memoryview(raw)))
        number += 1


def _raw_spans(export: Export) -> Iterator[tuple[dict[str, Scalar], msgspec.Raw]]:
    for group in export.resourceSpans or ():
        about = _attributes(group.resource.attributes if group.resource else None)
        for scope in group.scopeSpans or ():
            for raw in scope.spans or ():
                yield about, raw


def _span(raw: SpanJson, number: int, resource: dict[str, Scalar]) -> Span:
    start = _nanos("startTimeUnixNano", raw.startTimeUnixNano)
    if start is None:
        raise BadValueError("no startTimeUnixNano, which is when the request began")
    status = raw.status or StatusJson()
    chunks = [event for event in raw.events or () if event.name == CHUNK_EVENT]
    return Span(
        number=number,
        trace_id=raw.traceId,
        span_id=raw.spanId,
        parent_id=raw.parentSpanId or "",
        name=raw.name,
        start_ns=start,
        end_ns=_nanos("endTimeUnixNano", raw.endTimeUnixNano),
        attributes=resource | _attributes(raw.attributes),
        chunks=tuple(_event_time(event) for event in chunks),
        dropped=raw.droppedEventsCount or 0,
        has_error=status.code in (2, "2", "STATUS_CODE_ERROR"),
        message=status.message or "",
    )


def _event_time(event: Event) -> int:
    found = _nanos("timeUnixNano", event.timeUnixNano)
    if found is None:
        raise BadValueError("a chunk event has no timeUnixNano")
    return found


def _nanos(name: str, value: str | int | None) -> int | None:
    """Ns since the epoch; 0 is what protobuf writes for none."""
    if value is None or value in ("", "0", 0):
        return None
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 20) or int(text) > _INT64_MAX:
        raise BadValueError(f"{name} is {one_line(text, 40)!r}, allowed are whole ns since 1970")
    return int(text)


def _attributes(given: list[Attribute] | None) -> dict[str, Scalar]:
    """Those that are used; one that cannot be read is as good as absent."""
    found: dict[str, Scalar] = {}
    for attribute in given or ():
        value = _scalar(attribute.value) if attribute.key in _WANTED else None
        if value is not None:
            found[attribute.key] = value
    return found


def _scalar(raw: msgspec.Raw) -> Scalar | None:
    """A value; of an array its first entry."""
    try:
        value = VALUE.decode(raw)
        if bytes(value.arrayValue) != b"null":
            value = next(iter(ARRAY.decode(value.arrayValue).values), Value())
    except REFUSALS:
        return None
    return _plain(value)


def _plain(value: Value) -> Scalar | None:
    whole = value.intValue
    if isinstance(whole, str):
        digits = whole.removeprefix("-")
        whole = int(whole) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None
    known = (value.stringValue, whole, value.doubleValue, value.boolValue)
    return next((each for each in known if each is not None), None)
