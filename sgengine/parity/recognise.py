"""Which client wrote a file, told by its keys; and which files are summaries beside a detail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from sgengine.errors import FormatError
from sgengine.parity.clients import (
    aiperf,
    aiperf_files,
    etalon,
    genai_bench,
    genai_perf,
    guidellm,
    guidellm_files,
    inference_perf,
    inference_perf_files,
    llmperf,
    nanovllm,
    sglang,
    sglang_files,
    vllm,
    vllm_files,
)
from sgengine.parity.clients.json_files import Object, decode, text_of
from sgengine.parity.evidence import Evidence
from sgengine.parity.profile import Profile
from sgengine.readers.files import mapped
from sgengine.readers.vllm_file import spans


@dataclass(frozen=True, kw_only=True)
class Client:
    """One client: its profiles, the keys of its detail file, and how that becomes evidence.

    ``keys``: all of them are in the file's first object (``is_list``: of a list's first element);
    ``any_of``: one of these too.
    """

    name: str
    profiles: tuple[Profile, ...]
    evidence: Callable[[str], list[Evidence]]
    keys: frozenset[str]
    any_of: frozenset[str] = frozenset()
    is_list: bool = False


CLIENTS = (
    Client(
        name="guidellm",
        profiles=guidellm.PROFILES,
        evidence=guidellm_files.evidence,
        keys=frozenset({"benchmarks"}),
    ),
    Client(
        name="aiperf",
        profiles=aiperf.PROFILES,
        evidence=aiperf_files.evidence,
        keys=frozenset({"metadata", "metrics"}),
    ),
    Client(
        name="genai-perf",
        profiles=genai_perf.PROFILES,
        evidence=genai_perf.evidence,
        keys=frozenset({"experiments"}),
    ),
    Client(
        name="genai-bench",
        profiles=genai_bench.PROFILES,
        evidence=genai_bench.evidence,
        keys=frozenset({"aggregated_metrics", "individual_request_metrics"}),
    ),
    Client(
        name="nanovllm",
        profiles=nanovllm.PROFILES,
        evidence=nanovllm.evidence,
        keys=frozenset({"requests", "summary"}),
    ),
    Client(
        name="etalon",
        profiles=etalon.PROFILES,
        evidence=etalon.evidence,
        keys=frozenset({"ttft", "tbt", "num_output_tokens"}),
    ),
    Client(
        name="sglang",
        profiles=sglang.PROFILES,
        evidence=sglang_files.evidence,
        keys=frozenset({"duration", "completed"}),
        any_of=frozenset(
            {
                "server_info",
                "sharegpt_output_len",
                "random_range_ratio",
                "total_output_tokens_retokenized",
                "mean_e2e_latency_ms",
                "concurrency",
                "goodput_slos_ms",
            }
        ),
    ),
    Client(
        name="vllm",
        profiles=vllm.PROFILES,
        evidence=vllm_files.evidence,
        keys=frozenset({"duration", "completed"}),
    ),
    Client(
        name="inference-perf",
        profiles=inference_perf.PROFILES,
        evidence=inference_perf_files.evidence,
        keys=frozenset({"start_time", "end_time", "info"}),
        is_list=True,
    ),
    Client(
        name="llmperf",
        profiles=llmperf.PROFILES,
        evidence=llmperf.evidence,
        keys=frozenset({"error_code", "end_to_end_latency_s"}),
        is_list=True,
    ),
)

_BESIDE = (
    (frozenset({"metadata", "responses"}), "profile_export.jsonl"),
    (frozenset({"input_config", "records"}), "profile_export.jsonl"),
    (frozenset({"input_config", "start_time"}), "profile_export.jsonl"),
    (frozenset({"input_config", "request_latency"}), "perf_analyzer's profile_export.json"),
    (frozenset({"benchmark_time_seconds", "successes"}), "per_request_lifecycle_metrics.json"),
    (frozenset({"results_ttft_s_mean"}), "X_individual_responses.json"),
    (frozenset({"Number of Requests"}), "request_level_metrics.json"),
    (frozenset({"service_level_total_deadlines"}), "request_level_metrics.json"),
    (frozenset({"tpot_based_throughput"}), "request_level_metrics.json"),
)
"""Keys of files that belong to a detail, and the name of that."""

_LINE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """The client of a file; None with the ``reason`` for others, ``beside`` where it is a part of one."""

    client: Client | None
    reason: str = ""
    beside: str | None = None


def recognise(path: str) -> Recognised:
    """What wrote the file. Raises FormatError for JSON that is cut or damaged throughout."""
    found = _keys(path)
    if found is None:
        return Recognised(client=None, reason="is not JSON, as all files of benchmark clients are")
    keys, is_list = found
    for marks, detail in _BESIDE:
        if marks <= keys and not is_list:
            reason = f"belongs to {detail}; give that, which it completes"
            return Recognised(client=None, reason=reason, beside=detail)
    for client in CLIENTS:
        fits = client.keys <= keys and client.is_list == is_list
        if fits and (not client.any_of or client.any_of & keys):
            return Recognised(client=client)
    return Recognised(client=None, reason="is JSON of no benchmark client that parity knows")


def _keys(path: str) -> tuple[frozenset[str], bool] | None:
    """The keys of the first object, and whether that is in a list; None for what is no JSON."""
    text = text_of(path)
    start = bytes(text[:_LINE]).lstrip()
    if start.startswith(b"["):
        return _list_keys(path, text), True
    if not start.startswith(b"{"):
        return None
    line, end, _ = start.partition(b"\n")
    if end:
        try:
            return frozenset(decode(path, line, Object)), False
        except FormatError:  # one object over many lines, or objects over many lines
            return _document_keys(path, text), False
    return frozenset(decode(path, text, Object)), False


def _list_keys(path: str, text: memoryview) -> frozenset[str]:
    """The keys of a list's first object; texts between them are passed over."""
    for raw in decode(path, text, list[msgspec.Raw]):
        if bytes(raw).lstrip().startswith(b"{"):
            return frozenset(decode(path, bytes(raw), Object))
    return frozenset()


def _document_keys(path: str, text: memoryview) -> frozenset[str]:
    """The keys of an object over many lines; of several, those of the first."""
    found = spans(mapped(path))
    first = text if len(found) <= 1 else memoryview(mapped(path))[found[0].start : found[0].stop]
    return frozenset(decode(path, first, Object))
