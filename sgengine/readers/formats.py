"""The formats that are read, in one table, and the two functions that go through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sgengine.errors import UsageError
from sgengine.readers import aiperf, ipc, jsonl, parquet, vllm
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.faults import reading

FAMILY = "deliveries"
"""Stands for every format whose name begins with it."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format: its name, what writes it, how a file is planned and a partition read."""

    name: str
    doc: str
    plan: Callable[[Source, ReadOptions], SourcePlan]
    read: Callable[[Partition], BatchIterator]


FORMATS = (
    Format(
        name="deliveries-parquet",
        doc="the deliveries table in Parquet",
        plan=parquet.plan,
        read=parquet.read,
    ),
    Format(
        name="deliveries-ipc",
        doc="the deliveries table in Arrow IPC, file or stream",
        plan=ipc.plan,
        read=ipc.read,
    ),
    Format(
        name="deliveries-jsonl",
        doc="the deliveries table in JSON Lines, a request a line",
        plan=jsonl.plan,
        read=jsonl.read,
    ),
    Format(
        name="vllm",
        doc="`vllm bench serve --save-result --save-detailed`",
        plan=vllm.plan,
        read=vllm.read,
    ),
    Format(
        name="aiperf",
        doc="AIPerf's profile_export.jsonl",
        plan=aiperf.plan,
        read=aiperf.read,
    ),
)

FORMAT_NAMES = tuple(item.name for item in FORMATS)


def accepts(wanted: str, found: str) -> bool:
    """Whether a file of format ``found`` is what was asked for."""
    return wanted == found or (wanted == FAMILY and found.startswith(f"{FAMILY}-"))


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """The source's partitions and what it says about its runs, without reading all of its rows.

    JSON files are passed through once, in bounded memory, except vLLM's: there the numbers of one
    run are held. Raises ``FormatError`` if the file is not of the source's format.
    """
    with reading(source.path, source.format):
        return _format(source.format).plan(source, options)


def read(partition: Partition) -> BatchIterator:
    """The partition's rows, in order, in batches of bounded memory.

    Raises ``FormatError`` if the file turns out to be damaged.
    """
    with reading(partition.path, partition.source.format):
        yield from _format(partition.source.format).read(partition)


def _format(name: str) -> Format:
    for item in FORMATS:
        if item.name == name:
            return item
    raise UsageError(f"unknown format {name!r}; allowed are {', '.join(FORMAT_NAMES)}")
