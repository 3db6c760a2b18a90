"""A store's aggregates for Prometheus: the OTel GenAI histograms, and the newest night as gauges.

Histograms count all wanted nights together, as a server's own would since its start, so that
``increase(..._bucket[1d])`` is the last night. Gauges and summaries are of each job's newest night.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from sgengine.analyze.stored_files import Wanted
from sgengine.export.exposition import (
    Family,
    Labels,
    Sample,
    histogram_samples,
    prometheus_name,
    render,
)
from sgengine.store import Snapshot
from sgengine.views import open_store, run_query

Row = Mapping[str, Any]

_NS = 1_000_000_000
_MS_PER_S = 1000


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """One OTel metric: its name, meaning and bucket bounds in s (those that OTel advises).

    ``value``: SQL of the value in ns to be summed, NULL for requests that do not count. ``within``:
    SQL that says whether it is at most ``{bound}`` ns, exactly. ``error``: SQL of ``error.type``.
    """

    name: str
    doc: str
    bounds: tuple[float, ...]
    value: str
    within: str
    error: str = "NULL"


_OK = "status = 'ok'"

HISTOGRAMS = (
    Histogram(
        name="gen_ai.server.time_to_first_token",
        doc="Time to the first token of requests that went well.",
        bounds=(
            *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08),
            *(0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
        ),
        value=f"CASE WHEN {_OK} THEN ttft_ns END",
        within=f"{_OK} AND ttft_ns <= {{bound}}",
    ),
    Histogram(
        name="gen_ai.server.time_per_output_token",
        doc="Mean time per output token after the first of requests that went well; summed to the ns.",
        bounds=(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5),
        value=f"CASE WHEN {_OK} THEN CAST(round(tpot_ns) AS BIGINT) END",
        within=(
            f"{_OK} AND tpot_ns IS NOT NULL AND "
            "e2e_latency_ns - ttft_ns <= {bound}::HUGEINT * (n_output_tokens - 1)"
        ),
    ),
    Histogram(
        name="gen_ai.server.request.duration",
        doc="Time from the arrival to the last token of requests that delivered one.",
        bounds=tuple(0.01 * 2**i for i in range(14)),
        value="e2e_latency_ns",
        within="e2e_latency_ns <= {bound}",
        error=f"CASE WHEN NOT {_OK} THEN status END",
    ),
)

_QUANTILES = {"p50": "0.5", "p90": "0.9", "p95": "0.95", "p99": "0.99", "p99_9": "0.999"}

SUMMARIES = {
    "ttft": ("sgengine_time_to_first_token_seconds", "Time to the first token, exact percentiles."),
    "tpot": (
        "sgengine_time_per_output_token_seconds",
        "Time per output token after the first, exact percentiles.",
    ),
    "e2e_latency": (
        "sgengine_request_duration_seconds",
        "Time to the last token, exact percentiles.",
    ),
    "user_idle_latency": (
        "sgengine_user_idle_latency_seconds",
        "How long the reader waited beyond what was accepted, exact percentiles.",
    ),
}
"""Latencies of the newest night: the columns of by_night by their stem -> name and meaning."""

GAUGES = {
    "smooth_goodput": (
        "sgengine_smooth_goodput_tokens_per_second",
        "Benefit of all requests a second.",
    ),
    "slo_attainment": ("sgengine_slo_attainment_ratio", "Requests that attain the SLO, of 1."),
    "request_goodput": (
        "sgengine_request_goodput_requests_per_second",
        "Requests that attain the SLO, a second.",
    ),
    "token_goodput": (
        "sgengine_token_goodput_tokens_per_second",
        "Tokens of requests that attain the SLO, a second.",
    ),
    "token_attainment": ("sgengine_token_attainment_ratio", "Tokens on time, of 1."),
    "on_time_token_goodput": (
        "sgengine_on_time_token_goodput_tokens_per_second",
        "Tokens on time, a second.",
    ),
    "request_throughput": (
        "sgengine_request_throughput_requests_per_second",
        "Requests that went well, a second.",
    ),
    "output_throughput": (
        "sgengine_output_throughput_tokens_per_second",
        "Tokens delivered, a second.",
    ),
}
"""Figures of the newest night: the columns of by_night -> name and meaning."""

_STATUSES = ("ok", "failed", "timeout", "rejected", "cancelled", "incomplete")


def exposition(snapshot: Snapshot, wanted: Wanted) -> str:
    """The text that Prometheus scrapes; UsageError if no night is wanted."""
    with open_store(snapshot, wanted=wanted) as connection:

        def rows(sql: str) -> list[Row]:
            found: list[Row] = run_query(connection, sql).to_pylist()
            return found

        histograms = [histogram(kind, rows(histogram_sql(kind))) for kind in HISTOGRAMS]
        newest = {night["job"]: night for night in rows("FROM nights ORDER BY day")}
        # A query each: a literal job and day is what reaches the files.
        last = [row for night in newest.values() for row in rows(_figures_sql(night))]
    return render([*histograms, *_of_night(last), *_of_jobs(list(newest.values()))])


def _figures_sql(night: Row) -> str:
    job = night["job"].replace("'", "''")
    return (
        f"FROM by_night WHERE job = '{job}' AND day = DATE '{night['day']}' "
        "ORDER BY system, workload"
    )


def histogram_sql(kind: Histogram) -> str:
    """The query that counts a histogram: a row a job, system, workload and error."""
    upto = ",\n".join(
        f"count(*) FILTER ({kind.within.format(bound=round(bound * _NS))}) AS b{i}"
        for i, bound in enumerate(kind.bounds)
    )
    return (
        f"SELECT job, system, workload, {kind.error} AS error,\n{upto},\n"
        f"count({kind.value}) AS n, sum({kind.value}) AS total\n"
        "FROM requests GROUP BY ALL HAVING n > 0 ORDER BY ALL"
    )


def histogram(kind: Histogram, rows: Iterable[Row]) -> Family:
    """The family of a counted histogram."""
    samples: list[Sample] = []
    for row in rows:
        labels = _labels(row)
        if row["error"] is not None:
            labels |= {"error_type": row["error"]}
        upto = [row[f"b{i}"] for i in range(len(kind.bounds))]
        total = int(row["total"]) / _NS
        samples += histogram_samples(labels, kind.bounds, upto, row["n"], total)
    return Family(
        name=prometheus_name(kind.name, "s"),
        kind="histogram",
        doc=kind.doc,
        samples=tuple(samples),
    )


def _labels(row: Row) -> dict[str, str]:
    return _job(row) | {"system": row["system"], "workload": row["workload"]}


def _of_night(rows: Sequence[Row]) -> Iterator[Family]:
    """Gauges and summaries of each job's newest night."""
    for column, (name, doc) in GAUGES.items():
        yield _gauge(name, doc, [(_labels(row), row[column]) for row in rows])
    statuses = [
        ({**_labels(row), "status": status}, row[f"n_{status}"])
        for row in rows
        for status in _STATUSES
    ]
    yield _gauge("sgengine_requests", "Requests of the newest night.", statuses)
    for stem, (name, doc) in SUMMARIES.items():
        samples = [sample for row in rows for sample in _summary(stem, row)]
        yield Family(name=name, kind="summary", doc=doc, samples=tuple(samples))


