"""Presets: every row of docs/metrics.md, section 7, with its values and its source."""

from __future__ import annotations

import re

import pytest

from sgengine.errors import UsageError
from sgengine.objectives import DEFAULT_READER, PRESETS, Reader, Slo, Target, preset

MS = 10**6
S = 10**9

JOINT = Target(metric="slo_attainment", share=0.9)
MARGINAL = Target(metric="marginal", share=0.99)


def bounds(ttft_ms: float, tpot_ms: int, e2e_ms: int | None = None) -> Slo:
    e2e = None if e2e_ms is None else e2e_ms * MS
    return Slo(ttft_ns=int(ttft_ms * MS), tpot_ns=tpot_ms * MS, e2e_ns=e2e)


LATENCY_BOUNDS: dict[str, tuple[Slo, Target, str]] = {
    "distserve-chatbot-13b": (bounds(250, 100), JOINT, "2401.09670"),
    "distserve-chatbot-66b": (bounds(2500, 150), JOINT, "2401.09670"),
    "distserve-chatbot-175b": (bounds(4000, 200), JOINT, "2401.09670"),
    "distserve-code-66b": (bounds(125, 200), JOINT, "2401.09670"),
    "distserve-summarization-66b": (bounds(15_000, 150), JOINT, "2401.09670"),
    "mlperf-llama2-70b": (bounds(2000, 200), MARGINAL, "MLCommons"),
    "mlperf-llama2-70b-interactive": (bounds(450, 40), MARGINAL, "MLCommons"),
    "mlperf-llama3.1-405b": (bounds(6000, 175), MARGINAL, "MLCommons"),
    "mlperf-llama3.1-405b-interactive": (bounds(4500, 80), MARGINAL, "MLCommons"),
    "mlperf-llama3.1-8b": (bounds(2000, 100), MARGINAL, "MLCommons"),
    "mlperf-llama3.1-8b-interactive": (bounds(500, 30), MARGINAL, "MLCommons"),
    "mlperf-deepseek-r1": (bounds(2000, 80), MARGINAL, "MLCommons"),
    "mlperf-deepseek-r1-interactive": (bounds(1500, 15), MARGINAL, "MLCommons"),
    "guidellm-chat": (bounds(200, 50), MARGINAL, "GuideLLM"),
    "guidellm-rag": (bounds(300, 100, 3000), MARGINAL, "GuideLLM"),
    "guidellm-content": (bounds(600, 200), MARGINAL, "GuideLLM"),
    "guidellm-code": (bounds(500, 150), MARGINAL, "GuideLLM"),
}

FLUID = Target(metric="fluidity", share=0.99, at_least=0.9)

READERS: dict[str, tuple[Reader, Target | None, str]] = {
    "reader-5": (Reader(pace_ns=S // 5), None, "2410.14257 v2"),
    "reader-20": (Reader(pace_ns=S // 20), None, "2410.14257 v1"),
    "etalon-strict": (Reader(pace_ns=25 * MS, skip_first=True), FLUID, "2407.07000"),
    "etalon-medium": (Reader(pace_ns=50 * MS, skip_first=True), FLUID, "2407.07000"),
    "etalon-relaxed": (Reader(pace_ns=100 * MS, skip_first=True), FLUID, "2407.07000"),
    "aegaeon": (
        Reader(first_ns=10 * S, pace_ns=100 * MS),
        Target(metric="token_attainment", share=0.9),
        "SOSP 2025",
    ),
    "jitserve": (Reader(first_ns=2100 * MS, pace_ns=100 * MS), None, "2504.20068"),
}


@pytest.mark.parametrize("name", list(LATENCY_BOUNDS))
def test_a_preset_of_latency_bounds_has_its_published_values(name: str) -> None:
    slo, target, source = LATENCY_BOUNDS[name]
    found = preset(name)
    assert (found.slo, found.target, found.reader) == (slo, target, DEFAULT_READER)
    assert source in found.source


@pytest.mark.parametrize("name", list(READERS))
def test_a_preset_of_a_reader_has_its_published_values(name: str) -> None:
    reader, target, source = READERS[name]
    found = preset(name)
    assert (found.reader, found.target, found.slo) == (reader, target, None)
    assert source in found.source


def test_no_preset_is_missing_above_and_names_are_unique() -> None:
    names = [each.name for each in PRESETS]
    assert len(names) == len(set(names))
    assert set(names) == {*LATENCY_BOUNDS, *READERS}


def test_the_first_preset_is_the_default_reader() -> None:
    assert PRESETS[0].name == "reader-5"
    assert PRESETS[0].reader == DEFAULT_READER


def test_names_can_be_typed_and_sources_are_one_line() -> None:
    for each in PRESETS:
        assert re.fullmatch(r"[a-z0-9.-]+", each.name)
        assert each.source
        assert "\n" not in each.source


def test_an_unknown_preset_is_refused_with_all_names() -> None:
    with pytest.raises(UsageError) as caught:
        preset("reader-6")
    assert all(each.name in str(caught.value) for each in PRESETS)
