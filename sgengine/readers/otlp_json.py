"""The JSON of OTLP spans, typed; whatever else it holds is skipped unread.

64-bit integers are texts in this encoding, and what is null or zero may be absent.
"""

from __future__ import annotations

import msgspec

from sgengine.readers.typed import Int64

_ABSENT = msgspec.Raw(b"null")


class Attribute(msgspec.Struct, gc=False):
    """A key and its value."""

    key: str = ""
    value: msgspec.Raw = _ABSENT


class Value(msgspec.Struct, gc=False):
    """A value, of which one is there."""

    stringValue: str | None = None  # noqa: N815 - OTLP's name
    intValue: str | int | None = None  # noqa: N815
    doubleValue: float | str | None = None  # noqa: N815
    boolValue: bool | None = None  # noqa: N815
    arrayValue: msgspec.Raw = _ABSENT  # noqa: N815


class Array(msgspec.Struct, gc=False):
    """A list of values."""

    values: list[Value] = []


class Event(msgspec.Struct, gc=False):
    """An event of a span."""

    timeUnixNano: str | Int64 | None = None  # noqa: N815
    name: str = ""


class StatusJson(msgspec.Struct, gc=False):
    """How a span ended: code 0 unset, 1 ok, 2 error."""

    code: int | str | None = None
    message: str | None = None


class SpanJson(msgspec.Struct, gc=False):
    """A span."""

    traceId: str = ""  # noqa: N815
    spanId: str = ""  # noqa: N815
    parentSpanId: str | None = None  # noqa: N815
    name: str = ""
    startTimeUnixNano: str | Int64 | None = None  # noqa: N815
    endTimeUnixNano: str | Int64 | None = None  # noqa: N815
    attributes: list[Attribute] | None = None
    events: list[Event] | None = None
    droppedEventsCount: int | None = None  # noqa: N815
    status: StatusJson | None = None


class Scope(msgspec.Struct, gc=False):
    """The spans of one instrumentation."""

    spans: list[msgspec.Raw] | None = None


class Resource(msgspec.Struct, gc=False):
    """What the spans of one process have in common."""

    attributes: list[Attribute] | None = None


class ResourceSpans(msgspec.Struct, gc=False):
    """The spans of one process."""

    resource: Resource | None = None
    scopeSpans: list[Scope] | None = None  # noqa: N815


class Export(msgspec.Struct, gc=False):
    """A line: what one process or several exported together."""

    resourceSpans: list[ResourceSpans] | None = None  # noqa: N815
    resourceMetrics: msgspec.Raw = _ABSENT  # noqa: N815
    resourceLogs: msgspec.Raw = _ABSENT  # noqa: N815

    @property
    def is_other_signal(self) -> bool:
        """Whether the line holds metrics or logs."""
        return any(bytes(raw) != b"null" for raw in (self.resourceMetrics, self.resourceLogs))


EXPORT = msgspec.json.Decoder(Export)
SPAN = msgspec.json.Decoder(SpanJson)
VALUE = msgspec.json.Decoder(Value)
ARRAY = msgspec.json.Decoder(Array)
