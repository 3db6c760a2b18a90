"""LLMPerf: means of a request, pandas' quantiles, ddof 1."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sgengine.errors import FormatError
from sgengine.parity.clients.json_files import decode, floats, number_at, summary, text_of
from sgengine.parity.evidence import Evidence, Number, Samples
from sgengine.parity.profile import Closed, Figure, Profile, Settings

DETAIL, SUMMARY = "_individual_responses", "_summary"
_OK = "rows without error_code"


def _family(name: str, doc: str, why: str, ours: str | None = None, scale: float = 1.0) -> Figure:
    return Figure(
        name=name,
        at=(f"results_{name}_quantiles_{{s}}", f"results_{name}_{{s}}"),
        doc=doc,
        source=name,
        population=_OK,
        ddof=1,
        ours=ours,
        scale=scale,
        why=why,
    )


PROFILE = Profile(
    client="llmperf",
    versions="2023-08-31",
    files="X_individual_responses.json, an object a request; X_summary.json beside it",
    rules=(
        _family(
            "inter_token_latency_s",
            "sum of all gaps, TTFT too, / chunks: about E2E / n",
            "ours has no such figure: the client's includes TTFT and divides by chunks",
        ),
        _family("ttft_s", "first content, in s", "ddof 1 for stddev; ours has 0", "ttft_ms", 1e-3),
        _family(
            "end_to_end_latency_s",
            "end of the stream, in s",
            "ours ends at the last token where it is known; ddof 1 for stddev, ours 0",
            "e2e_latency_ms",
            1e-3,
        ),
        _family(
            "request_output_throughput_token_per_s",
            "output tokens of a request / its latency",
            "ours has no such figure",
        ),
        _family("number_input_tokens", "prompt tokens", "ours has no such figure"),
        _family("number_output_tokens", "tokens by a Llama tokenizer", "ours has no such figure"),
        Figure(
            name="mean_output_throughput_token_per_s",
            at=("results_mean_output_throughput_token_per_s",),
            doc="sum of output tokens / wall time, that of num_completed_requests_per_min",
            source="throughput",
            population=_OK,
            denominator="the client's wall time",
            ours="output_throughput",
            why="ours needs a duration, which the detail has not",
        ),
        Figure(
            name="num_requests_started",
            at=("results_num_requests_started",),
            doc="all rows",
            source="started",
            population="all rows",
            ours="requests",
            why="the same rows",
        ),
        Figure(
            name="num_completed_requests",
            at=("results_num_completed_requests",),
            doc="rows without error_code",
            source="completed",
            population=_OK,
            ours="status/ok",
            why="ok by the same rule",
        ),
        Figure(
            name="number_errors",
            at=("results_number_errors",),
            doc="rows with an error_code",
            source="errors",
            population="all rows",
            ours="status/failed",
            why="failed by the same rule",
        ),
        Figure(
            name="error_rate",
            at=("results_error_rate",),
            doc="errors / rows",
            source="error_rate",
            population="all rows",
            denominator="all rows",
            why="ours has the counts",
        ),
        Closed(
            at=("results_num_completed_requests_per_min",),
            reason="the client's wall time is not in the detail",
        ),
        Settings(
            at=(
                "version",
                "mean_input_tokens",
                "stddev_input_tokens",
                "mean_output_tokens",
                "stddev_output_tokens",
                "num_concurrent_requests",
                "timestamp",
                "results_error_code_frequency",
            )
        ),
    ),
)
PROFILES = (PROFILE,)

_QUANTITIES = (
    "inter_token_latency_s",
    "ttft_s",
    "end_to_end_latency_s",
    "request_output_throughput_token_per_s",
    "number_input_tokens",
    "number_output_tokens",
)


class _Row(msgspec.Struct, gc=False):
    error_code: int | str | None = None
    inter_token_latency_s: float | None = None
    ttft_s: float | None = None
    end_to_end_latency_s: float | None = None
    request_output_throughput_token_per_s: float | None = None
    number_input_tokens: float | None = None
    number_output_tokens: float | None = None


def evidence(path: str) -> list[Evidence]:
    """The run of a detail file. Raises FormatError without its summary, or for damage in either."""
    beside = companion(path)
    if not beside.is_file():
        raise FormatError(f"{path} has no {beside.name} beside it, in which the figures are")
    stated = summary(beside)
    # The client may put texts between the rows, the keys of a dictionary it meant to add whole.
    rows = [
        decode(path, bytes(raw), _Row, f"request {place}")
        for place, raw in enumerate(decode(path, text_of(path), list[msgspec.Raw]), 1)
        if not bytes(raw).lstrip().startswith(b'"')
    ]
    good = [row for row in rows if row.error_code is None]
    values = {
        name: floats(value for row in good if (value := getattr(row, name)) is not None)
        for name in _QUANTITIES
    }
    return [
        Evidence(
            run="",
            profile=PROFILE,
            version=str(stated.get("version") or ""),
            stated=stated,
            samples={name: Samples(values=found) for name, found in values.items()},
            numbers=_numbers(
                len(rows),
                len(good),
                float(values["number_output_tokens"].sum()),
                number_at(stated, "results_num_completed_requests_per_min"),
            ),
            unknown={
                "throughput": "needs the wall time, which num_completed_requests_per_min tells",
                "error_rate": "there are no rows",
            },
            summary_path=str(beside),
        )
    ]


def companion(path: str) -> Path:
    """Where the client puts the summary of this file."""
    file = Path(path)
    return file.with_name(file.name.replace(DETAIL, SUMMARY, 1) if DETAIL in file.name else SUMMARY)


def _numbers(rows: int, good: int, tokens: float, a_minute: float | None) -> dict[str, Number]:
    made = {
        "started": Number(low=rows),
        "completed": Number(low=good),
        "errors": Number(low=rows - good),
    }
    if rows:
        made["error_rate"] = Number(low=(rows - good) / rows)
    if a_minute and good:
        made["throughput"] = Number(low=tokens / (good * 60 / a_minute))
    return made
