"""GuideLLM's benchmarks.json as evidence: a run a benchmark."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import msgspec
import numpy as np

from sgengine.errors import FormatError
from sgengine.parity.clients.guidellm import V03, V05, V08
from sgengine.parity.clients.guidellm_03 import in_03
from sgengine.parity.clients.guidellm_rows import KINDS, STATUSES, Row, Rows, rows_of
from sgengine.parity.clients.guidellm_samples import Made, Maker, since_05
from sgengine.parity.clients.json_files import Object, at, decode, seconds_of, text_of, tree
from sgengine.parity.evidence import Evidence, Number, Samples
from sgengine.parity.profile import Profile
from sgengine.parity.statistics import Population

_OBJECTIVES = {"ttft_ms": "ttft", "tpot_ms": "tpot", "e2el_ms": "e2e"}


class _File(msgspec.Struct, gc=False):
    benchmarks: list[msgspec.Raw]
    metadata: dict[str, object] | None = None


def evidence(path: str) -> list[Evidence]:
    """A run a benchmark. Raises FormatError for damage."""
    file = decode(path, text_of(path), _File)
    version = str(at(file.metadata, "guidellm_version") or "0.3")
    profile = _profile(version if file.metadata else None)
    runs = []
    for place, raw in enumerate(file.benchmarks, 1):
        what = f"benchmark {place}"
        name = f"#{place}" if len(file.benchmarks) > 1 else ""
        run = _run(path, decode(path, bytes(raw), Object, what), profile, version, name, what)
        runs.append(replace(run, place=place - 1))
    return runs


def _profile(version: str | None) -> Profile:
    """The rules of a version; without metadata it is 0.3."""
    if version is None:
        return V03
    found = re.match(r"(\d+)\.(\d+)", version)
    number = (int(found[1]), int(found[2])) if found else (0, 8)
    return V05 if number < (0, 7) else V08


def _run(
    path: str, benchmark: Object, profile: Profile, version: str, name: str, what: str
) -> Evidence:
    stated = tree(path, benchmark, ("requests",))
    kind = KINDS[profile is V03]
    requests = benchmark.get("requests", msgspec.Raw(b"{}"))
    rows = rows_of(path, decode(path, bytes(requests), kind, f"requests of {what}"))
    sampled = _is_sampled(stated, rows)
    slo = _slo(stated)
    samples: Made = {}
    numbers: dict[str, Number] = {}
    if not sampled:
        samples, numbers = _made(path, stated, rows, profile, slo)
    return Evidence(
        run=name,
        profile=profile,
        version=version,
        stated=stated,
        samples=samples,
        numbers=numbers,
        unknown={"*": "the file holds a sample of its requests"} if sampled else {},
        slo=tuple(f"{_OBJECTIVES[key]}:{bound:.6f}ms" for key, bound in slo.items()),
    )


def _is_sampled(stated: Mapping[str, object], rows: Rows) -> bool:
    """Whether fewer requests are listed than were made."""
    for keys in (("scheduler_metrics", "requests_made"), ("run_stats", "requests_made")):
        made = at(stated, *keys, "total")
        if isinstance(made, int):
            return sum(len(found) for found in rows.values()) < made
    return False


def _slo(stated: Mapping[str, object]) -> dict[str, float]:
    """The objectives of the benchmark, in ms."""
    found = {key: seconds_of(at(stated, "config", "slo", key)) for key in _OBJECTIVES}
    return {key: bound for key, bound in found.items() if bound is not None}


def _made(
    path: str, stated: Mapping[str, object], rows: Rows, profile: Profile, slo: dict[str, float]
) -> tuple[Made, dict[str, Number]]:
    if profile is V03:
        return _in_03(stated, rows), _totals(rows) | _totals(rows, "made")
    maker = Maker(rows=rows, window=_window(path, stated), is_08=profile is V08)
    made, numbers = since_05(maker), _totals(maker.within()) | _totals(rows, "made")
    if slo:
        good = _goodput(maker, slo)
        made, numbers = made | good[0], numbers | good[1]
    else:
        numbers["slo_determined"] = Number(low=0)
    return made, numbers


def _window(path: str, stated: Mapping[str, object]) -> tuple[float, float]:
    """The measure window. Raises FormatError if the file has none."""
    for place, begin, end in (
        (("scheduler_metrics",), "measure_start_time", "measure_end_time"),
        ((), "start_time", "end_time"),
    ):
        first, last = (seconds_of(at(stated, *place, key)) for key in (begin, end))
        if first is not None and last is not None:
            return first, last
    raise FormatError(
        f"{path} has no measure_start_time and measure_end_time: take it from the client again"
    )


def _in_03(stated: Mapping[str, object], rows: Rows) -> Made:
    """The samples of 0.3.

    Its builds differ in whether tokens_per_second counts the first token beside the prompt: the stated
    mean tells.
    """
    mean = at(stated, "metrics", "tokens_per_second", "total", "mean")
    made = [in_03(rows, beside_prompt=count) for count in (1.0, 0.0)]
    if not isinstance(mean, int | float):
        return made[0]
    return min(made, key=lambda found: abs(_mean(found["tokens_per_second/total"]) - mean))


def _mean(samples: Samples) -> float:
    return Population.of(samples.values, weights=samples.weights, plain=True).get("mean") or 0.0


def _totals(rows: Rows, name: str = "requests") -> dict[str, Number]:
    counts = {status: len(rows[status]) for status in STATUSES}
    counts["total"] = sum(counts.values())
    return {f"{name}/{status}": Number(low=count) for status, count in counts.items()}


def _goodput(maker: Maker, slo: Mapping[str, float]) -> tuple[Made, dict[str, Number]]:
    """Attainment and rate of conforming requests; errors count against it, cancelled ones do not."""
    rows = maker.within()
    verdicts = [_conforms(row, slo) for row in rows["successful"]]
    good = [row for row, verdict in zip(rows["successful"], verdicts, strict=True) if verdict]
    determined = sum(verdict is not None for verdict in verdicts) + len(rows["errored"])
    numbers = {"slo_determined": Number(low=determined)}
    if not determined:
        return {}, numbers
    numbers["slo_attainment"] = Number(low=len(good) / determined)
    conforming: Rows = {status: [] for status in STATUSES} | {"successful": good}
    made = maker.rates(
        "goodput", conforming, lambda r: [] if r.end is None else [(r.end, 1.0)], maker.window
    )
    return made, numbers


def _conforms(row: Row, slo: Mapping[str, float]) -> bool | None:
    """Whether every objective holds; None as soon as one has no value."""
    latency = None if row.latency is None else row.latency * 1000.0
    measured = {"ttft_ms": row.ttft_ms, "tpot_ms": row.itl_ms, "e2el_ms": latency}
    values = [(measured[key], bound) for key, bound in slo.items()]
    if any(value is None for value, _ in values):
        return None
    return bool(np.all([value <= bound for value, bound in values if value is not None]))
