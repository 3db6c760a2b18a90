"""GuideLLM's rules: weighted distributions, percentiles without interpolation, its measure window."""

from __future__ import annotations

from dataclasses import replace

from sgengine.parity.profile import Closed, Figure, Profile, Rule, Settings
from sgengine.parity.statistics import INVERTED_CDF

_TOUCHING = "requests that touch the measure window, by status"
_WINDOW = "scheduler_metrics.measure_start_time to measure_end_time"


def _at(metric: str) -> tuple[str, ...]:
    """Where a distribution is: its statistics, and its percentiles one level deeper."""
    return f"{metric}/{{status}}/{{s}}", f"{metric}/{{status}}/percentiles/{{s}}"


_LATENCIES: tuple[Figure, ...] = (
    Figure(
        name="time_to_first_token_ms",
        at=_at("metrics/time_to_first_token_ms"),
        doc="first token since the sending; 0.0 for a request without one",
        source="time_to_first_token_ms/{status}",
        ours="ttft_ms",
        why="ours counts from the schedule where the strategy has one, leaves out what has no token, "
        "and interpolates percentiles",
    ),
    Figure(
        name="inter_token_latency_ms",
        at=_at("metrics/inter_token_latency_ms"),
        doc="(last - first token) / (tokens - 1), a value a request",
        source="inter_token_latency_ms/{status}",
        weighting="tokens - 1",
        ours="tpot_ms",
        why="the client's ITL is our tpot; in ours every request weighs the same, and percentiles are "
        "interpolated",
    ),
    Figure(
        name="time_per_output_token_ms",
        at=_at("metrics/time_per_output_token_ms"),
        doc="(last token - sending) / tokens: includes the first token",
        source="time_per_output_token_ms/{status}",
        weighting="tokens",
        why="ours has no such figure: it is e2e_latency / n; our tpot leaves the first token out",
    ),
    Figure(
        name="request_latency",
        at=_at("metrics/request_latency"),
        doc="sending to the end of the stream, in s; 0.0 for a request without an end",
        source="request_latency/{status}",
        ours="e2e_latency_ms",
        scale=1e-3,
        why="ours ends at the last token, counts from the schedule where there is one, and "
        "interpolates percentiles",
    ),
)
_RATES: tuple[Figure, ...] = (
    Figure(
        name="requests_per_second",
        at=_at("metrics/requests_per_second"),
        doc="request ends over the time from midpoint to midpoint around each; the mean is ends / "
        "window",
        source="requests_per_second/{status}",
        weighting="seconds",
        denominator="the measure window",
        ours="request_throughput",
        why="ours counts every ok request over the file's duration, in the window or not",
    ),
    Figure(
        name="output_tokens_per_second",
        at=_at("metrics/output_tokens_per_second"),
        doc="tokens, spread evenly over the messages between first and last token",
        source="output_tokens_per_second/{status}",
        weighting="seconds",
        ours="output_throughput",
        why="ours is all delivered tokens over the file's duration, with the prefill before the first "
        "of them",
    ),
    Figure(
        name="tokens_per_second",
        at=_at("metrics/tokens_per_second"),
        doc="the same with the prompt at the first token",
        source="tokens_per_second/{status}",
        weighting="seconds",
        ours="total_throughput",
        why="ours is all tokens over the file's duration",
    ),
    Figure(
        name="request_concurrency",
        at=_at("metrics/request_concurrency"),
        doc="requests in flight over time",
        source="request_concurrency/{status}",
        weighting="seconds",
        why="ours has no such figure",
        headline=False,
    ),
)
_OTHERS: tuple[Rule, ...] = (
    Figure(
        name="text metrics",
        at=tuple(
            f"metrics/text/{{kind}}/{{side}}/{{status}}/{end}" for end in ("{s}", "percentiles/{s}")
        ),
        doc="tokens, words and characters; their rates and how many are in flight; total is inputs "
        "and outputs as values of one list",
        source="text/{kind}/{side}/{status}",
        weighting="seconds, where over time",
        window="none",
        why="ours has no such figure",
        headline=False,
    ),
    Figure(
        name="root_dispatch_delay",
        at=("metrics/root_dispatch_delay/{s}", "metrics/root_dispatch_delay/percentiles/{s}"),
        doc="sending after schedule, of first requests of conversations",
        source="root_dispatch_delay",
        why="ours counts it into TTFT",
        headline=False,
    ),
    Figure(
        name="counts, delays and further rates",
        at=_at("metrics/{metric}"),
        doc="tokens, messages and delays of requests; prompt tokens a second; tokens a message",
        source="{metric}/{status}",
        why="ours has no such figure",
        headline=False,
    ),
    Figure(
        name="request_totals",
        at=("metrics/request_totals/{status}", "request_totals/{status}"),
        doc="requests that touch the measure window",
        source="requests/{status}",
        ours="requests",
        ours_of=("total",),
        why="ours counts every request of the file, in the window or not",
        headline=False,
    ),
    Figure(
        name="requests_made",
        at=("scheduler_metrics/requests_made/{status}", "run_stats/requests_made/{status}"),
        doc="requests by how they ended",
        source="made/{status}",
        population="all listed requests",
        ours="requests",
        ours_of=("total",),
        why="the same requests",
        headline=False,
    ),
    Figure(
        name="slo_attainment",
        at=("metrics/slo_attainment",),
        doc="conforming / (determined successes + errors); tpot is compared with the ITL; a request "
        "of one token under a tpot objective is left out",
        source="slo_attainment",
        population="successes with every objective measured, and errors; no cancelled ones",
        denominator="determined successes + errored",
        ours="slo_attainment",
        why="ours divides by all requests, and one token passes TPOT (--denominator determined)",
    ),
    Figure(
        name="slo_determined_requests",
        at=("metrics/slo_determined_requests",),
        doc="the denominator of slo_attainment",
        source="slo_determined",
        population="successes with every objective measured, and errors",
        why="ours divides by all requests unless told otherwise",
        headline=False,
    ),
    Figure(
        name="request_goodput",
        at=_at("metrics/request_goodput"),
        doc="ends of conforming requests, as requests_per_second",
        source="goodput/{status}",
        weighting="seconds",
        denominator="the measure window",
        ours="request_goodput",
        why="ours divides by the file's duration",
    ),
    Closed(
        at=(
            "metrics/{metric}/{status}/mean_ci/*",
            "metrics/{metric}/{status}/percentile_cis/**",
            "metrics/root_dispatch_delay/mean_ci/*",
            "metrics/root_dispatch_delay/percentile_cis/**",
        ),
        reason="a confidence interval: sgengine has no rule for it",
    ),
    Closed(at=("metrics/{media}/**",), reason="of other media than text, or of no known rule"),
    Closed(
        at=("scheduler_metrics/{any}_time", "start_time", "end_time", "duration", "{any}_duration"),
        reason="the client's own window, which the figures are made by",
    ),
    Closed(
        at=("scheduler_metrics/**", "run_stats/**"),
        reason="averages of the client's scheduler, over more than the listed requests",
    ),
    Settings(at=("config/**", "scheduler_state/**", "args/**", "worker/**", "request_loader/**")),
)