def _summary(stem: str, row: Row) -> Iterator[Sample]:
    count = row[f"n_{stem}"]
    if not count:
        return
    labels = _labels(row)
    for column, quantile in _QUANTILES.items():
        value = row[f"{stem}_{column}_ms"] / _MS_PER_S
        yield Sample(labels={**labels, "quantile": quantile}, value=value)
    total = row[f"{stem}_mean_ms"] * count / _MS_PER_S
    yield Sample(labels=labels, value=total, suffix="_sum")
    yield Sample(labels=labels, value=count, suffix="_count")


def _of_jobs(nights: Sequence[Row]) -> Iterator[Family]:
    """Which night is each job's newest, to tell a job that stopped."""
    days = [(_job(n), datetime.combine(n["day"], time(), UTC).timestamp()) for n in nights]
    made = [(_job(n), n["committed_at"].replace(tzinfo=UTC).timestamp()) for n in nights]
    yield _gauge("sgengine_night_timestamp_seconds", "The newest night, as its date in UTC.", days)
    yield _gauge("sgengine_night_committed_timestamp_seconds", "When it was committed.", made)


def _job(night: Row) -> dict[str, str]:
    """``job`` is Prometheus' own label: the store's is ``sgengine_job``."""
    return {"sgengine_job": night["job"]}


def _gauge(name: str, doc: str, values: Sequence[tuple[Labels, float | None]]) -> Family:
    samples = (Sample(labels=labels, value=value) for labels, value in values if value is not None)
    return Family(name=name, kind="gauge", doc=doc, samples=tuple(samples))
