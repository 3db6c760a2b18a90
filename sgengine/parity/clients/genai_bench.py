"""genai-bench: means of a request, one file a scenario and concurrency."""

from __future__ import annotations

import msgspec

from sgengine.parity.clients.json_files import Object, at, decode, floats, number_at, tree, whole
from sgengine.parity.evidence import Evidence, Number, Samples
from sgengine.parity.profile import Closed, Figure, Profile, Settings

_OK = "requests without error, outside warm-up and cool-down shares"
_WALL = "run_duration"


def _latency(name: str, doc: str, why: str, ours: str | None) -> Figure:
    return Figure(
        name=name,
        at=(f"stats/{name}/{{s}}",),
        doc=doc,
        source=name,
        population=_OK,
        ours=ours,
        scale=1e-3,
        why=why,
    )


def _rate(name: str, doc: str, source: str, ours: str | None, why: str) -> Figure:
    return Figure(
        name=name,
        at=(name,),
        doc=doc,
        source=source,
        population=_OK,
        denominator=_WALL,
        window="the client's clock around the run",
        ours=ours,
        why=why,
    )


PROFILE = Profile(
    client="genai-bench",
    versions="0.0.5",
    files="one JSON a scenario and concurrency: aggregated_metrics and individual_request_metrics",
    rules=(
        _latency(
            "ttft",
            "first content or reasoning, in _time_unit",
            "ours includes failed requests that have one, and warm-up rows",
            "ttft_ms",
        ),
        _latency(
            "tpot",
            "(e2e - ttft) / (tokens - 1), a value a request; null below 1 ms of output",
            "ours has a value for outputs of less than 1 ms too",
            "tpot_ms",
        ),
        _latency(
            "e2e_latency",
            "end of the stream, [DONE] or usage, in _time_unit",
            "ours ends at the last token where it is known",
            "e2e_latency_ms",
        ),
        Figure(
            name="other metrics of the requests",
            at=("stats/{name}/{s}",),
            doc="output latency, speeds, tokens",
            source="{name}",
            population=_OK,
            why="ours has no such figure",
            headline=False,
        ),
        _rate(
            "mean_output_throughput_tokens_per_s",
            "sum of output tokens / run_duration",
            "output",
            "output_throughput",
            "ours counts the tokens of failed requests too",
        ),
        _rate(
            "mean_input_throughput_tokens_per_s",
            "sum of input tokens / run_duration",
            "input",
            None,
            "ours has none of input tokens alone",
        ),
        _rate(
            "mean_total_tokens_throughput_tokens_per_s",
            "sum of all tokens / run_duration",
            "total",
            "total_throughput",
            "ours counts every request that delivered a token",
        ),
        _rate(
            "requests_per_second",
            "requests without error / run_duration",
            "requests",
            "request_throughput",
            "the same requests over the same seconds: ours equals it",
        ),
        Figure(
            name="num_requests",
            at=("num_requests", "total_arrivals"),
            doc="all requests",
            source="num_requests",
            population="all requests",
            ours="requests",
            why="the same requests",
        ),
        Figure(
            name="num_completed_requests",
            at=("num_completed_requests",),
            doc="requests without error_code",
            source="num_completed_requests",
            ours="status/ok",
            why="ok by the same rule",
        ),
        Figure(
            name="num_error_requests",
            at=("num_error_requests",),
            doc="requests with an error_code",
            source="num_error_requests",
            population="all requests",
            ours="status/failed",
            why="failed by the same rule",
        ),
        Figure(
            name="error_rate",
            at=("error_rate",),
            doc="0: divided before num_requests was counted; in repaired builds errors / requests",
            source="error_rate",
            population="all requests",
            why="ours has the counts",
        ),
        Closed(at=("run_duration",), reason="the client's own clock around the run"),
        Closed(
            at=("mean_total_chars_per_hour",),
            reason="needs the ratio of characters to tokens, which the file has not",
        ),
        Closed(
            at=("arrival_requests_per_second",),
            reason="needs the times of arrivals, which the file has not",
        ),
        Closed(at=("error_codes_frequency/*",), reason="counts by code, not of the run's figures"),
        Settings(at=("num_concurrency", "batch_size", "iteration", "time_unit", "{any}_ratio")),
    ),
)
PROFILES = (PROFILE,)


class _Outcome(msgspec.Struct, gc=False):
    error_code: int | str | None = None


def evidence(path: str) -> list[Evidence]:
    """The run of a file. Raises FormatError for damage."""
    content = whole(path)
    parts = ("individual_request_metrics",)
    document = tree(path, content, parts)
    stated = document.get("aggregated_metrics")
    stated = stated if isinstance(stated, dict) else {}
    rows = decode(path, bytes(content.get(parts[0], msgspec.Raw(b"[]"))), list[msgspec.Raw])
    outcomes = [decode(path, bytes(raw), _Outcome, parts[0]) for raw in rows]
    good = [raw for raw, row in zip(rows, outcomes, strict=True) if not row.error_code]
    kept = _steady(good, stated)
    samples = _samples([decode(path, bytes(raw), Object, parts[0]) for raw in kept], path)
    return [
        Evidence(
            run="",
            profile=PROFILE,
            version=str(at(document, "version") or ""),
            stated=stated,
            samples=samples,
            numbers=_numbers(len(rows), len(good), samples, number_at(stated, "run_duration")),
            unknown=dict.fromkeys(
                ("output", "input", "total", "requests"), "the file does not state run_duration"
            ),
            scale=1e3 if document.get("_time_unit") == "ms" else 1.0,
        )
    ]


def _steady(rows: list[msgspec.Raw], stated: dict[str, object]) -> list[msgspec.Raw]:
    """The rows behind the warm-up share and before the cool-down share."""
    warm, cool = (number_at(stated, f"{name}_ratio") or 0.0 for name in ("warmup", "cooldown"))
    return rows[int(len(rows) * warm) : max(0, len(rows) - int(len(rows) * cool))]


def _samples(rows: list[Object], path: str) -> dict[str, Samples]:
    """Every number of the requests, by name; nulls left out."""
    values: dict[str, list[float]] = {}
    for row in rows:
        for name, raw in row.items():
            value = decode(path, bytes(raw), object, name)
            held = values.setdefault(name, [])
            if isinstance(value, int | float) and not isinstance(value, bool):
                held.append(float(value))
    return {name: Samples(values=floats(found)) for name, found in values.items()}


def _numbers(
    rows: int, good: int, samples: dict[str, Samples], duration: float | None
) -> dict[str, Number]:
    errors = rows - good
    made = {
        "num_requests": Number(low=rows),
        "num_completed_requests": Number(low=good),
        "num_error_requests": Number(low=errors),
        "error_rate": Number(low=0.0, others=(errors / rows,) if rows else ()),
    }
    if not duration:
        return made
    sums = {
        name: float(samples[key].values.sum()) if key in samples else 0.0
        for name, key in (("output", "num_output_tokens"), ("input", "num_input_tokens"))
    }
    amounts = sums | {"total": sum(sums.values()), "requests": float(good)}
    return made | {name: Number(low=amount / duration) for name, amount in amounts.items()}
