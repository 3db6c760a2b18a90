"""The rows that OpenTelemetry spans make, and which vLLM span belongs to which client's span."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sgengine.readers.faults import one_line
from sgengine.readers.otlp_spans import (
    FIRST_CHUNK,
    OPERATION,
    SERVER_E2E,
    SERVER_QUEUE,
    SERVER_TTFT,
    Span,
)
from sgengine.readers.request_rows import ROW_FAULTS, Dimension, RequestRow, ends, since, tokens
from sgengine.readers.seconds import NANOS, nanoseconds

_MOST_ROLE = 3
_MOST_PLAIN = 2
"""Items of a stream without tokens: role (chat only), finish reason, usage."""

DIMENSIONS = (
    *(
        Dimension(name, pa.string())
        for name in ("model", "session_id", "user", "provider", "service", "finish_reason")
    ),
    Dimension("trace_id", pa.string()),
    Dimension("is_streaming", pa.bool_()),
    Dimension("reasoning_tokens", pa.int32()),
    Dimension("server_ttft_ns", pa.int64()),
    Dimension("server_e2e_ns", pa.int64()),
    Dimension("server_queue_ns", pa.int64()),
)


class Server(NamedTuple):
    """What a vLLM span says of its request; times in ns since the server accepted it."""

    input_tokens: int | None
    output_tokens: int | None
    ttft_ns: int | None
    e2e_ns: int | None
    queue_ns: int | None


_NO_SERVER = Server(None, None, None, None, None)


def server_of(span: Span) -> Server:
    """What a vLLM span says. Raises one of ``ROW_FAULTS``."""
    return Server(
        input_tokens=_input(span),
        output_tokens=_output(span),
        ttft_ns=_duration(span, SERVER_TTFT),
        e2e_ns=_duration(span, SERVER_E2E),
        queue_ns=_duration(span, SERVER_QUEUE),
    )


class Joined:
    """Which spans belong together: by the response's id, else by parent within a trace."""

    def __init__(self) -> None:
        self._servers: list[tuple[str, str, str]] = []
        self._by_parent: dict[tuple[str, str], Server] = {}
        self._by_id: dict[str, Server] = {}
        self._clients: set[tuple[str, str]] = set()
        self._responses: set[str] = set()

    def see(self, span: Span) -> None:
        """Take note of a span."""
        if span.is_server:
            self._see_server(span)
        elif span.is_client:
            self._clients.add((span.trace_id, span.span_id))
            self._responses.add(span.text("gen_ai.response.id") or "")

    def _see_server(self, span: Span) -> None:
        try:
            server = server_of(span)
        except ROW_FAULTS:
            return  # its own row, if it has one, says what is wrong
        name = span.text("gen_ai.request.id") or ""
        self._servers.append((span.trace_id, span.parent_id, name))
        self._by_parent[span.trace_id, span.parent_id] = server
        self._by_id[name] = server

    def server_of(self, client: Span) -> Server:
        """What the vLLM span of a client's request says; all ``None`` if there is no such span."""
        name = client.text("gen_ai.response.id")
        found = self._by_id.get(name) if name else None
        if found is None and client.span_id:
            found = self._by_parent.get((client.trace_id, client.span_id))
        return found or _NO_SERVER

    def is_lone(self, span: Span) -> bool:
        """Whether no client's span belongs to this vLLM span."""
        name = span.text("gen_ai.request.id") or ""
        return self._is_lone(span.trace_id, span.parent_id, name)

    def _is_lone(self, trace: str, parent: str, name: str) -> bool:
        is_child = bool(parent) and (trace, parent) in self._clients
        return not is_child and not (name and name in self._responses)

    @property
    def lone_servers(self) -> int:
        """How many vLLM spans have no client's span."""
        return sum(self._is_lone(*keys) for keys in self._servers)


