"""LLMPerf's *_individual_responses.json: an array of requests with means only (timing ``mean``).

The first token's time is known; the end is when the stream closed, which stands for the last token.
What concerns the run as a whole is in the summary beside the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa

from sgengine.errors import FormatError
from sgengine.readers import client_runs
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.client_runs import NO_ARRIVALS
from sgengine.readers.faults import one_line
from sgengine.readers.json_lines import REFUSALS
from sgengine.readers.python_json import (
    Decimal,
    Span,
    decode,
    everything,
    finite,
    private,
)
from sgengine.readers.request_rows import (
    BadValueError,
    Dimension,
    RequestRow,
    ends,
    gathered,
)
from sgengine.readers.seconds import NANOS, nanoseconds
from sgengine.readers.typed import Int32, Int64

CLIENT = "llmperf"

_DETAILS, _SUMMARY = "_individual_responses", "_summary"

_DIMENSIONS = (
    Dimension("model", pa.string()),
    Dimension("concurrency", pa.int64()),
    Dimension("inter_token_latency_s", pa.float64()),
    Dimension("error_code", pa.string()),
)


class _Row(msgspec.Struct, gc=False):
    """One request; times in seconds, 0 for what did not happen."""

    error_code: int | float | str | None
    error_msg: str | None = None
    ttft_s: float | None = None
    end_to_end_latency_s: float | None = None
    inter_token_latency_s: Decimal = None
    number_output_tokens: Int32 | None = None
    number_input_tokens: Int32 | None = None


_DECODER = msgspec.json.Decoder(_Row)


class _Summary(msgspec.Struct, gc=False):
    """What the summary says of the run. ``results_num_completed_requests_per_min`` tells its duration."""

    model: str | None = None
    num_concurrent_requests: Int64 | None = None
    results_num_completed_requests: Decimal = None
    results_num_completed_requests_per_min: Decimal = None

    @property
    def duration_ns(self) -> int | None:
        count = finite(self.results_num_completed_requests)
        rate = finite(self.results_num_completed_requests_per_min)
        return client_runs.duration_ns(60 * count / rate) if count and rate else None


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """One partition. Raises ``FormatError`` if the file is damaged or no array."""
    content = private(source.path)
    span = everything(content)
    rows = decode(source.path, content, span, list[msgspec.Raw], "LLMPerf's responses")
    summary = _summary(source.path)
    about = client_runs.Run(
        client=CLIENT,
        duration_ns=(summary or _Summary()).duration_ns,
        notes=tuple(_notes(source.path, rows, summary)),
    )
    return client_runs.plan_of(source, [client_runs.planned(source, options, about, span)])


def _companion(path: str) -> Path:
    """Where the summary of this file is; a file of another name has one of its own name."""
    stem = Path(path).stem.removesuffix(_DETAILS)
    return Path(path).with_name(f"{stem}{_SUMMARY}.json")


def _summary(path: str) -> _Summary | None:
    """The summary beside the file; ``None`` if there is none that can be read."""
    beside = str(_companion(path))
    try:
        content = private(beside)
        return decode(beside, content, everything(content), _Summary, "LLMPerf's summary")
    except (OSError, ValueError, FormatError, RecursionError):
        return None


def _notes(path: str, rows: Sequence[msgspec.Raw], summary: _Summary | None) -> Iterator[str]:
    yield NO_ARRIVALS
    yield "The time at which the stream closed stands for the last token's, which is not recorded."
    failed = sum(_is_failed(raw) for raw in rows)
    if failed:
        yield f"{failed} failed requests without a first token's time count as nothing delivered."
    if summary is None:
        yield f"No readable {_companion(path).name} beside the file: model, duration unknown."


def _is_failed(raw: msgspec.Raw) -> bool:
    try:
        row = _DECODER.decode(raw)
    except REFUSALS:
        return False
    return row.error_code is not None and not row.ttft_s


def read(partition: Partition) -> BatchIterator:
    """The requests in the file's order, in batches of about ``batch_bytes``."""
    content, span = private(partition.path), Span(partition.start, partition.stop)
    rows = decode(partition.path, content, span, list[msgspec.Raw], "LLMPerf's responses")
    summary = _summary(partition.path) or _Summary()
    found = client_runs.outcomes(partition.run, len(rows), lambda at: _row(rows, at, summary))
    return gathered(partition, client_runs.WORD, _DIMENSIONS, found)


def _decoded(raw: msgspec.Raw) -> _Row:
    if bytes(raw)[:1] == b'"':
        # The client appends the keys of requests that were unfinished when it stopped.
        raise BadValueError(f"{one_line(bytes(raw).decode(errors='replace'), 60)} is no request")
    return _DECODER.decode(raw)


def _row(rows: Sequence[msgspec.Raw], index: int, summary: _Summary) -> RequestRow:
    row = _decoded(rows[index])
    output, ttft, end = _delivered(row)
    first, last = ends(output, ttft, end)
    failed = row.error_code is not None
    return RequestRow(
        place=index + 1,
        request_id=str(index),
        timing="none" if first is None and last is None else "mean",
        status="failed" if failed else "ok",
        error=one_line(row.error_msg or f"error code {row.error_code}") if failed else None,
        end_ns=end,
        input_tokens=row.number_input_tokens,
        output_tokens=output,
        ttft_ns=first,
        last_ns=last,
        dimensions=(
            summary.model,
            summary.num_concurrent_requests,
            finite(row.inter_token_latency_s),
            str(row.error_code) if failed else None,
        ),
    )


def _delivered(row: _Row) -> tuple[int | None, int | None, int | None]:
    """Tokens, and times of the first and the end. The client leaves at 0 what did not happen.

    A failed request without a first token counts as nothing delivered, whatever its count of tokens:
    that is 1 where the tokeniser begins every text with a token.
    """
    ttft, end = (_ns(value) for value in (row.ttft_s, row.end_to_end_latency_s))
    if row.error_code is not None and ttft is None:
        return 0, None, end
    return row.number_output_tokens, ttft, end


def _ns(seconds: float | None) -> int | None:
    return nanoseconds(seconds, NANOS) if seconds else None
