"""OpenTelemetry spans in OTLP JSON: clients' spans with chunk events, and vLLM's server spans.

A client's span is a request, sent when it starts. Where OpenLLMetry wrote an event for each item of
the stream, those are the chunk times; else first and last time are what is known. The vLLM span of
the same request, its child or the one that names its response, gives the token counts that a
streaming client lacks. vLLM spans without a client's are requests accepted by the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from sgengine.errors import DataError, FormatError
from sgengine.readers import json_rows, otlp_rows, tables
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Reject, Source, SourcePlan
from sgengine.readers.otlp_rows import Joined
from sgengine.readers.otlp_spans import Found, Span, spans
from sgengine.readers.request_rows import ROW_FAULTS, Outcome, RequestRow, gathered, rejected
from sgengine.readers.tables import Piece

_SENT, _ACCEPTED = "sent", "accepted"


def _all_spans(path: str, run: str | None) -> Iterator[Found]:
    """Every span of the file, numbered from 1."""
    number = 1
    for line in json_rows.entries(path, json_rows.layout(path)):
        for each in spans(line, run, number):
            number += isinstance(each.result, Span) or each.result.place.startswith("span")
            yield each


class _Scan:
    """What a pass over all spans finds out."""

    def __init__(self) -> None:
        self.clients = self.servers = self.others = self.rejects = 0
        self.lost = self.unstreamed = 0
        self.first_arrival: int | None = None
        self.joined = Joined()

    def see(self, found: Span | Reject) -> None:
        """Count one span."""
        if isinstance(found, Reject):
            self.rejects += 1
            return
        self.clients += found.is_client
        self.servers += found.is_server
        self.others += not (found.is_client or found.is_server)
        if found.is_client or found.is_server:
            self.first_arrival = self.first_arrival or found.start_ns
            self.joined.see(found)
        self.lost += found.is_client and bool(found.chunks) and found.dropped > 0
        self.unstreamed += found.is_client and not found.chunks

    def notes(self, wanted: str | None) -> Iterator[str]:
        """What concerns the file as a whole."""
        alone = self.joined.lone_servers
        if wanted is None and self.clients and alone:
            yield f"{alone} vLLM spans have no client's span: requests since the server accepted them."
        if wanted == _SENT and alone:
            yield f"{alone} vLLM spans without a client's were left out: they have no sent times."
        if wanted == _ACCEPTED and self.clients:
            yield f"{self.clients} clients' spans were left out: they have no accepted times."
        if wanted != _ACCEPTED and self.unstreamed:
            yield (
                f"{self.unstreamed} of {self.clients} clients' spans have no chunk events: at most "
                "first and last time are known of them."
            )
        if wanted != _ACCEPTED and self.lost:
            yield (
                f"{self.lost} spans lost their first chunk events (droppedEventsCount): of these only "
                "the last token's time is known; raise OTEL_SPAN_EVENT_COUNT_LIMIT to keep them."
            )
        if self.others:
            yield f"{self.others} spans that are no requests for text were left out."


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """One partition, for spans of one request may be lines apart.

    Raises ``FormatError`` if no span is a request, ``DataError`` if none has the wanted arrival.
    """
    scan = _Scan()
    for found in _all_spans(source.path, None):
        scan.see(found.result)
    if scan.clients + scan.servers == 0:
        raise FormatError(
            f"{source.path} has no span of a request for generated text ({scan.others} other spans, "
            f"{scan.rejects} unreadable); give spans with gen_ai attributes"
        )
    origin = _origin(source.path, options.origin, scan)
    joins = "yes" if scan.clients and scan.servers else "no"
    details = (("wanted", options.origin or ""), ("joins", joins))
    piece = Piece(start=0, stop=Path(source.path).stat().st_size, first_row=1)
    notes = tuple(scan.notes(options.origin))
    seen = replace(options, origin=origin)
    return tables.plan_of(source, seen, (), [piece], scan.first_arrival, details, notes)


def _origin(path: str, wanted: str | None, scan: _Scan) -> str:
    offered = [_SENT] * bool(scan.clients) + [_ACCEPTED] * bool(scan.servers)
    if wanted is not None and wanted not in offered:
        raise DataError(
            f"{path} has no {wanted} times, only {' and '.join(offered)}; leave --origin out"
        )
    return wanted or offered[0]


def read(partition: Partition) -> BatchIterator:
    """The requests in the order of their spans; spans that cannot be read are rejects."""
    joined = Joined()
    if partition.detail("joins") == "yes":
        for found in _all_spans(partition.path, partition.run):
            if isinstance(found.result, Span):
                joined.see(found.result)
    choose = _chooser(partition.detail("wanted") or None, joined)
    found_rows = _outcomes(partition, choose)
    yield from gathered(partition, "span", otlp_rows.DIMENSIONS, found_rows)


def _chooser(wanted: str | None, joined: Joined) -> Callable[[Span], RequestRow | None]:
    def choose(span: Span) -> RequestRow | None:
        if span.is_client and wanted != _ACCEPTED:
            return otlp_rows.client_row(span, joined.server_of(span))
        if span.is_server and (wanted == _ACCEPTED or (wanted is None and joined.is_lone(span))):
            return otlp_rows.server_row(span)
        return None

    return choose


def _outcomes(
    partition: Partition, choose: Callable[[Span], RequestRow | None]
) -> Iterator[Outcome]:
    for found, size in _all_spans(partition.path, partition.run):
        if isinstance(found, Reject):
            yield Outcome(found, size)
            continue
        try:
            result: RequestRow | Reject | None = choose(found)
        except ROW_FAULTS as error:
            result = rejected(partition.run, f"span {found.number}", error)
        yield Outcome(result, size)