def client_row(span: Span, server: Server) -> RequestRow:
    """The row of a client's span and what the vLLM span of the same request says.

    Chunk events are chunk times, unless the first of them were dropped: then the last one is the last
    token's time and the first token's is unknown, if no attribute tells it.
    """
    output = _output(span) if _output(span) is not None else server.output_tokens
    has_all = bool(span.chunks) and not span.dropped
    times = np.array(span.chunks, dtype=np.int64) - span.start_ns if has_all else None
    found = ends(output, _duration(span, FIRST_CHUNK), _last(span))
    return RequestRow(
        place=span.number,
        timing="first_last" if times is None else "chunk",
        request_id=span.text("gen_ai.response.id") or span.span_id or str(span.number),
        origin="sent",
        status=status(span),
        error=_error(span),
        arrival_ns=span.start_ns,
        end_ns=since(span.start_ns, span.end_ns),
        times=times,
        tokens=None if times is None else sizes(len(times), output, _is_chat(span)),
        input_tokens=_input(span) if _input(span) is not None else server.input_tokens,
        output_tokens=output,
        ttft_ns=found.ttft_ns if times is None else None,
        last_ns=found.last_ns if times is None else None,
        dimensions=_dimensions(span, server),
    )


def server_row(span: Span) -> RequestRow:
    """The row of a vLLM span: first and last token's times since the server accepted the request."""
    about = server_of(span)
    found = ends(about.output_tokens, about.ttft_ns, about.e2e_ns)
    return RequestRow(
        place=span.number,
        timing="first_last",
        request_id=span.text("gen_ai.request.id") or span.span_id or str(span.number),
        origin="accepted",
        status=status(span),
        error=_error(span),
        arrival_ns=span.start_ns,
        end_ns=since(span.start_ns, span.end_ns),
        input_tokens=about.input_tokens,
        output_tokens=about.output_tokens,
        ttft_ns=found.ttft_ns,
        last_ns=found.last_ns,
        dimensions=_dimensions(span, about),
    )


def sizes(chunks: int, output: int | None, is_chat: bool) -> np.ndarray | None:
    """Tokens of each item of a stream where its items without tokens can be told, else ``None``.

    A chat begins with the role, an item of its own that comes with the first token: it holds token 1
    and the next item none, as in vLLM's client. Finish reason and usage come last.
    """
    if output is None or output < 1 or chunks == output:
        return None
    surplus = chunks - output
    if not 0 < surplus <= (_MOST_ROLE if is_chat else _MOST_PLAIN):
        return None
    found = np.ones(chunks, dtype=np.int32)
    found[1:2] = 0 if is_chat else 1
    behind = surplus - is_chat
    found[chunks - behind :] = 0
    return found


def status(span: Span) -> str:
    """How the request ended, from the status and ``error.type``."""
    kind = (span.text("error.type") or "").lower()
    if not span.has_error and not kind:
        return "ok" if span.end_ns is not None else "incomplete"
    if "timeout" in kind or kind in ("408", "504"):
        return "timeout"
    if "ratelimit" in kind.replace("_", "") or kind == "429":
        return "rejected"
    return "cancelled" if "cancel" in kind or kind == "499" else "failed"


def _error(span: Span) -> str | None:
    parts = (span.text("error.type"), span.message if span.has_error else None)
    return one_line(": ".join(part for part in parts if part)) or None


def _last(span: Span) -> int | None:
    """The last token's time: the last event's, else the end of a span that went well."""
    if span.chunks:
        return span.chunks[-1] - span.start_ns
    return since(span.start_ns, span.end_ns) if status(span) == "ok" else None


def _is_chat(span: Span) -> bool:
    return span.text(OPERATION, "llm.request.type") == "chat"


def _input(span: Span) -> int | None:
    return tokens(
        "input_tokens", span.whole("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")
    )


def _output(span: Span) -> int | None:
    return tokens(
        "output_tokens", span.whole("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")
    )


def _duration(span: Span, name: str) -> int | None:
    seconds = span.seconds(name)
    return None if seconds is None else nanoseconds(seconds, NANOS)


def _dimensions(span: Span, server: Server) -> tuple[object, ...]:
    reasoning = ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens")
    return (
        span.text("gen_ai.response.model", "gen_ai.request.model"),
        span.text("session.id", "gen_ai.conversation.id"),
        span.text("user.id", "enduser.id"),
        span.text("gen_ai.provider.name", "gen_ai.system"),
        span.text("service.name"),
        span.text("gen_ai.response.finish_reasons"),
        span.trace_id or None,
        span.flag("gen_ai.is_streaming", "llm.is_streaming"),
        tokens("reasoning_tokens", span.whole(*reasoning)),
        server.ttft_ns,
        server.e2e_ns,
        server.queue_ns,
    )
