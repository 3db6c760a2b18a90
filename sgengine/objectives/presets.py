"""Published objectives by name, each with its source (METRICS 7)."""

from __future__ import annotations

from dataclasses import dataclass

from sgengine.errors import UsageError
from sgengine.objectives.reader import DEFAULT_READER, Reader
from sgengine.objectives.slo import Slo

_MS = 1_000_000
_S = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a group must reach to meet a preset.

    ``metric``: ``slo_attainment`` (joint share of requests), ``marginal`` (each clause's metric has
    its ``share`` percentile within the clause, tested by itself), ``fluidity`` (that share of
    requests reaches ``at_least``), ``token_attainment`` (the group's value).
    """

    metric: str
    share: float
    at_least: float | None = None


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A published objective: reader, SLO and target, with where it was published."""

    name: str
    source: str
    reader: Reader = DEFAULT_READER
    slo: Slo | None = None
    target: Target | None = None


def _joint(name: str, ttft_s: float, tpot_s: float) -> Preset:
    slo = Slo(ttft_ns=round(ttft_s * _S), tpot_ns=round(tpot_s * _S))
    target = Target(metric="slo_attainment", share=0.9)
    return Preset(name=name, source="DistServe, arXiv 2401.09670, table 1", slo=slo, target=target)


def _marginal(name: str, source: str, ttft_ms: int, tpot_ms: int, e2e_ms: int = 0) -> Preset:
    slo = Slo(
        ttft_ns=ttft_ms * _MS,
        tpot_ns=tpot_ms * _MS,
        e2e_ns=e2e_ms * _MS if e2e_ms else None,
    )
    return Preset(name=name, source=source, slo=slo, target=Target(metric="marginal", share=0.99))


def _etalon(name: str, pace_ms: int) -> Preset:
    return Preset(
        name=name,
        source="Etalon, arXiv 2407.07000",
        reader=Reader(pace_ns=pace_ms * _MS, skip_first=True),
        target=Target(metric="fluidity", share=0.99, at_least=0.9),
    )


_MLPERF = "MLCommons inference policies"
_GUIDELLM = "GuideLLM's SLO guide"

PRESETS = (
    Preset(name="reader-5", source="arXiv 2410.14257 v2, section 5.2 (linear penalty is ours)"),
    Preset(
        name="reader-20",
        source="arXiv 2410.14257 v1, second-hand",
        reader=Reader.from_speed(20.0),
    ),
    _joint("distserve-chatbot-13b", 0.25, 0.1),
    _joint("distserve-chatbot-66b", 2.5, 0.15),
    _joint("distserve-chatbot-175b", 4.0, 0.2),
    _joint("distserve-code-66b", 0.125, 0.2),
    _joint("distserve-summarization-66b", 15.0, 0.15),
    _marginal("mlperf-llama2-70b", _MLPERF, 2000, 200),
    _marginal("mlperf-llama2-70b-interactive", _MLPERF, 450, 40),
    _marginal("mlperf-llama3.1-405b", _MLPERF, 6000, 175),
    _marginal("mlperf-llama3.1-405b-interactive", _MLPERF, 4500, 80),
    _marginal("mlperf-llama3.1-8b", _MLPERF, 2000, 100),
    _marginal("mlperf-llama3.1-8b-interactive", _MLPERF, 500, 30),
    _marginal("mlperf-deepseek-r1", _MLPERF, 2000, 80),
    _marginal("mlperf-deepseek-r1-interactive", _MLPERF, 1500, 15),
    _etalon("etalon-strict", 25),
    _etalon("etalon-medium", 50),
    _etalon("etalon-relaxed", 100),
    Preset(
        name="aegaeon",
        source="Aegaeon, SOSP 2025",
        reader=Reader(first_ns=10 * _S, pace_ns=100 * _MS),
        target=Target(metric="token_attainment", share=0.9),
    ),
    Preset(
        name="jitserve",
        source="JITServe, arXiv 2504.20068 (figure: on_time_token_goodput)",
        reader=Reader(first_ns=2100 * _MS, pace_ns=100 * _MS),
    ),
    _marginal("guidellm-chat", _GUIDELLM, 200, 50),
    _marginal("guidellm-rag", _GUIDELLM, 300, 100, 3000),
    _marginal("guidellm-content", _GUIDELLM, 600, 200),
    _marginal("guidellm-code", _GUIDELLM, 500, 150),
)


def preset(name: str) -> Preset:
    """The preset of this name; UsageError, with all names, if there is none."""
    for candidate in PRESETS:
        if candidate.name == name:
            return candidate
    names = ", ".join(p.name for p in PRESETS)
    raise UsageError(f"preset is '{name}': give one of {names}")
