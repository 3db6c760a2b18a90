"""NVIDIA AIPerf: profile_export.jsonl and the summary beside it, as evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import numpy as np

from sgengine.errors import FormatError
from sgengine.parity.clients.aiperf import OLDER, WINDOWED
from sgengine.parity.clients.json_files import at, decode, floats, lines, seconds_of, summary
from sgengine.parity.evidence import Evidence, Samples
from sgengine.parity.profile import Profile
from sgengine.readers.aiperf_summary import companion

WINDOW_STEP_S = 2e-6
"""How far the stated window may be off: two ends to the microsecond, by another clock than the one that
measured it."""

_CLAUSES = {
    "time_to_first_token": "ttft",
    "ttft": "ttft",
    "inter_token_latency": "tpot",
    "request_latency": "e2e",
}


class _Metadata(msgspec.Struct, gc=False):
    """When a request was due, sent and over, in ns since the epoch; and its phase."""

    credit_issued_ns: int | None = None
    request_start_ns: int | None = None
    timestamp_ns: int | None = None
    request_end_ns: int | None = None
    benchmark_phase: str | None = None
    credit_phase: str | None = None

    @property
    def start(self) -> int | None:
        return self.timestamp_ns if self.request_start_ns is None else self.request_start_ns


class _Metric(msgspec.Struct, gc=False):
    """One metric of a line: a number, or the numbers of a list metric."""

    value: float | list[float] | None = None


class _Line(msgspec.Struct, gc=False):
    metadata: _Metadata
    metrics: dict[str, _Metric] | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def failed(self) -> bool:
        return bytes(self.error) != b"null"


@dataclass(kw_only=True)
class _Phase:
    """The lines of one phase: values by metric, and the times that figures need (ns).

    ``delays`` and ``spans`` are differences of float64 in steps of 256 ns, as the client takes them.
    """

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    valid: int = 0
    errors: int = 0
    good: int = 0
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    spans: list[float] = field(default_factory=list)

    def take(self, line: _Line, slos: Mapping[str, float]) -> None:
        """Count one line in."""
        about = line.metadata
        if about.credit_issued_ns is not None and about.request_start_ns is not None:
            self.delays.append(float(about.request_start_ns) - float(about.credit_issued_ns))
        if about.credit_issued_ns is not None and about.request_end_ns is not None:
            self.spans.append(float(about.request_end_ns) - float(about.credit_issued_ns))
        if line.failed:
            self.errors += 1
            return
        self.valid += 1
        metrics = line.metrics or {}
        self.good += _is_good(metrics, slos)
        for tag, metric in metrics.items():
            if isinstance(metric.value, list):
                self.values[tag].extend(metric.value)
            elif metric.value is not None:
                self.values[tag].append(metric.value)
        self._times(about.start, metrics.get("request_latency"))

    def _times(self, start: int | None, latency: _Metric | None) -> None:
        if start is None or latency is None or not isinstance(latency.value, float):
            return
        self.starts.append(start)
        self.ends.append(start + round(latency.value * 1e6))


def _is_good(metrics: Mapping[str, _Metric], slos: Mapping[str, float]) -> bool:
    """Whether every objective has a value within it; throughputs are to reach theirs."""
    for tag, bound in slos.items():
        metric = metrics.get(tag)
        value = None if metric is None else metric.value
        if not isinstance(value, float):
            return False
        if not (value >= bound if "throughput" in tag else value <= bound):
            return False
    return bool(slos)


def evidence(path: str) -> list[Evidence]:
    """The run of an export. Raises FormatError without a summary, or for damage in either file."""
    beside = companion(path)
    if not beside.is_file():
        raise FormatError(f"{path} has no {beside.name} beside it, in which the figures are")
    stated = summary(beside)
    version = at(stated, "aiperf_version")
    slos = _objectives(stated)
    phases = _phases(path, slos)
    profile = WINDOWED if isinstance(version, str) else OLDER
    records = stated.get("records")
    figures = records if isinstance(records, dict) else stated
    made = _samples(phases["profiling"], _window(stated, phases["profiling"], profile), slos)
    warm = {
        f"warmup/{tag}": Samples(values=floats(v)) for tag, v in phases["warmup"].values.items()
    }
    warm |= {f"warmup/{tag}": sample for tag, sample in _counts(phases["warmup"]).items()}
    return [
        Evidence(
            run="",
            profile=profile,
            version=version if isinstance(version, str) else profile.versions,
            stated=figures,
            samples=warm | made,
            unknown=_unknown(slos),
            slo=_clauses(slos),
            summary_path=str(beside),
        )
    ]


def _phases(path: str, slos: Mapping[str, float]) -> dict[str, _Phase]:
    phases = {"profiling": _Phase(), "warmup": _Phase()}
    for place, text in lines(path):
        line = decode(path, text, _Line, f"line {place}")
        is_warm = "warmup" in (line.metadata.benchmark_phase, line.metadata.credit_phase)
        phases["warmup" if is_warm else "profiling"].take(line, slos)
    return phases


def _objectives(stated: Mapping[str, object]) -> dict[str, float]:
    """The SLO that the summary's configuration states, by metric and in its unit."""
    config = stated.get("input_config")
    for keys in (("slos",), ("input", "goodput"), ("goodput",)):
        found = at(config, *keys)
        if isinstance(found, Mapping):
            bounds = {str(tag): seconds_of(value) for tag, value in found.items()}
            return {tag: bound for tag, bound in bounds.items() if bound is not None}
    return {}


