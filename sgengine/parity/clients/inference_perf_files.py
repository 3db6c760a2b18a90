"""inference-perf's per-request file and the summaries beside it, as evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sgengine.errors import FormatError
from sgengine.parity.clients.inference_perf import STAGE, SUMMARY
from sgengine.parity.clients.inference_perf_rows import Row
from sgengine.parity.clients.json_files import (
    at,
    decode,
    floats,
    pooled,
    seconds_of,
    summary,
    text_of,
)
from sgengine.parity.evidence import Evidence, Number, Samples

SUMMARY_NAME = "summary_lifecycle_metrics.json"
STAGE_NAME = re.compile(r"stage_(\d+)_lifecycle_metrics\.json")
MEDIA = ("image", "video", "audio")


def evidence(path: str) -> list[Evidence]:
    """The whole run and its stages. Raises FormatError without a summary, or for damage."""
    rows = decode(path, text_of(path), list[Row])
    folder = Path(path).parent
    stages = sorted(
        (int(found[1]), file)
        for file in folder.iterdir()
        if (found := STAGE_NAME.fullmatch(file.name))
    )
    made = []
    whole = folder / SUMMARY_NAME
    if whole.is_file():
        made.append(_report(whole, rows, "" if not stages else "summary"))
    made += _stages([(f"stage {number}", file) for number, file in stages], rows)
    if not made:
        raise FormatError(f"{path} has no {SUMMARY_NAME} beside it, in which the figures are")
    return made


def _stages(files: Sequence[tuple[str, Path]], rows: Sequence[Row]) -> list[Evidence]:
    """The stages in order, each of as many rows as it counts; without rows if that does not add up."""
    ordered = sorted(rows, key=lambda row: row.start_time)
    reports = [(name, file, summary(file)) for name, file in files]
    counts = [at(stated, "load_summary", "count") for _, _, stated in reports]
    sizes = [count if isinstance(count, int) and count >= 0 else -1 for count in counts]
    adds_up = -1 not in sizes and sum(sizes) == len(rows)
    made, begin = [], 0
    for (name, file, stated), size in zip(reports, sizes, strict=True):
        if adds_up:
            made.append(_made(file, stated, ordered[begin : begin + size], name, is_stage=True))
            begin += size
            continue
        unknown = {"*": "the rows do not say their stage, and the stages' counts are not theirs"}
        made.append(
            Evidence(
                run=name,
                profile=STAGE,
                version="",
                stated=stated,
                unknown=unknown,
                place=None,
                summary_path=str(file),
            )
        )
    return made


def _report(file: Path, rows: Sequence[Row], name: str) -> Evidence:
    return _made(file, summary(file), rows, name, is_stage=False)


def _made(
    file: Path, stated: dict[str, object], rows: Sequence[Row], name: str, *, is_stage: bool
) -> Evidence:
    good = [row for row in rows if not row.failed]
    bad = [row for row in rows if row.failed]
    time = _time(rows)
    tokens = _output_tokens(stated, good, time)
    samples = _latencies(good, tokens) | _sizes("successes", good, tokens)
    samples |= _sizes("failures", bad, []) | {
        "failed_latency": Samples(values=floats(row.end_time - row.start_time for row in bad))
    }
    for media in MEDIA:
        counts = floats(row.media(media) for row in good)
        samples[f"successes/{media}/count"] = Samples(values=counts)
    return Evidence(
        run=name,
        profile=STAGE if is_stage else SUMMARY,
        version="stage" if is_stage else "",
        stated=stated,
        samples=samples,
        numbers=_numbers(rows, good, tokens, time)
        | _sums("successes", good)
        | _sums("failures", bad)
        | _goodput(stated, good),
        unknown={"successes/request_size_bytes": "the file has no requests' texts"},
        place=None if is_stage else 0,
        summary_path=str(file),
    )


def _time(rows: Sequence[Row]) -> float:
    """From the first start to the last end, of all rows."""
    if not rows:
        return 0.0
    return max(row.end_time for row in rows) - min(row.start_time for row in rows)


def _output_tokens(stated: Mapping[str, object], good: Sequence[Row], time: float) -> list[float]:
    """Tokens of each success: the client's count, or the server's under use_server_output_tokens.

    The report does not say which; its own throughput does.
    """
    counted = [row.response.output_tokens or 0.0 for row in good]
    served = [
        count if (count := row.server_output) is not None else own
        for row, own in zip(good, counted, strict=True)
    ]
    rate = seconds_of(at(stated, "successes", "throughput", "output_tokens_per_sec"))
    if rate is None or time <= 0:
        return counted
    return min((counted, served), key=lambda tokens: abs(sum(tokens) / time - rate))


def _latencies(good: Sequence[Row], tokens: Sequence[float]) -> dict[str, Samples]:
    """The five latencies of successes, in s."""
    latency = [row.end_time - row.start_time for row in good]
    streamed = [
        (row, times, count)
        for row, count in zip(good, tokens, strict=True)
        if len(times := row.response.output_token_times or []) > 1
    ]
    each = {
        "request_latency": latency,
        "normalized_time_per_output_token": [
            seconds / count if count > 0 else 0.0
            for seconds, count in zip(latency, tokens, strict=True)
        ],
        "time_to_first_token": [times[0] - row.start_time for row, times, _ in streamed],
        "time_per_output_token": [
            (times[-1] - times[0]) / (count - 1) for _, times, count in streamed if count > 1
        ],
    }
    gaps = pooled([np.diff(times).tolist() for _, times, _ in streamed])
    return {name: Samples(values=floats(values)) for name, values in each.items()} | {
        "inter_token_latency": Samples(values=gaps)
    }


def _sizes(side: str, rows: Sequence[Row], tokens: Sequence[float]) -> dict[str, Samples]:
    """Tokens and bytes of requests."""
    made = {
        "prompt_tokens": [row.prompt for row in rows],
        "output_len": [count for row in rows if (count := row.response.output_tokens) is not None],
        "output_tokens": [
            (row.response.output_tokens or 0.0) if (served := row.server_output) is None else served
            for row in rows
        ],
    }
    if all(row.request is not None for row in rows):
        made["request_size_bytes"] = [
            float(len(row.request.encode("utf-8", "surrogatepass")))
            for row in rows
            if row.request is not None
        ]
    return {f"{side}/{name}": Samples(values=floats(values)) for name, values in made.items()}


def _numbers(
    rows: Sequence[Row], good: Sequence[Row], tokens: Sequence[float], time: float
) -> dict[str, Number]:
    """Counts and rates; a run of no length has rates of 0."""
    starts = [row.start_time for row in rows]
    sending = max(starts) - min(starts) if starts else 0.0
    prompts, outputs = sum(row.prompt for row in good), sum(tokens)
    amounts = {
        "requests_per_sec": float(len(good)),
        "input_tokens_per_sec": prompts,
        "output_tokens_per_sec": outputs,
        "total_tokens_per_sec": prompts + outputs,
    } | {f"media/{name}s": sum(row.media(name) for row in good) for name in MEDIA}
    made = {name: amount / time if time > 0 else 0.0 for name, amount in amounts.items()} | {
        "benchmark_time_seconds": time,
        "successes": float(len(good)),
        "failures": float(len(rows) - len(good)),
        "load": float(len(rows)),
        "load/send_duration": sending,
        "load/achieved_rate": len(rows) / sending if sending > 0 else 0.0,
    }
    return {name: Number(low=value) for name, value in made.items()}


def _sums(side: str, rows: Sequence[Row]) -> dict[str, Number]:
    """Sums of tokens, and requests whose tokens the server did not count."""
    prompts = sum(row.prompt for row in rows)
    details = [row.usage.prompt_tokens_details for row in rows]
    cached = sum((detail.cached_tokens or 0.0) for detail in details if detail)
    prompt_known = [
        row.usage.prompt_tokens is not None or row.usage.input_tokens is not None for row in rows
    ]
    made = {
        "prompt_tokens/cached": cached,
        "prompt_tokens/uncached": max(prompts - cached, 0.0),
        "client_fallback_requests/prompt": float(len(rows) - sum(prompt_known)),
        "client_fallback_requests/output": float(sum(row.server_output is None for row in rows)),
    }
    return {f"{side}/{name}": Number(low=value) for name, value in made.items()}


def _goodput(stated: Mapping[str, object], good: Sequence[Row]) -> dict[str, Number]:
    """What follows from the number of good requests that the file states."""
    count = at(stated, "successes", "goodput_metrics", "good_requests")
    time = _time(good)
    if not isinstance(count, int) or not good:
        return {}
    return {
        "goodput_percentage": Number(low=100 * count / len(good)),
        "request_goodput": Number(low=count / time if time > 0 else 0.0),
    }
