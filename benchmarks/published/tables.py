"""The generated blocks of docs/simulator.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from benchmarks.paper.page import cell, table
from benchmarks.published.compare import FIGURES, Compared, by_band, geometric_mean
from benchmarks.published.sources import Source
from sgengine.simulate import COST_PRESETS, HARDWARE, MODELS, CostModel

Row = dict[str, object]


def blocks(
    throughput: Sequence[Compared], serving: Sequence[Compared], alone: Sequence[Compared]
) -> dict[str, str]:
    """Every block of the page, by name, of what was compared of the three groups of sources."""
    return {
        **figures_of_presets(),
        "published-summary": table(summary([*throughput, *serving, *alone])),
        "published-throughput": table(list(map(row, throughput))),
        "published-serving": table(list(serving_rows(serving))),
        "published-alone": table(list(map(row, alone))),
    }


def figures_of_presets() -> dict[str, str]:
    """The blocks that say what the presets are made of, and what follows."""
    return {
        "hardware": table(list(_hardware())),
        "models": table(list(_models())),
        "presets": table([_preset(name, cost) for name, cost in COST_PRESETS.items()]),
    }


def _hardware() -> Iterator[Row]:
    for name, hardware in HARDWARE.items():
        yield {
            "hardware": name,
            "BF16 TFLOPS, dense": hardware.flops / 1e12,
            "memory, GB/s": int(hardware.memory_bandwidth / 1e9),
            "memory, GB": hardware.memory_bytes // 10**9,
            "link, GB/s one way": int(hardware.link_bandwidth / 1e9),
            "host, GB/s one way": int(hardware.host_bandwidth / 1e9),
        }


def _models() -> Iterator[Row]:
    for name, model in MODELS.items():
        yield {
            "model": name,
            "layers": model.layers,
            "hidden": model.hidden,
            "MLP": model.intermediate,
            "heads": model.heads,
            "KV heads": model.kv_heads,
            "head size": model.head_dim,
            "vocabulary": model.vocabulary,
            "parameters": f"{model.parameters:,}",
            "KV bytes a token": f"{model.kv_bytes_per_token:,.0f}",
        }


def _preset(name: str, cost: CostModel) -> Row:
    costs = cost.costs()
    alone = costs.overhead + costs.weights + 500 * costs.context + costs.exchange
    return {
        "preset": name,
        "one token alone, ms": f"{alone / 1e12:.1f}",
        "KV memory, tokens": f"{cost.kv_capacity:,}",
        "prompt tokens/s": f"{1e15 / (costs.token + costs.exchange):,.0f}",
    }


def summary(found: Sequence[Compared]) -> list[Row]:
    """A row for each figure of each source, with its band."""
    return list(map(_summed, by_band(found)))


def _summed(held: Sequence[Compared]) -> Row:
    first = held[0]
    low, high = first.source.bands[first.figure]
    return {
        "figure": FIGURES[first.figure],
        "source": first.source.name,
        "on": place(first.source),
        "rows": len(held),
        "simulated / published, in the mean": geometric_mean(held),
        "from": min(one.ratio for one in held),
        "to": max(one.ratio for one in held),
        "band": f"{low:g} to {high:g}",
    }


def place(source: Source) -> str:
    """Model, hardware and precision."""
    return f"{source.cost.name}, {source.precision}"


def row(one: Compared) -> Row:
    """One figure of one case."""
    return {
        "source": one.source.name,
        "on": place(one.source),
        "requests at once": one.case.requests,
        "prompt + answer": f"{one.case.prompt} + {one.case.answer}",
        "figure": FIGURES[one.figure],
        "published": quoted(one.published),
        "simulated": one.simulated,
        "ratio": one.ratio,
    }


def serving_rows(found: Sequence[Compared]) -> Iterator[Row]:
    """A row a case; a cell is published, simulated (ratio)."""
    for (where, case), group in groupby(found, key=lambda one: (place(one.source), one.case)):
        yield {
            "on": where,
            "prompt + answer": f"{case.prompt} + {case.answer}",
            "requests/s": "all at once" if case.rate is None else f"{case.rate:g}",
            **{FIGURES[one.figure]: both(one) for one in group},
        }


def both(one: Compared) -> str:
    """Published, simulated, and the ratio of the two."""
    return f"{quoted(one.published)}; {cell(one.simulated)} ({one.ratio:.2f})"


def quoted(value: float) -> str:
    """A published figure as it stands there, but no tenths of thousands."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"
