"""The nano-vLLM harness: absolute token times, an offered window, an SLO on each request's p99 gap."""

from __future__ import annotations

import msgspec
import numpy as np

from sgengine.parity.clients.json_files import at, decode, floats, number_at, pooled, tree, whole
from sgengine.parity.evidence import Evidence, Number, Samples
from sgengine.parity.profile import Closed, Figure, Profile, Settings

TTFT_MS, GAP_MS = 5000.0, 1000.0
"""The harness's objectives, which its files do not state: TTFT, and the 99th percentile of a request's
gaps."""

_WINDOW = "the offered window, summary.measurement.duration"
_CLASS = "requests of class interactive"
_OFFERED = "ours divides by the whole run: tokens and ends come after the offered window too"

PROFILE = Profile(
    client="nanovllm",
    versions="schema 1",
    files="one JSON object: summary, characterization and requests",
    rules=(
        Figure(
            name="ttft_ms",
            at=("summary/interactive/ttft_ms/{s}",),
            doc="first token since the arrival",
            source="ttft",
            population=_CLASS,
            ours="ttft_ms",
            why="ours is of every class (--by request_class)",
        ),
        Figure(
            name="itl_ms",
            at=("summary/interactive/itl_ms/{s}",),
            doc="gaps between tokens, pooled",
            source="itl",
            population=_CLASS,
            ours="itl_ms",
            why="ours is of every class (--by request_class)",
        ),
        Figure(
            name="characterization ttft",
            at=("characterization/metrics/ttft_{s}_ms",),
            doc="the same as summary.interactive.ttft_ms",
            source="ttft",
            population=_CLASS,
            ours="ttft_ms",
            why="ours is of every class (--by request_class)",
            headline=False,
        ),
        Figure(
            name="characterization itl",
            at=("characterization/metrics/itl_{s}_ms",),
            doc="the same as summary.interactive.itl_ms",
            source="itl",
            population=_CLASS,
            ours="itl_ms",
            why="ours is of every class (--by request_class)",
            headline=False,
        ),
        Figure(
            name="slo_successes",
            at=("summary/interactive/slo_successes",),
            doc="finished, TTFT <= 5000 ms and the request's p99 gap <= 1000 ms",
            source="successes",
            population=_CLASS,
            why="ours has no clause on a percentile within a request: tbt is on the longest gap",
        ),
        Figure(
            name="slo_goodput_rps",
            at=("summary/interactive/slo_goodput_rps", "characterization/metrics/slo_goodput_rps"),
            doc="slo_successes / offered window",
            source="goodput",
            population=_CLASS,
            denominator=_WINDOW,
            window=_WINDOW,
            why=_OFFERED,
        ),
        Figure(
            name="output_throughput_tps",
            at=("summary/output_throughput_tps", "characterization/metrics/achieved_output_tps"),
            doc="all tokens, also those after the window / offered window",
            source="output",
            population="all requests",
            denominator=_WINDOW,
            window=_WINDOW,
            ours="output_throughput",
            why=_OFFERED,
        ),
        Figure(
            name="long",
            at=("summary/long/{name}",),
            doc="requests of class long: submitted, finished; finished and their tokens / window",
            source="long/{name}",
            population="requests of class long",
            denominator=_WINDOW,
            why=_OFFERED,
        ),
        Figure(
            name="counts",
            at=(
                "summary/terminal_counts/{name}",
                "summary/measurement/{name}",
                "characterization/metrics/{name}",
            ),
            doc="requests by how they ended; completion_rate: finished / submitted; tokens",
            source="count/{name}",
            population="all requests",
            why="ours has the same statuses",
            headline=False,
        ),
        Figure(
            name="submitted, interactive",
            at=("summary/interactive/submitted",),
            doc="requests of the class",
            source="interactive",
            population=_CLASS,
            why="ours has it with --by request_class",
            headline=False,
        ),
        Settings(at=("characterization/metrics/offered_{any}", "summary/measurement/*")),
        Closed(
            at=("characterization/metrics/**",),
            reason="states of queues and caches, not of requests",
        ),
        Settings(at=("schema_version", "seed", "characterization/*", "routing_summary/**")),
        Settings(at=("gpu_preflight/**", "gpu_provenance/**")),
    ),
)
PROFILES = (PROFILE,)