_IN_03 = ("counts, delays and further rates", "request_totals", "requests_made")
"""Which of the others the oldest schema has."""


def _as_guidellm(rules: tuple[Rule, ...], window: str, population: str) -> tuple[Rule, ...]:
    """The rules with what all of GuideLLM's distributions share."""
    return tuple(
        replace(
            rule,
            percentile=INVERTED_CDF if rule.is_family else rule.percentile,
            population=population if rule.population == "successful requests" else rule.population,
            window=rule.window or (window if rule.is_family else ""),
            empty=0.0 if rule.is_family else None,
            ours_of=rule.ours_of or (("successful", "total") if rule.is_family else ()),
        )
        if isinstance(rule, Figure)
        else rule
        for rule in rules
    )


_SPELLINGS = (("p001", "p0.1"), ("p01", "p1"), ("p05", "p5"), ("p999", "p99.9"))
_FILES = "benchmarks.json, a run a benchmark: metrics and requests together"
V03 = Profile(
    client="guidellm",
    versions="0.3",
    files=_FILES,
    spellings=_SPELLINGS,
    rules=_as_guidellm(
        (
            *_LATENCIES[:2],
            replace(
                _LATENCIES[2],
                doc="(last - first token) / tokens: the first token is in the divisor alone",
                why="our tpot divides by tokens - 1",
                ours="tpot_ms",
            ),
            _LATENCIES[3],
            replace(
                _RATES[0],
                doc="request ends, each over the time to the next; the start counts as one end",
                denominator="first start to last end",
            ),
            replace(_RATES[1], doc="tokens, spread evenly from the first one to the request's end"),
            *_RATES[2:],
            *(rule for rule in _OTHERS if not isinstance(rule, Figure) or rule.name in _IN_03),
        ),
        "first start to last end",
        "requests of the status, of tokens where it is of tokens",
    ),
)
V05 = Profile(
    client="guidellm",
    versions="0.5 to 0.6",
    files=_FILES,
    spellings=_SPELLINGS,
    rules=_as_guidellm(
        (
            *_LATENCIES,
            _RATES[0],
            *(
                replace(
                    rate,
                    window="first token event to last token event",
                    why=f"{rate.why}; the client's span begins at the first token, which makes its "
                    "rate too high",
                )
                for rate in _RATES[1:3]
            ),
            _RATES[3],
            *_OTHERS,
        ),
        _WINDOW,
        _TOUCHING,
    ),
)
V08 = Profile(
    client="guidellm",
    versions="0.8 (0.7 is taken for it)",
    files=_FILES,
    spellings=_SPELLINGS,
    rules=_as_guidellm(
        (
            replace(
                _LATENCIES[0], population="requests whose sending to first token touches the window"
            ),
            replace(
                _LATENCIES[1], population="requests whose first token to end touches the window"
            ),
            *_LATENCIES[2:],
            *_RATES,
            *_OTHERS,
        ),
        _WINDOW,
        _TOUCHING,
    ),
)
PROFILES = (V03, V05, V08)
