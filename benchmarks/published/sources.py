"""What was published: every row of each table that is about the presets' models and hardware.

Where each stands is in docs/simulator.md, section 8. No row that belongs here is left out of a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

from sgengine.simulate import COST_PRESETS, CostModel

Band = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One measurement: requests of one length at a rate, and what was published of it.

    ``rate``: requests/s, None for all at once. ``throughput``: answer tokens/s. ``ttft_ms``,
    ``itl_ms``: means. What was not published is None.
    """

    prompt: int
    answer: int
    requests: int
    rate: float | None = None
    throughput: float | None = None
    ttft_ms: float | None = None
    itl_ms: float | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """A published table: what ran where, on which preset it is repeated, and its cases.

    ``name``: as docs/simulator.md lists it. ``budget``: tokens an iteration; ``chunked``: whether
    prompts and answers share iterations. ``bands``: within which simulated over published lies, by
    figure: what was found, rounded outwards to 0.05. It promises nothing, and a change of the cost
    model that leaves it has to say why.
    """

    name: str
    precision: str
    cost: CostModel
    cases: tuple[Case, ...]
    bands: Mapping[str, Band]
    budget: int = 8192
    chunked: bool = True


def fp8(cost: CostModel) -> CostModel:
    """The preset with FP8 weights and KV: a byte each, and twice the arithmetic (1,978.9 TFLOPS)."""
    return replace(
        cost,
        hardware=replace(cost.hardware, flops=1978.9e12),
        model=replace(cost.model, weight_bytes=1, kv_bytes=1),
    )


A100_8B = COST_PRESETS["llama-3.1-8b-a100-80g"]
A100_14B = COST_PRESETS["qwen2.5-14b-a100-80g"]
A100_70B = COST_PRESETS["llama-3-70b-a100-80g-tp4"]
H100_8B = COST_PRESETS["llama-3.1-8b-h100-sxm"]
H100_70B = COST_PRESETS["llama-3-70b-h100-sxm-tp4"]

_OFFLINE = (
    (128, 128, 30000),
    (128, 2048, 3000),
    (128, 4096, 1500),
    (500, 2000, 3000),
    (1000, 1000, 3000),
    (2048, 128, 3000),
    (2048, 2048, 1500),
    (5000, 500, 1500),
    (20000, 2000, 1000),
)
"""Prompt and answer tokens, and how many requests arrive at once."""


def _at_once(cost: CostModel, precision: str, band: Band, *throughputs: float) -> Source:
    """Every length of ``_OFFLINE``, all requests arriving at once."""
    cases = (
        Case(prompt=prompt, answer=answer, requests=requests, throughput=throughput)
        for (prompt, answer, requests), throughput in zip(_OFFLINE, throughputs, strict=True)
    )
    return Source(
        name="TensorRT-LLM 0.17",
        precision=precision,
        cost=cost,
        cases=tuple(cases),
        bands={"throughput": band},
    )


# fmt: off
THROUGHPUT = (
    _at_once(
        A100_8B, "FP16", (0.8, 1.05),
        6627.27, 5255.99, 3453.79, 4276.58, 3786.83, 799.61, 2424.16, 825.13, 330.04,
    ),
    _at_once(
        A100_70B, "FP16", (0.85, 1.3),
        2733.48, 2811.27, 1976.49, 2275.79, 1921.77, 325.15, 1393.64, 392.62, 212.08,
    ),
    _at_once(
        fp8(H100_8B), "FP8", (0.85, 1.2),
        28836.77, 21109.38, 13593.65, 16500.69, 15244.78, 3556.73, 9488.42, 3559.36, 1401.31,
    ),
    _at_once(
        fp8(H100_70B), "FP8", (1.05, 1.55),
        11127.53, 11511.93, 7439.41, 9836.7, 7430.99, 1302.6, 5480.03, 1602.78, 920.19,
    ),
    Source(
        name="TensorRT-LLM #2648", precision="FP16", cost=A100_8B,
        cases=(Case(prompt=35, answer=250, requests=8192, throughput=5500),),
        bands={"throughput": (1.8, 1.85)},
    ),
)

_RATES = (2, 4, 8, 16, 32, None)
_LENGTHS = ((467, 256), (467, 16), (202, 214))