_WITHOUT = (
    "requests",
    "route_events",
    "resource_events",
    "step_events",
    "final_replica_snapshots",
    "gpu_preflight",
    "gpu_provenance",
)
_ENDS = ("Finished", "Rejected", "Failed", "Cancelled", "Unfinished")


class _Request(msgspec.Struct, gc=False):
    arrival_at: float
    request_class: str | None = None
    token_timestamps: list[float] | None = None
    terminal_state: str | None = None

    @property
    def times(self) -> list[float]:
        return self.token_timestamps or []

    @property
    def ttft_ms(self) -> float | None:
        return (self.times[0] - self.arrival_at) * 1000 if self.times else None

    @property
    def gaps_ms(self) -> np.ndarray:
        return np.diff(np.array(self.times, dtype=np.float64)) * 1000


def evidence(path: str) -> list[Evidence]:
    """The run of a file. Raises FormatError for damage."""
    content = whole(path)
    stated = tree(path, content, _WITHOUT)
    rows = decode(path, bytes(content.get("requests", msgspec.Raw(b"[]"))), list[_Request])
    interactive = [row for row in rows if row.request_class == "interactive"]
    window = number_at(stated, "summary", "measurement", "duration")
    return [
        Evidence(
            run="",
            profile=PROFILE,
            version=str(at(stated, "schema_version") or ""),
            stated=stated,
            samples={
                "ttft": Samples(
                    values=floats(ms for row in interactive if (ms := row.ttft_ms) is not None)
                ),
                "itl": Samples(values=pooled([row.gaps_ms.tolist() for row in interactive])),
            },
            numbers=_counts(rows, interactive)
            | _eligible(rows, stated)
            | (_rates(rows, interactive, window) if window else {}),
            unknown=dict.fromkeys(("goodput", "output"), "the file does not state the window"),
        )
    ]


def _is_good(row: _Request) -> bool:
    ttft, gaps = row.ttft_ms, row.gaps_ms
    if row.terminal_state != "Finished" or ttft is None or ttft > TTFT_MS:
        return False
    return gaps.size == 0 or float(np.percentile(gaps, 99)) <= GAP_MS


def _counts(rows: list[_Request], interactive: list[_Request]) -> dict[str, Number]:
    """How requests ended."""
    ended = {name: sum(row.terminal_state == name for row in rows) for name in _ENDS}
    counts = {f"count/{name}": count for name, count in ended.items()}
    counts |= {f"count/{name.lower()}": count for name, count in ended.items()}
    counts |= {
        "count/submitted": len(rows),
        "count/raw_token_count_check": sum(len(row.times) for row in rows),
        "interactive": len(interactive),
        "successes": sum(map(_is_good, interactive)),
    }
    made = {name: Number(low=count) for name, count in counts.items()}
    if rows:
        made["count/completion_rate"] = Number(low=ended["Finished"] / len(rows))
    return made


def _eligible(rows: list[_Request], stated: dict[str, object]) -> dict[str, Number]:
    """Arrivals within the offered window."""
    begin, end = (at(stated, "summary", "measurement", key) for key in ("start", "end"))
    if not isinstance(begin, int | float) or not isinstance(end, int | float):
        return {}
    return {"count/eligible_requests": Number(low=sum(begin <= r.arrival_at < end for r in rows))}


def _rates(rows: list[_Request], interactive: list[_Request], window: float) -> dict[str, Number]:
    """What is divided by the offered window."""
    long = [row for row in rows if row.request_class == "long"]
    finished = [row for row in long if row.terminal_state == "Finished"]
    made = {
        "goodput": sum(map(_is_good, interactive)) / window,
        "output": sum(len(row.times) for row in rows) / window,
        "long/submitted": len(long),
        "long/finished": len(finished),
        "long/request_goodput_rps": len(finished) / window,
        "long/token_goodput_tps": sum(len(row.times) for row in finished) / window,
    }
    return {name: Number(low=value) for name, value in made.items()}
