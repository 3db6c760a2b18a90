"""The figures that a night can be judged by: which way is worse, and what is too little to matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sgengine.errors import UsageError

LOWER, HIGHER = -1, 1
"""Which way of a figure is worse."""

SHARE = "share"
"""Unit of figures from 0 to 1, which are judged by their difference alone (``min_percent`` 0)."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure of a group by its name in ``sgengine analyze --csv``.

    ``worse``: LOWER or HIGHER. A change for the worse must be more than ``min_percent`` of the median
    and more than ``min_absolute``, in ``unit``, to be a breach: what nobody would notice is none.
    """

    name: str
    unit: str
    worse: int
    min_percent: float
    min_absolute: float


def _share(name: str, worse: int) -> Metric:
    return Metric(name=name, unit=SHARE, worse=worse, min_percent=0.0, min_absolute=0.01)


def _rate(name: str, unit: str) -> Metric:
    """Rates have no least effect of their own: a workload of ten requests a night has small ones."""
    return Metric(name=name, unit=unit, worse=LOWER, min_percent=5.0, min_absolute=0.0)


_LEAST_MS = {"ttft": 10.0, "tpot": 1.0, "e2e_latency": 100.0, "user_idle_latency": 10.0}
_STATISTICS = ("mean", "p50", "p90", "p95", "p99", "p99_9", "max")

METRICS = (
    _rate("smooth_goodput", "tokens/s"),
    _share("slo_attainment", LOWER),
    _rate("request_goodput", "requests/s"),
    *(
        Metric(
            name=f"{latency}_{statistic}_ms",
            unit="ms",
            worse=HIGHER,
            min_percent=5.0,
            min_absolute=least,
        )
        for latency, least in _LEAST_MS.items()
        for statistic in _STATISTICS
    ),
    # Traffic has weekends and holidays; half of it does not go missing without a reason.
    Metric(name="requests", unit="requests", worse=LOWER, min_percent=50.0, min_absolute=10.0),
    _share("ok_share", LOWER),
    _share("incomplete_share", HIGHER),
    _share("token_attainment", LOWER),
    _rate("token_goodput", "tokens/s"),
    _rate("on_time_token_goodput", "tokens/s"),
    _rate("request_throughput", "requests/s"),
    _rate("output_throughput", "tokens/s"),
    _rate("total_throughput", "tokens/s"),
)
"""Every figure that can be judged."""

DEFAULT_METRICS = (
    "smooth_goodput",
    "slo_attainment",
    "request_goodput",
    "ttft_p99_ms",
    "tpot_p99_ms",
    "user_idle_latency_p99_ms",
    "requests",
    "ok_share",
    "incomplete_share",
)


def chosen_metrics(
    names: Iterable[str] = (),
    *,
    min_percent: Iterable[str] = (),
    min_absolute: Iterable[str] = (),
) -> tuple[Metric, ...]:
    """The metrics of these names (none: the default ones) with least effects of the caller's.

    ``min_percent``: ``P`` for every chosen metric that is no share, ``METRIC=P`` for one.
    ``min_absolute``: ``METRIC=V`` in the metric's unit. UsageError for an unknown or repeated name,
    or a number that is negative or none.
    """
    found = {name: _metric(name) for name in _once(tuple(names) or DEFAULT_METRICS)}
    percent = _numbers("min-percent", min_percent, found, bare=True)
    absolute = _numbers("min-absolute", min_absolute, found, bare=False)
    everywhere = percent.get("")
    return tuple(
        replace(
            metric,
            min_percent=percent.get(
                name,
                metric.min_percent if everywhere is None or metric.unit == SHARE else everywhere,
            ),
            min_absolute=absolute.get(name, metric.min_absolute),
        )
        for name, metric in found.items()
    )


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise UsageError(f"metric {name} is given twice: give each once")
    return names


def _metric(name: str) -> Metric:
    for metric in METRICS:
        if metric.name == name:
            return metric
    known = ", ".join(metric.name for metric in METRICS)
    raise UsageError(f"metric is '{name}': give one of {known}")


def _numbers(
    option: str, texts: Iterable[str], metrics: Mapping[str, Metric], *, bare: bool
) -> dict[str, float]:
    """The numbers by metric, one without a name under ``""``."""
    found: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        if (name not in metrics) if equals else not bare:
            form = "P or METRIC=P" if bare else "METRIC=V"
            raise UsageError(
                f"--{option} is '{text}': give {form} with METRIC of {', '.join(metrics)}"
            )
        found[name] = _least(option, text, number)
    return found


def _least(option: str, text: str, number: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise UsageError(f"--{option} is '{text}': give a number of 0 or more")
    return value