def _clauses(slos: Mapping[str, float]) -> tuple[str, ...]:
    """The objectives in our spelling; none unless all are of ours."""
    if not slos or not all(tag in _CLAUSES for tag in slos):
        return ()
    return tuple(f"{_CLAUSES[tag]}:{bound:.6f}ms" for tag, bound in slos.items())


def _unknown(slos: Mapping[str, float]) -> dict[str, str]:
    window = "the file does not state the phase window"
    rates = ("request_throughput", "output_token_throughput", "total_token_throughput")
    unknown = dict.fromkeys((*rates, "input_token_throughput"), window)
    no_slo = window if slos else "the file does not say which SLO --goodput was given"
    return unknown | dict.fromkeys(
        ("goodput", "good_request_fraction", "good_request_count"), no_slo
    )


def _window(
    stated: Mapping[str, object], phase: _Phase, profile: Profile
) -> tuple[float, float] | None:
    """What rates divide by, in seconds, least and most: the phase window, before 0.8 that of requests."""
    if profile is OLDER:
        seconds = _duration(phase)
        return (seconds, seconds) if seconds else None
    ends = [stated.get("start_time"), stated.get("end_time")]
    try:
        first, last = (datetime.fromisoformat(str(end)) for end in ends)
        seconds = (last - first).total_seconds()
    except (TypeError, ValueError):
        return None
    return (seconds - WINDOW_STEP_S, seconds + WINDOW_STEP_S) if seconds > WINDOW_STEP_S else None


def _duration(phase: _Phase, *, as_floats: bool = False) -> float:
    """Seconds from the first start to the last content.

    ``as_floats``: as AIPerf subtracts since 0.8, float64 of ns since the epoch, in steps of 256 ns.
    """
    if not phase.starts:
        return 0.0
    first, last = min(phase.starts), max(phase.ends)
    return (float(last) - float(first) if as_floats else last - first) / 1e9


def _samples(
    phase: _Phase, window: tuple[float, float] | None, slos: Mapping[str, float]
) -> dict[str, Samples]:
    """Every source: metrics of the lines, sums, counts, rates; rates none without a window."""
    made = {tag: Samples(values=floats(values)) for tag, values in phase.values.items()}
    sums = {f"total_{tag}": _one(float(sample.values.sum())) for tag, sample in made.items()}
    for name, tag in _TOTALS.items():
        if tag in made:
            sums[name] = _one(float(made[tag].values.sum()))
    if phase.errors:
        failed = np.full(phase.errors, np.inf)
        made |= {
            f"adj_{tag}": Samples(values=np.concatenate([sample.values, failed]))
            for tag, sample in made.items()
        }
    made |= sums | _counts(phase) | _times(phase)
    if slos:
        made |= _goodness(phase)
    return made | (_rates(phase, made, window, bool(slos)) if window else {})


_TOTALS = {
    "total_isl": "input_sequence_length",
    "total_osl": "output_sequence_length",
    "total_output_tokens": "output_token_count",
    "total_reasoning_tokens": "reasoning_token_count",
}


def _one(low: float, high: float | None = None) -> Samples:
    """A single value, which the client writes as an average."""
    return Samples(values=floats([low]), upper=None if high is None else floats([high]))


def _counts(phase: _Phase) -> dict[str, Samples]:
    attempted = phase.valid + phase.errors
    made = {
        "request_count": _one(phase.valid),
        "error_request_count": _one(phase.errors),
        "completed_request_count": _one(attempted),
    }
    return made | (
        {"request_error_rate": _one(100 * phase.errors / attempted)} if attempted else {}
    )


def _goodness(phase: _Phase) -> dict[str, Samples]:
    attempted = phase.valid + phase.errors
    made = {"good_request_count": _one(phase.good)}
    return made | ({"good_request_fraction": _one(phase.good / attempted)} if attempted else {})


def _times(phase: _Phase) -> dict[str, Samples]:
    """Figures of the wall clock."""
    made = {
        "schedule/credit_to_start": Samples(values=floats(ns / 1e6 for ns in phase.delays)),
        "schedule/effective": Samples(values=floats(ns / 1e6 for ns in phase.spans)),
    }
    if phase.starts:
        durations = [_duration(phase, as_floats=as_floats) for as_floats in (False, True)]
        made |= {
            "min_request_timestamp": _one(min(phase.starts)),
            "max_response_timestamp": _one(max(phase.ends)),
            "benchmark_duration": _one(min(durations), max(durations)),
        }
    return made


def _rates(
    phase: _Phase, made: Mapping[str, Samples], window: tuple[float, float], has_slo: bool
) -> dict[str, Samples]:
    """What is divided by the window, with the bounds that its ends leave."""
    amounts = {"request_throughput": float(phase.valid)}
    totals = {tag: float(made[tag].values[0]) for tag in ("total_isl", "total_osl") if tag in made}
    if "total_osl" in totals:
        amounts["output_token_throughput"] = totals["total_osl"]
    if "total_isl" in totals:
        amounts["input_token_throughput"] = totals["total_isl"]
    if len(totals) == 2:
        amounts["total_token_throughput"] = sum(totals.values())
    if has_slo:
        amounts["goodput"] = float(phase.good)
    low, high = window[::-1]
    exact = low == high
    return {
        tag: _one(amount / low, None if exact else amount / high) for tag, amount in amounts.items()
    }