def _served(
    cost: CostModel,
    at_a_rate: Mapping[str, Band],
    at_once: Mapping[str, Band],
    *figures: tuple[float, float, float],
) -> tuple[Source, Source]:
    """TTFT, ITL and throughput of 500 requests of each of ``_LENGTHS`` at each of ``_RATES``.

    Two sources, with the bands of each: those at a rate, and those that arrive all at once.
    """
    cases = [
        Case(
            prompt=prompt, answer=answer, requests=500, rate=rate,
            ttft_ms=ttft, itl_ms=itl, throughput=throughput,
        )
        for ((prompt, answer), rate), (ttft, itl, throughput) in zip(
            product(_LENGTHS, _RATES), figures, strict=True
        )
    ]
    return (
        Source(
            name="TensorRT-LLM 0.14 serving, at a rate", precision="BF16", cost=cost,
            cases=tuple(case for case in cases if case.rate is not None), bands=at_a_rate,
        ),
        Source(
            name="TensorRT-LLM 0.14 serving, all at once", precision="BF16", cost=cost,
            cases=tuple(case for case in cases if case.rate is None), bands=at_once,
        ),
    )


SERVING = (
    *_served(
        H100_8B,
        {"throughput": (0.95, 1.25), "ttft_ms": (0.6, 0.9), "itl_ms": (0.85, 1.3)},
        {"throughput": (1.0, 1.8), "ttft_ms": (0.8, 0.95), "itl_ms": (0.75, 1.3)},
        (23, 8, 504), (24, 9, 929), (26, 9, 1959), (30, 11, 3765), (50, 19, 6774),
        (3335, 39, 9420),
        (19, 7, 32), (20, 7, 63), (22, 7, 126), (24, 8, 251), (29, 10, 493), (3280, 193, 1269),
        (19, 7, 416), (20, 8, 816), (21, 9, 1568), (23, 10, 2879), (27, 11, 4825),
        (1657, 21, 8291),
    ),
    *_served(
        H100_70B,
        {"throughput": (0.95, 1.75), "ttft_ms": (0.5, 0.9), "itl_ms": (0.55, 1.05)},
        {"throughput": (1.0, 1.9), "ttft_ms": (0.85, 0.95), "itl_ms": (0.75, 1.2)},
        (62, 21, 498), (68, 24, 973), (92, 32, 1860), (175, 66, 3164), (1229, 86, 4083),
        (9123, 85, 4103),
        (53, 18, 28), (58, 20, 63), (71, 24, 126), (109, 38, 248), (1197, 482, 452),
        (9126, 548, 454),
        (48, 20, 401), (51, 22, 771), (57, 25, 1390), (74, 32, 2245), (116, 42, 3003),
        (4482, 50, 3459),
    ),
)
# fmt: on


def _alone(prompt: int, throughput: float) -> Case:
    return Case(prompt=prompt, answer=2048, requests=1, throughput=throughput)


def _first(prompt: int, ttft_ms: float, requests: int = 1) -> Case:
    return Case(prompt=prompt, answer=1, requests=requests, ttft_ms=ttft_ms)


def _sixteen(engine: str, cost: CostModel, ttft_ms: float, band: Band) -> Source:
    """Sixteen prompts of 1024 tokens, computed together."""
    return Source(
        name=f"LLM-Inference-Bench, {engine}",
        precision="precision not stated",
        cost=cost,
        cases=(_first(1024, ttft_ms, 16),),
        bands={"ttft_ms": band},
        budget=16384,
        chunked=False,
    )


ALONE = (
    Source(
        name="Qwen2.5 speed, vLLM 0.6.3",
        precision="BF16",
        cost=A100_14B,
        cases=(_alone(1, 46.30), _alone(6144, 43.83), _alone(14336, 41.91), _alone(30720, 37.18)),
        bands={"throughput": (0.95, 1.1)},
        chunked=False,
    ),
    Source(
        name="TensorRT-LLM 0.5 latency",
        precision="FP16",
        cost=A100_70B,
        cases=(_first(128, 47), _first(2048, 377)),
        bands={"ttft_ms": (0.6, 1.15)},
        chunked=False,
    ),
    Source(
        name="TensorRT-LLM 0.5 latency",
        precision="FP8",
        cost=fp8(H100_70B),
        cases=(_first(128, 26), _first(2048, 109)),
        bands={"ttft_ms": (0.45, 0.8)},
        chunked=False,
    ),
    _sixteen("TensorRT-LLM", A100_8B, 1050.13, (1.15, 1.2)),
    _sixteen("vLLM", A100_8B, 1042.05, (1.15, 1.2)),
    _sixteen("DeepSpeed-MII", A100_8B, 2413.85, (0.5, 0.55)),
    _sixteen("TensorRT-LLM", H100_8B, 405.42, (0.95, 1.0)),
    _sixteen("vLLM", H100_8B, 425.67, (0.9, 0.95)),
)
"""One request alone, and the first token of one request or of 16 that are computed together."""
