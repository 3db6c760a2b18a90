"""One row of inference-perf's array, typed, and the row of DELIVERIES it makes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby, pairwise

import msgspec
import numpy as np

from sgengine.readers import sse
from sgengine.readers.faults import one_line
from sgengine.readers.json_document import decoded
from sgengine.readers.request_rows import RequestRow
from sgengine.readers.request_rows import tokens as fitting
from sgengine.readers.timestamps import number_ns
from sgengine.readers.typed import Int32

_ABSENT = msgspec.Raw(b"null")

# The client writes the model first in the request; to look further would be to search the prompt.
_MODEL = re.compile(rb'"\{\s*\\"model\\":\s*\\"([^"\\]{1,200})\\"')


class _Text(msgspec.Struct, gc=False):
    input_tokens: Int32 | None = None


class _RequestMetrics(msgspec.Struct, gc=False):
    text: _Text | None = None


class _ResponseMetrics(msgspec.Struct, gc=False):
    output_tokens: Int32 | None = None
    server_usage: sse.Usage | None = None
    response_chunks: list[msgspec.Raw] | None = None
    chunk_times: list[Decimal] | None = None
    output_token_times: list[Decimal] | None = None


class _Info(_ResponseMetrics, gc=False):
    """In files of 2025 what is known of the response stands here."""

    request_metrics: _RequestMetrics | None = None
    response_metrics: _ResponseMetrics | None = None
    input_tokens: Int32 | None = None
    lora_adapter: str | None = None
    labels: dict[str, msgspec.Raw] | None = None


class Error(msgspec.Struct, gc=False):
    """Why a request failed."""

    error_type: str | None = None
    error_msg: str | None = None


class Row(msgspec.Struct, gc=False):
    """One request; ``request`` and ``response`` are passed over."""

    start_time: Decimal
    end_time: Decimal | None = None
    info: _Info | None = None
    error: Error | None = None
    request: msgspec.Raw = _ABSENT
    response: msgspec.Raw = _ABSENT


_ROW = msgspec.json.Decoder(Row)


def row(text: bytes, place: int, labels: Sequence[str] = ()) -> RequestRow:
    """The row of a request. Raises one of ``ROW_FAULTS``."""
    found: Row = decoded(_ROW, text)
    info = found.info or _Info()
    response = info.response_metrics or info
    start = number_ns(found.start_time, "s")
    listed, repeated = _moments(response)
    times = _times(found, response, listed, start)
    return RequestRow(
        place=place,
        timing="none" if times is None else "chunk",
        request_id=str(place - 1),
        status=_status(found.error),
        error=_error(found.error),
        arrival_ns=start,
        end_ns=None if found.end_time is None else number_ns(found.end_time, "s") - start,
        times=times,
        tokens=_sizes(response, listed, repeated),
        input_tokens=_input(info, response),
        output_tokens=_output(response),
        dimensions=(
            _model(found.request),
            info.lora_adapter,
            *(_label((info.labels or {}).get(name)) for name in labels),
        ),
    )


def _status(error: Error | None) -> str:
    if error is None:
        return "ok"
    return "timeout" if "timeout" in (error.error_type or "").lower() else "failed"


def _error(error: Error | None) -> str | None:
    if error is None:
        return None
    parts = [part for part in (error.error_type, error.error_msg) if part]
    return one_line(": ".join(parts)) or None


def _moments(response: _ResponseMetrics) -> tuple[list[int] | None, list[int]]:
    """When each chunk came (ns; ``None``: unknown), and the same for each token the client counted."""
    tokens = [number_ns(time, "s") for time in response.output_token_times or ()]
    if response.chunk_times is not None:
        return [number_ns(time, "s") for time in response.chunk_times], tokens
    if response.output_token_times is None:
        return None, tokens
    return [time for time, _ in groupby(tokens)], tokens


def _times(
    row: Row, response: _ResponseMetrics, listed: Sequence[int] | None, start: int
) -> np.ndarray | None:
    """Chunk times since the send; ``None`` where there was output and its times are not known.

    A refused request delivered nothing. Of one that broke off the client keeps the bytes, not the times.
    """
    if listed:
        return np.array([time - start for time in listed], dtype=np.int64)
    if row.error is None:
        is_silent = response.output_tokens == 0
    else:
        is_refused = (row.error.error_type or "").startswith("HTTP")
        is_silent = is_refused or bytes(row.response) in (b"null", b'""')
    return np.zeros(0, dtype=np.int64) if is_silent else None


def _sizes(
    response: _ResponseMetrics, listed: Sequence[int] | None, repeated: Sequence[int]
) -> np.ndarray | None:
    """Tokens of each chunk: as the server counted them, else as the client's tokenizer did."""
    if not listed:
        return None
    counted = _counted_sizes(response.response_chunks or (), len(listed))
    return _repeated_sizes(listed, repeated) if counted is None else counted


def _counted_sizes(messages: Sequence[msgspec.Raw], chunks: int) -> np.ndarray | None:
    """Differences of the usage in the chunks, where each of them has it."""
    if not messages or b"usage" not in bytes(messages[0]):
        return None
    found = [sse.message(_data(raw)) for raw in messages]
    if len(found) != chunks:
        found = [item for item in found if item.is_output]
    return sse.sizes([item.completion for item in found]) if len(found) == chunks else None


def _data(raw: msgspec.Raw) -> str:
    """A chunk as text: it is kept as a text of JSON, in some versions as JSON itself."""
    text = bytes(raw)
    return msgspec.json.decode(text, type=str) if text[:1] == b'"' else text.decode()


def _repeated_sizes(listed: Sequence[int], repeated: Sequence[int]) -> np.ndarray | None:
    """How often each chunk's time is repeated among the token times.

    As many tokens as chunks: then the client had no tokenizer, or there is nothing to tell. Chunks
    without a token are not repeated. ``None`` if the two lists do not go together.
    """
    if len(repeated) == len(listed) or any(b <= a for a, b in pairwise(listed)):
        return None
    times = {time: sum(1 for _ in group) for time, group in groupby(repeated)}
    sizes = [times.pop(time, 0) for time in listed]
    if times or sum(sizes) != len(repeated) or sizes[0] == 0:
        return None
    return np.array(sizes, dtype=np.int32)


def _input(info: _Info, response: _ResponseMetrics) -> int | None:
    usage, text = response.server_usage, (info.request_metrics or _RequestMetrics()).text
    counted = None if usage is None else fitting("prompt_tokens", usage.prompt)
    client = info.input_tokens if text is None else text.input_tokens
    # The client counts the prompt of a failed request as 0 without having looked at it.
    return counted if counted is not None else client or None


def _output(response: _ResponseMetrics) -> int | None:
    usage = response.server_usage
    counted = None if usage is None else fitting("completion_tokens", usage.completion)
    return response.output_tokens if counted is None else counted


def _model(request: msgspec.Raw) -> str | None:
    found = _MODEL.match(bytes(memoryview(request)[:512]))
    return None if found is None else found[1].decode()


def _label(raw: msgspec.Raw | None) -> str | None:
    text = b"null" if raw is None else bytes(raw)
    if text == b"null":
        return None
    return msgspec.json.decode(text, type=str) if text[:1] == b'"' else text.decode()
