"""The formats that are read, in one table, and the two functions that go through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sgengine.errors import UsageError
from sgengine.readers import (
    aiperf,
    aiperf_raw,
    etalon,
    event_tables,
    events_jsonl,
    genai_bench,
    genai_perf,
    guidellm,
    inference_perf,
    ipc,
    jsonl,
    langfuse,
    litellm,
    llmperf,
    mapped_files,
    nanovllm,
    otlp,
    parquet,
    sglang,
    vllm,
    whole,
    workload_traces,
)
from sgengine.readers.base import BatchIterator, Partition, ReadOptions, Source, SourcePlan
from sgengine.readers.events import EventBatch
from sgengine.readers.faults import reading
from sgengine.readers.files import hashing

FAMILIES = ("deliveries", "events")
"""Each stands for every format whose name begins with it."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format: its name, what writes it, how a file is planned and a partition read.

    ``events`` reads a partition of an event log: its requests may lie in several files, so they are put
    together behind the readers, and ``read`` refuses. ``is_whole``: which files are decoded as one
    document; ``None``: none, they are read in parts.
    """

    name: str
    doc: str
    plan: Callable[[Source, ReadOptions], SourcePlan]
    read: Callable[[Partition], BatchIterator]
    events: Callable[[Partition], Iterator[EventBatch]] | None = None
    is_whole: whole.IsWhole | None = None


def _not_alone(partition: Partition) -> BatchIterator:
    raise UsageError(
        f"{partition.path} is an event log, whose requests may lie in several files: give it to "
        "sgengine.read or sgengine.analyze"
    )


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
        name="events-parquet",
        doc="an event log in Parquet: rows of many requests interleaved",
        plan=event_tables.plan_parquet,
        read=_not_alone,
        events=event_tables.read_parquet,
    ),
    Format(
        name="events-ipc",
        doc="an event log in Arrow IPC, file or stream",
        plan=event_tables.plan_ipc,
        read=_not_alone,
        events=event_tables.read_ipc,
    ),
    Format(
        name="events-jsonl",
        doc="an event log in JSON Lines, an event a line",
        plan=events_jsonl.plan,
        read=_not_alone,
        events=events_jsonl.read,
    ),
    Format(
        name="vllm",
        doc="`vllm bench serve --save-result --save-detailed`",
        plan=vllm.plan,
        read=vllm.read,
        is_whole=whole.always,
    ),
    Format(
        name="aiperf",
        doc="AIPerf's profile_export.jsonl",
        plan=aiperf.plan,
        read=aiperf.read,
    ),
    Format(
        name="aiperf-raw",
        doc="AIPerf's profile_export_raw.jsonl (--export-level raw)",
        plan=aiperf_raw.plan,
        read=aiperf_raw.read,
    ),
    Format(
        name="genai-perf",
        doc="perf_analyzer's profile_export.json, as GenAI-Perf uses it",
        plan=genai_perf.plan,
        read=genai_perf.read,
    ),
    Format(
        name="guidellm",
        doc="GuideLLM's benchmarks.json, first and last token's times",
        plan=guidellm.plan,
        read=guidellm.read,
    ),
    Format(
        name="inference-perf",
        doc="inference-perf's per_request_lifecycle_metrics.json",
        plan=inference_perf.plan,
        read=inference_perf.read,
    ),
    Format(
        name="sglang",
        doc="SGLang's `bench_serving --output-file F --output-details`",
        plan=sglang.plan,
        read=sglang.read,
        is_whole=whole.always,
    ),
    Format(
        name="etalon",
        doc="Etalon's request_level_metrics.json",
        plan=etalon.plan,
        read=etalon.read,
        is_whole=whole.always,
    ),
    Format(
        name="llmperf",
        doc="LLMPerf's *_individual_responses.json",
        plan=llmperf.plan,
        read=llmperf.read,
        is_whole=whole.always,
    ),
    Format(
        name="genai-bench",
        doc="genai-bench's JSON of a scenario and concurrency",
        plan=genai_bench.plan,
        read=genai_bench.read,
        is_whole=whole.always,
    ),
    Format(
        name="nanovllm",
        doc="the nano-vLLM harness's JSON with a time a token",
        plan=nanovllm.plan,
        read=nanovllm.read,
        is_whole=whole.always,
    ),
    Format(
        name="otlp",
        doc="OpenTelemetry spans in OTLP JSON: OpenLLMetry chunk events, vLLM server spans",
        plan=otlp.plan,
        read=otlp.read,
        is_whole=whole.unless_lines,
    ),
    Format(
        name="litellm",
        doc="LiteLLM_SpendLogs rows or StandardLoggingPayload objects",
        plan=litellm.plan,
        read=litellm.read,
        is_whole=whole.unless_lines,
    ),
    Format(
        name="langfuse",
        doc="Langfuse observations of type GENERATION",
        plan=langfuse.plan,
        read=langfuse.read,
        is_whole=whole.unless_lines,
    ),
    Format(
        name="azure",
        doc="the Azure LLM inference trace: arrivals and token counts, CSV",
        plan=workload_traces.plan,
        read=workload_traces.read,
    ),
    Format(
        name="burstgpt",
        doc="the BurstGPT trace: arrivals and token counts, CSV",
        plan=workload_traces.plan,
        read=workload_traces.read,
    ),
    Format(
        name="mooncake",
        doc="a Mooncake trace: arrivals and token counts, JSON Lines",
        plan=workload_traces.plan,
        read=workload_traces.read,
    ),
    Format(
        name="mapped",
        doc="a team's own JSON, CSV or Parquet, read by a mapping",
        plan=mapped_files.plan,
        read=mapped_files.read,
        is_whole=whole.unless_lines,
    ),
)

FORMAT_NAMES = tuple(item.name for item in FORMATS)


def accepts(wanted: str, found: str) -> bool:
    """Whether a file of format ``found`` is what was asked for."""
    return wanted == found or (wanted in FAMILIES and found.startswith(f"{wanted}-"))


def plan(source: Source, options: ReadOptions) -> SourcePlan:
    """The source's partitions and what it says about its runs, without reading all of its rows.

    JSON files are passed through once, in bounded memory, except vLLM's: there the numbers of one
    run are held. Raises ``FormatError`` if the file is not of the source's format, ``DataError`` if it is
    one document of more than ``options.document_bytes``.
    """
    found_format = _format(source.format)
    whole.check_size(source.path, found_format.is_whole, options.document_bytes)
    with reading(source.path, source.format):
        if not options.hashed:
            return found_format.plan(source, options)
        # Side by side: planning JSON Lines takes about as long as hashing them.
        with hashing(source.path) as digest:
            return replace(found_format.plan(source, options), content_hash=digest())


def read(partition: Partition) -> BatchIterator:
    """The partition's rows, in order, in batches of bounded memory.

    Raises ``FormatError`` if the file turns out to be damaged.
    """
    with reading(partition.path, partition.source.format):
        yield from _format(partition.source.format).read(partition)


def is_log(source: Source) -> bool:
    """Whether a source is an event log, read by ``read_events``."""
    return _format(source.format).events is not None


def read_events(partition: Partition) -> Iterator[EventBatch]:
    """The events of a partition of an event log, in order, in batches of bounded memory.

    Raises ``FormatError`` if the file turns out to be damaged.
    """
    read_some = _format(partition.source.format).events
    assert read_some is not None, "an event log"
    with reading(partition.path, partition.source.format):
        yield from read_some(partition)


def _format(name: str) -> Format:
    for item in FORMATS:
        if item.name == name:
            return item
    raise UsageError(f"unknown format {name!r}; allowed are {', '.join(FORMAT_NAMES)}")
