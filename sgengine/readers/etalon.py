"""Etalon's request_level_metrics.json: a column array a metric, one run a file, times in seconds.

tbt lists the gaps after the first token: before a chunk of k tokens the gap, then k - 1 zeros. So the
zeros tell the chunks and their sizes. There are no start times and no errors: a request without
tokens is one that failed.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from sgengine.errors import FormatError
from sgengine.readers import client_runs
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.client_runs import NO_ARRIVALS
from sgengine.readers.python_json import Entries, Span, decode, everything, private
from sgengine.readers.request_rows import RequestRow, gathered
from sgengine.readers.seconds import NANOS, chunk_times
from sgengine.readers.typed import Int32

CLIENT = "etalon"

_COUNT = Entries(Int32, "a whole number below 2^31")
_SECONDS = Entries(float, "a number of seconds")
_GAPS = Entries(list[float], "a list of seconds")


class _File(msgspec.Struct, gc=False):
    """The arrays that are used, parallel; their entries stay JSON until a request's turn comes."""

    num_prompt_tokens: list[msgspec.Raw]
    num_output_tokens: list[msgspec.Raw]
    ttft: list[msgspec.Raw]
    tbt: list[msgspec.Raw]


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """One partition. Raises ``FormatError`` if the file is damaged or its arrays are amiss."""
    content = private(source.path)
    span = everything(content)
    file = _decoded(source.path, content, span)
    about = client_runs.Run(client=CLIENT, notes=tuple(_notes(file)))
    return client_runs.plan_of(source, [client_runs.planned(source, options, about, span)])


def _decoded(path: str, content: mmap.mmap, span: Span) -> _File:
    file = decode(path, content, span, _File, "Etalon's request_level_metrics.json")
    for name in ("num_prompt_tokens", "num_output_tokens", "tbt"):
        count = len(getattr(file, name))
        if count != len(file.ttft):
            raise FormatError(
                f"{path} has {len(file.ttft)} ttft but {count} {name}; its arrays have one entry a "
                "request"
            )
    return file


def _notes(file: _File) -> Iterator[str]:
    yield NO_ARRIVALS
    failed = sum(bytes(raw) == b"0" for raw in file.num_output_tokens)
    if failed:
        yield (
            f"{failed} requests have no output tokens and count as failed: the client does not "
            "record errors, and its own summary counts these requests in."
        )


def read(partition: Partition) -> BatchIterator:
    """The requests in the file's order, in batches of about ``batch_bytes``."""
    span = Span(partition.start, partition.stop)
    file = _decoded(partition.path, private(partition.path), span)
    found = client_runs.outcomes(partition.run, len(file.ttft), lambda at: _row(file, at))
    return gathered(partition, client_runs.WORD, (), found)


def _row(file: _File, index: int) -> RequestRow:
    output = _COUNT.decode("num_output_tokens", file.num_output_tokens[index])
    first = _SECONDS.decode("ttft", file.ttft[index])
    gaps = _GAPS.decode("tbt", file.tbt[index])
    times, tokens = _chunks(first, gaps, output)
    return RequestRow(
        place=index + 1,
        request_id=str(index),
        timing="none" if times is None else "chunk",
        status="failed" if output == 0 else "ok",
        times=times,
        tokens=tokens,
        input_tokens=_COUNT.decode("num_prompt_tokens", file.num_prompt_tokens[index]),
        output_tokens=None if output == 0 else output,
    )


def _chunks(
    first: float, gaps: Sequence[float], output: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Times and sizes of the chunks; ``None`` for output without any time."""
    if first == 0 and not gaps:
        return (np.zeros(0, dtype=np.int64) if output == 0 else None), None
    after = np.array(gaps, dtype=np.float64)
    begins = np.flatnonzero(after != 0)
    tokens = np.diff([0, *(begins + 1), len(gaps) + 1]).astype(np.int32)
    return chunk_times(first, after[begins].tolist(), NANOS), tokens
