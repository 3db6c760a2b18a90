"""docs/simulator.md against its sources: every row within its band, and the page up to date."""

from __future__ import annotations

import re
from itertools import chain

import numpy as np
import pytest

from benchmarks.paper.page import filled, line
from benchmarks.published.__main__ import PAGE
from benchmarks.published.compare import FIGURES, by_band, compared, every
from benchmarks.published.sources import ALONE, SERVING, THROUGHPUT
from benchmarks.published.tables import (
    blocks,
    figures_of_presets,
    place,
    row,
    serving_rows,
)
from sgengine.api.loads import arrived
from sgengine.simulate import COST_PRESETS

TEXT = PAGE.read_text("utf-8")
SOURCES = (*THROUGHPUT, *SERVING, *ALONE)
SHORT = 600_000
"""Answer tokens of a case that is simulated each time; the longer ones are nightly."""


def block(name: str) -> list[str]:
    (found,) = re.findall(rf"<!-- generated: {name} -->\n(.*?)\n<!-- end -->", TEXT, re.DOTALL)
    return found.splitlines()


def test_what_the_presets_are_made_of_is_on_the_page():
    for name, text in figures_of_presets().items():
        assert block(name) == text.splitlines(), f"{name}: run make paper"


def test_short_cases_are_simulated_again_and_found_on_the_page():
    held = {*block("published-throughput"), *block("published-alone")}
    served = set(block("published-serving"))
    for source in (*THROUGHPUT, *SERVING[:2], *ALONE):
        for case in source.cases:
            if case.requests * case.answer <= SHORT:
                found = compared(source, case)
                assert all(one.is_within for one in found), f"{source.name}, {case}"
                lines = map(line, serving_rows(found) if source in SERVING else map(row, found))
                assert set(lines) <= (served if source in SERVING else held), "run make paper"


def test_every_ratio_of_the_page_lies_in_its_band():
    ratios = list(_ratios_of_the_page())
    asked = [(s, case, f) for s in SOURCES for case in s.cases for f in FIGURES if f in s.bands]
    assert len(ratios) == len(asked)
    for ratio, (source, case, figure) in zip(ratios, asked, strict=True):
        low, high = source.bands[figure]
        assert low - 0.005 <= ratio <= high + 0.005, f"{source.name}, {place(source)}, {case}"


def _ratios_of_the_page():
    rows = {name: block(f"published-{name}")[2:] for name in ("throughput", "serving", "alone")}
    for text in rows["throughput"]:
        yield float(text.split(" | ")[-1].rstrip(" |"))
    for text in rows["serving"]:
        yield from map(float, re.findall(r"\((\d+\.\d+)\)", text))
    for text in rows["alone"]:
        yield float(text.split(" | ")[-1].rstrip(" |"))


def test_the_check_covers_what_it_should():
    presets = {source.cost.name for source in SOURCES}
    assert presets == set(COST_PRESETS) - {"qwen2.5-14b-h100-sxm"}
    assert "nothing was found of Qwen2.5-14B on the H100" in TEXT.replace("\n", " ")
    assert {f for source in SOURCES for f in source.bands} == set(FIGURES)
    for source in SOURCES:
        assert f"\n| {source.name.partition(', ')[0]} | " in TEXT, "every source has its address"


@pytest.mark.nightly
def test_the_page_is_up_to_date_and_no_band_is_wider_than_its_ratios():
    groups = [every(sources) for sources in (THROUGHPUT, SERVING, ALONE)]
    assert filled(TEXT, blocks(*groups)) == TEXT, "run make paper"
    found = list(chain(*groups))
    assert all(one.is_within for one in found)
    for held in by_band(found):
        low, high = held[0].source.bands[held[0].figure]
        ratios = [one.ratio for one in held]
        assert min(ratios) - low < 0.051
        assert high - max(ratios) < 0.051


TRACES = {
    "Azure 2023, conversation": "azure/AzureLLMInferenceTrace_conv.csv",
    "Azure 2023, code": "azure/AzureLLMInferenceTrace_code.csv",
    "Mooncake, conversation": "mooncake/conversation_trace.jsonl",
}


@pytest.mark.parametrize("name", TRACES)
def test_statistics_of_recorded_traces_are_those_of_the_traces(name, shared_dir):
    trace = arrived(str(shared_dir / "workloads" / TRACES[name]))
    gaps = np.diff(trace.arrival_ns) / 1e9
    quantiles = (np.quantile(tokens, (0.5, 0.9), method="nearest") for tokens in trace.lengths)
    values = (len(trace.arrival_ns), f"{1 / gaps.mean():.2f}", f"{gaps.std() / gaps.mean():.2f}")
    cells = [str(v) if isinstance(v, str) else f"{v:,}" for v in values]
    cells += [f"{int(v):,}" for v in chain(*quantiles)]
    assert f"| {name} | {' | '.join(cells)} |" in TEXT
