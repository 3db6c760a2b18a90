"""GenAI-Perf over perf_analyzer's profile_export.json: only responses with content count.

Its lengths of outputs come from a tokenizer, so what is divided by them cannot be recomputed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from sgengine.errors import FormatError
from sgengine.parity.clients.json_files import at, decode, floats, number_at, summary, text_of
from sgengine.parity.evidence import Evidence, Samples
from sgengine.parity.profile import Closed, Figure, Profile, Settings

_OK = "requests with a response that has content"
_SPAN = "last response - first sending, of all requests"
_TOKENS = "needs the client's tokenizer: the file has no counts of tokens"

PROFILE = Profile(
    client="genai-perf",
    versions="0.0.16",
    files="profile_export.json of perf_analyzer; X_genai_perf.json beside X.json",
    rules=(
        Figure(
            name="time_to_first_token",
            at=("time_to_first_token/{s}",),
            doc="first response with content - sending",
            source="ttft",
            population=_OK,
            ours="ttft_ms",
            why="the same responses: ours equals it",
        ),
        Figure(
            name="time_to_second_token",
            at=("time_to_second_token/{s}",),
            doc="second response with content - first",
            source="ttst",
            population=f"{_OK}, two or more",
            why="ours has it among the itl samples",
        ),
        Figure(
            name="request_latency",
            at=("request_latency/{s}",),
            doc="last response with content - sending",
            source="latency",
            population=_OK,
            ours="e2e_latency_ms",
            why="the same responses: ours equals it",
        ),
        Figure(
            name="request_throughput",
            at=("request_throughput/{s}",),
            doc="all requests, also those without content / duration",
            source="request_throughput",
            population="all requests",
            denominator=_SPAN,
            ours="request_throughput",
            why="ours counts requests with content, over the time that the rows span",
        ),
        Figure(
            name="request_count",
            at=("request_count/{s}",),
            doc="requests; in some builds those with content",
            source="request_count",
            population="all requests",
            ours="requests",
            why="ours counts all, and shows those without content as failed",
        ),
        Figure(
            name="output_token_throughput",
            at=("output_token_throughput/{s}",),
            doc="output_sequence_length.avg * requests with content / duration, of the file's own "
            "figures",
            source="output_token_throughput",
            population=_OK,
            denominator=_SPAN,
            ours="output_throughput",
            why="ours has the server's tokens where a response carries usage, else the chunks",
        ),
        Figure(
            name="request_goodput",
            at=("request_goodput/{s}",),
            doc="requests whose values are within the objectives / duration; lists of values are "
            "paired by position, and a list that leaves requests out shifts",
            source="goodput",
            population=_OK,
            denominator=_SPAN,
            ours="request_goodput",
            why="ours looks at the values of one request together",
        ),
        Closed(
            at=(
                "inter_token_latency/{s}",
                "output_sequence_length/{s}",
                "input_sequence_length/{s}",
                "output_token_throughput_per_user/{s}",
                "output_token_throughput_per_request/{s}",
            ),
            reason=_TOKENS,
        ),
        Closed(
            at=("telemetry_stats/**", "telemetry_data/**"), reason="measured by the GPU's exporter"
        ),
        Settings(at=("input_config/**",)),
    ),
)
PROFILES = (PROFILE,)

_OBJECTIVES = {
    "time_to_first_token": "ttft",
    "time_to_second_token": "ttst",
    "request_latency": "latency",
}
_CLAUSES = {"time_to_first_token": "ttft", "request_latency": "e2e", "inter_token_latency": "tpot"}


class _Output(msgspec.Struct, gc=False):
    response: str | None = None
    text_output: str | None = None
    output_ids: msgspec.Raw | None = None


class _Request(msgspec.Struct, gc=False):
    timestamp: int
    response_timestamps: list[int] | None = None
    response_outputs: list[_Output] | None = None


class _Experiment(msgspec.Struct, gc=False):
    requests: list[_Request]


class _File(msgspec.Struct, gc=False):
    experiments: list[_Experiment]


class _Delta(msgspec.Struct, gc=False):
    content: str | None = None


class _Choice(msgspec.Struct, gc=False):
    delta: _Delta | None = None
    message: _Delta | None = None
    text: str | None = None


class _Message(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    text_output: str | None = None


def evidence(path: str) -> list[Evidence]:
    """The run of a file. Raises FormatError without its summary, or for damage in either."""
    beside = companion(path)
    if not beside.is_file():
        raise FormatError(f"{path} has no {beside.name} beside it, in which the figures are")
    stated = summary(beside)
    file = decode(path, text_of(path), _File)
    requests = [request for found in file.experiments[:1] for request in found.requests]
    times = [found for request in requests if (found := _with_content(request))]
    slos = _objectives(stated)
    samples = _samples(times)
    duration = _duration(requests)
    samples |= _rates(len(requests), len(times), stated, duration)
    if slos and duration and all(name in _OBJECTIVES for name in slos):
        good = _good([samples[_OBJECTIVES[name]] for name in slos], list(slos.values()))
        samples["goodput"] = Samples(values=floats([good / duration]))
    return [
        Evidence(
            run="",
            profile=PROFILE,
            version="",
            stated=stated,
            samples=samples,
            unknown={
                "goodput": _TOKENS
                if slos
                else "the file does not say which SLO --goodput was given",
                "output_token_throughput": "the file does not state output_sequence_length",
                "request_throughput": "no request has a response",
            },
            slo=_clauses(slos),
            summary_path=str(beside),
        )
    ]


def companion(path: str) -> Path:
    """Where the client puts the summary of this file."""
    return Path(path).with_name(f"{Path(path).stem}_genai_perf.json")


def _with_content(request: _Request) -> list[int]:
    """Sending time, then those of responses with content (ns); nothing if there is none.

    A response that is no message of its own is the rest of the one before.
    """
    stamps, outputs = request.response_timestamps or [], request.response_outputs or []
    kept: list[tuple[int, str, bool]] = []
    for stamp, output in zip(stamps, outputs, strict=False):
        text = output.response
        if text is None:
            kept.append((stamp, "", bool(output.text_output or output.output_ids)))
        elif kept and not text.startswith("data: ") and kept[-1][1].startswith("data: "):
            kept[-1] = (kept[-1][0], kept[-1][1].strip() + text.strip(), False)
        else:
            kept.append((stamp, text, False))
    found = [stamp for stamp, text, known in kept if known or _has_content(text)]
    return [request.timestamp, *found] if found else []


def _has_content(text: str) -> bool:
    """Whether any message of a response carries text."""
    for part in text.split("data: "):
        try:
            message = msgspec.json.decode(part.strip() or b"{}", type=_Message)
        except (msgspec.DecodeError, UnicodeError):
            continue
        choices = message.choices or []
        texts = [c.text or (c.delta or c.message or _Delta()).content for c in choices]
        if any(texts) or message.text_output:
            return True
    return False


def _samples(times: Sequence[Sequence[int]]) -> dict[str, Samples]:
    """The three latencies in ms."""
    made = {
        "ttft": [(stamps[1] - stamps[0]) / 1e6 for stamps in times],
        "ttst": [(stamps[2] - stamps[1]) / 1e6 for stamps in times if len(stamps) > 2],
        "latency": [(stamps[-1] - stamps[0]) / 1e6 for stamps in times],
    }
    return {name: Samples(values=floats(values)) for name, values in made.items()}


def _duration(requests: Sequence[_Request]) -> float:
    """Seconds from the first sending to the last response of all requests."""
    last = [max(found) for request in requests if (found := request.response_timestamps)]
    return (max(last) - min(r.timestamp for r in requests)) / 1e9 if last else 0.0


def _rates(
    requests: int, answered: int, stated: dict[str, object], duration: float
) -> dict[str, Samples]:
    count = float(requests) if at(stated, "request_count", "avg") != answered else float(answered)
    made = {"request_count": Samples(values=floats([count]))}
    if duration <= 0:
        return made
    made["request_throughput"] = Samples(values=floats([requests / duration]))
    mean = number_at(stated, "output_sequence_length", "avg")
    if mean is not None:
        made["output_token_throughput"] = Samples(values=floats([mean * answered / duration]))
    return made


def _objectives(stated: dict[str, object]) -> dict[str, float]:
    """The objectives of the configuration, in ms."""
    found = at(stated, "input_config", "goodput")
    if not isinstance(found, dict):
        return {}
    return {name: float(bound) for name, bound in found.items() if isinstance(bound, int | float)}


def _clauses(slos: dict[str, float]) -> tuple[str, ...]:
    if not slos or not all(name in _CLAUSES for name in slos):
        return ()
    return tuple(f"{_CLAUSES[name]}:{bound:.6f}ms" for name, bound in slos.items())


def _good(samples: Sequence[Samples], bounds: Sequence[float]) -> int:
    """Positions at which every list is within its bound, to the end of the shortest."""
    lists = [sample.values.tolist() for sample in samples]
    return sum(
        all(value <= bound for value, bound in zip(values, bounds, strict=True))
        for values in zip(*lists, strict=False)
    )
