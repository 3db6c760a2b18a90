"""SGLang's benchmark client, bench_serving --output-details: a run a line, several runs a file.

Chunk times are ttft and the running sum of the gaps in itls. SGLang's own stream counts tokens, and
the client divides the gap before a chunk of k tokens into k equal ones (timing ``split``); the tokens
that no gap accounts for came with the first chunk. Over other protocols a gap is a chunk of unknown
size. There are no start times, and no time of the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sgengine.errors import FormatError
from sgengine.readers import client_runs, sglang_file
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.client_runs import NO_ARRIVALS
from sgengine.readers.faults import one_line
from sgengine.readers.python_json import Entries, Span, private
from sgengine.readers.request_rows import (
    ROW_FAULTS,
    Dimension,
    RequestRow,
    gathered,
)
from sgengine.readers.seconds import NANOS, chunk_times
from sgengine.readers.sglang_file import Run
from sgengine.readers.typed import Int32

CLIENT = "sglang bench_serving"

_COUNT = Entries(Int32, "a whole number below 2^31")
_SECONDS = Entries(float, "a number of seconds")
_GAPS = Entries(list[float], "a list of seconds")
_ERROR = Entries(str | None, "a text")
_CACHED = Entries(Int32 | None, "a whole number below 2^31")

_DIMENSIONS = (
    Dimension("model", pa.string()),
    Dimension("backend", pa.string()),
    Dimension("dataset_name", pa.string()),
    Dimension("request_rate", pa.float64()),
    Dimension("max_concurrency", pa.int64()),
    Dimension("cached_tokens", pa.int32()),
)


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """A partition a run. Raises ``FormatError`` if a line is damaged or none has the times."""
    content = private(source.path)
    detailed: list[_Found] = []
    bare: list[int] = []
    for line, span in sglang_file.lines(content):
        run = sglang_file.run_at(source.path, content, span)
        if run.has_details:
            detailed.append(_Found(line, span, _about(run)))
        else:
            bare.append(line)
    if not detailed:
        raise FormatError(f"{source.path} {sglang_file.HINT}")
    return client_runs.plan_of(source, list(_planned(source, options, detailed, bare)))


class _Found(NamedTuple):
    line: int
    span: Span
    about: client_runs.Run


def _planned(
    source: Source, options: ReadOptions, detailed: Sequence[_Found], bare: Sequence[int]
) -> Iterator[client_runs.Planned]:
    left_out = one_line(", ".join(map(str, bare)), 60)
    note = f"Lines left out, for they are summaries without the requests' times: {left_out}."
    for index, (line, span, about) in enumerate(detailed):
        noted = replace(about, notes=(*about.notes, note)) if bare else about
        suffix = f"#{index + 1}" if len(detailed) > 1 else ""
        yield client_runs.planned(
            source, options, noted, span, index=index, suffix=suffix, first_row=line
        )


def _about(run: Run) -> client_runs.Run:
    return client_runs.Run(
        client=CLIENT,
        system=run.tag or None,
        request_rate=client_runs.rate(run.request_rate),
        duration_ns=client_runs.duration_ns(run.duration),
        notes=tuple(_notes(run)),
    )


def _notes(run: Run) -> Iterator[str]:
    yield NO_ARRIVALS
    if run.is_split:
        yield (
            "The client divided the gap before a chunk over its tokens: idle latency and late "
            "tokens are lower bounds."
        )
    else:
        yield "Output tokens are the server's count or, where it sent none, those asked for."
    ok = sum(_is_ok(run, index) for index in range(run.length))
    if run.completed is not None and run.completed != ok:
        yield f"The client states {run.completed} completed requests, the rows show {ok}."


def _is_ok(run: Run, index: int) -> bool:
    try:
        return not _failed(run, index)
    except ROW_FAULTS:
        return False


def _failed(run: Run, index: int) -> bool:
    """An error text; or no token and no first chunk."""
    if _ERROR.decode("errors", run.entry("errors", index)):
        return True
    output = _COUNT.decode("output_lens", run.entry("output_lens", index))
    return bool(output == 0 and _first(run, index) == 0)


def _first(run: Run, index: int) -> float:
    first: float = _SECONDS.decode("ttfts", run.entry("ttfts", index))
    return first


def read(partition: Partition) -> BatchIterator:
    """The run's requests in order of issue, in batches of about ``batch_bytes``."""
    span = Span(partition.start, partition.stop)
    run = sglang_file.run_at(partition.path, private(partition.path), span)
    of_run = _of_run(run)
    found = client_runs.outcomes(partition.run, run.length, lambda at: _row(run, at, of_run))
    return gathered(partition, client_runs.WORD, _DIMENSIONS, found)


def _of_run(run: Run) -> tuple[object, ...]:
    """The dimensions that are the same for all requests."""
    return (
        sglang_file.model(run),
        run.backend,
        run.dataset_name,
        client_runs.rate(run.request_rate),
        run.max_concurrency,
    )


def _row(run: Run, index: int, of_run: tuple[object, ...]) -> RequestRow:
    failed = _failed(run, index)
    output = _COUNT.decode("output_lens", run.entry("output_lens", index))
    times = _times(run, index, output)
    listed = "split" if run.is_split else "chunk"
    return RequestRow(
        place=index + 1,
        request_id=str(index),
        timing="none" if times is None else listed,
        status="failed" if failed else "ok",
        error=_error(run, index),
        times=times,
        tokens=None if failed or not run.is_split else _sizes(times, output),
        input_tokens=_COUNT.decode("input_lens", run.entry("input_lens", index)),
        output_tokens=None if failed else output,
        dimensions=(*of_run, _cached(run, index)),
    )


def _times(run: Run, index: int, output: int) -> np.ndarray | None:
    """Chunk times since the client sent the request; ``None`` for output without any time.

    The client leaves ttft at 0.0 until the first chunk comes, so with no gaps either there was none.
    """
    first = _first(run, index)
    gaps = _GAPS.decode("itls", run.entry("itls", index))
    if first == 0 and not gaps:
        return np.zeros(0, dtype=np.int64) if output == 0 else None
    rounded = chunk_times(first, gaps, NANOS)
    return _running(first, gaps) if run.is_split else rounded


def _running(first: float, gaps: Sequence[float]) -> np.ndarray:
    """Times (int64 ns) from gaps that are fractions of one: only their sums are near whole ns."""
    sums = np.array([first, *gaps], dtype=np.float64).cumsum()
    return np.rint(sums * NANOS).astype(np.int64)


def _sizes(times: np.ndarray | None, output: int) -> np.ndarray | None:
    """Tokens of each entry where the first chunk holds several, else ``None``: one each."""
    if times is None or len(times) == 0 or output <= len(times):
        return None
    sizes = np.ones(len(times), dtype=np.int32)
    sizes[0] += output - len(times)
    return sizes


def _error(run: Run, index: int) -> str | None:
    """The last line of the error: of a traceback, the one that says what happened."""
    text = _ERROR.decode("errors", run.entry("errors", index)) or ""
    found = text.strip().splitlines()
    return one_line(found[-1]) if found else None


def _cached(run: Run, index: int) -> int | None:
    if run.cached_tokens is None:
        return None
    count: int | None = _CACHED.decode("cached_tokens", run.entry("cached_tokens", index))
    return count
