"""Small result files of every client, with summaries computed from the rows by plain formulas.

Each function writes the files of one run into a folder and gives the path of the detail.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.parity.made_files import write
from tests.parity.make_guidellm import guidellm, guidellm_03, guidellm_06
from tests.parity.make_means import genai_bench, inference_perf, inference_report, llmperf
from tests.parity.make_others import etalon, genai_perf, nanovllm
from tests.parity.make_streams import (
    aiperf,
    aiperf_older,
    sglang,
    sglang_run,
    vllm,
    vllm_newer,
    vllm_run,
)

__all__ = [
    "EVERY",
    "aiperf",
    "aiperf_older",
    "etalon",
    "genai_bench",
    "genai_perf",
    "guidellm",
    "guidellm_03",
    "guidellm_06",
    "inference_perf",
    "inference_report",
    "llmperf",
    "nanovllm",
    "sglang",
    "sglang_run",
    "vllm",
    "vllm_newer",
    "vllm_run",
    "write",
]

EVERY: dict[str, Callable[[Path], Path]] = {
    make.__name__: make
    for make in (
        vllm,
        vllm_newer,
        sglang,
        aiperf,
        aiperf_older,
        guidellm,
        guidellm_06,
        guidellm_03,
        inference_perf,
        llmperf,
        genai_bench,
        nanovllm,
        etalon,
        genai_perf,
    )
}
