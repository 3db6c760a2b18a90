"""Etalon: every row counts, percentiles from a DDSketch of 0.1 %, deadlines with slack."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from sgengine.errors import FormatError
from sgengine.parity.clients.json_files import (
    at,
    decode,
    floats,
    number_at,
    pooled,
    same_length,
    summary,
    text_of,
    text_of_any,
)
from sgengine.parity.evidence import Evidence, Number, Samples
from sgengine.parity.profile import Closed, Figure, Profile, Tolerance
from sgengine.parity.statistics import LOWER

JSON_FILES = ("error_stats.json", "service_level_metrics.json", "throughput_metrics.json")
TABLE = "perf_metrics.csv"
STATS, SERVICE, THROUGHPUT = JSON_FILES

METRICS = {
    "num_prompt_tokens": "Number of Prompt Tokens",
    "num_output_tokens": "Number of Output Tokens",
    "num_total_tokens": "Number of Total Tokens",
    "tpot": "Time per Output Token",
    "ttft": "Time to First Token",
    "tbt": "Time Between Tokens",
    "end_to_end_latency": "End to End Latency",
    "normalized_end_to_end_latency": "Normalized End to End Latency",
    "output_throughput": "Output Throughput",
    "deadline_miss_rate": "Deadline Miss Rate with {deadlines} Deadline",
    "min_tbt_deadline_to_meet": "Min Deadline to Meet Target Deadline Miss Rate of {share}",
}
"""Quantities in the order of the table's rows, and how the summaries call them."""

_ROWS = "all rows, errored ones too, with zeros"
_SKETCH = Tolerance(
    percentiles=1.001e-3, reason="percentiles come from a DDSketch of 0.1 % relative accuracy"
)
_TABLE = Tolerance(
    percentiles=1.001e-3, absolute=5.1e-6, reason="a DDSketch of 0.1 %, printed with 5 decimals"
)
_OURS = {
    "ttft": "ttft_ms",
    "tpot": "tpot_ms",
    "tbt": "itl_ms",
    "end_to_end_latency": "e2e_latency_ms",
}
_WHY = {
    "ttft": "ours leaves out rows without tokens, the client counts them as 0; ours interpolates",
    "tpot": "ours leaves out rows of fewer than 2 tokens, the client counts them as 0",
    "tbt": "the client's is our rule token: zeros inside a chunk; ours is the rule chunk",
    "end_to_end_latency": "ours leaves out rows without tokens, the client counts them as 0",
}


def _family(name: str, spelled: str) -> Figure:
    return Figure(
        name=name,
        at=(f"{STATS}/{spelled} ({{s}})", f"{TABLE}/{name}/{{s}}"),
        doc=f"{name} of request_level_metrics.json" + (", pooled" if name == "tbt" else ""),
        source=name,
        population=_ROWS,
        percentile=LOWER,
        tolerance=_TABLE,
        ours=_OURS.get(name),
        scale=1e-3,
        empty=0.0,
        why=_WHY.get(name, "ours has no such figure"),
        headline=name in _OURS or "deadline" in name,
    )


def _count(name: str, source: str, doc: str, why: str, ours: str | None = None) -> Figure:
    return Figure(
        name=name,
        at=(f"{STATS}/{name}",),
        doc=doc,
        source=source,
        population=_ROWS,
        ours=ours,
        why=why,
    )


PROFILE = Profile(
    client="etalon",
    versions="2024",
    files=f"request_level_metrics.json; {', '.join(JSON_FILES)} and {TABLE} beside it",
    rules=(
        *(_family(name, spelled) for name, spelled in METRICS.items()),
        _count(
            "Deadline Miss Rate",
            "miss_rate",
            "missed / total deadlines: a late token counts each deadline that it slept through, slack "
            "carries over",
            "ours is fluidity = 1 - the miss rate of a request, with deadlines in whole ns",
        ),
        _count(
            "Number of Completed Requests",
            "completed",
            "rows - errored, of the file's own count",
            "ours cannot tell errored rows: the file has no mark",
        ),
        _count(
            "Error Rate",
            "error_rate",
            "errored / requests, of the file's own counts",
            "ours has none",
        ),
        _count(
            "Completed Requests Per Min",
            "per_minute",
            "completed / Duration * 60, of the file's own figures",
            "ours is a second",
            "request_throughput",
        ),
        Figure(
            name="service level deadlines",
            at=(f"{SERVICE}/{{name}}",),
            doc="missed and total deadlines of all rows, and their ratio",
            source="service/{name}",
            population=_ROWS,
            why="ours is fluidity, a request at a time",
        ),
        Figure(
            name="tpot_based_throughput, tbt_based_throughput",
            at=(f"{THROUGHPUT}/{{name}}",),
            doc="1 / mean tpot; 1 / the linear 99th percentile of tbt",
            source="throughput/{name}",
            population=_ROWS,
            why="ours counts tokens over time",
        ),
        Closed(
            at=(f"{STATS}/Number of Requests", f"{STATS}/Number of Errored Requests"),
            reason="rows have no mark of an error, and launched requests need not have a row",
        ),
        Closed(at=(f"{STATS}/Duration",), reason="the client's own clock around the run"),
        Closed(
            at=(f"{THROUGHPUT}/deadline_based_throughput",),
            reason="a search over deadlines, by requests",
        ),
    ),
)
PROFILES = (PROFILE,)

_DEADLINES = re.compile(
    r"Deadline Miss Rate with ([\d.e-]+)s TBT Deadline, ([\d.e-]+)s TTFT Deadline"
)


class _Detail(msgspec.Struct, gc=False):
    """Columns of the requests; seconds."""

    num_prompt_tokens: list[float] | None = None
    num_output_tokens: list[float] | None = None
    num_total_tokens: list[float] | None = None
    tpot: list[float] | None = None
    ttft: list[float] | None = None
    tbt: list[list[float]] | None = None
    end_to_end_latency: list[float] | None = None
    normalized_end_to_end_latency: list[float] | None = None
    output_throughput: list[float] | None = None
    deadline_miss_rate: list[float] | None = None
    min_tbt_deadline_to_meet: list[float] | None = None


def evidence(path: str) -> list[Evidence]:
    """The run of a file. Raises FormatError without any summary, or for damage in one of them."""
    folder = Path(path).parent
    stated: dict[str, object] = {
        name: summary(folder / name) for name in JSON_FILES if (folder / name).is_file()
    }
    if (folder / TABLE).is_file():
        stated[TABLE] = _table(folder / TABLE)
    if not stated:
        raise FormatError(f"{path} has no {STATS} or {TABLE} beside it, in which the figures are")
    detail = decode(path, text_of(path), _Detail)
    rows = same_length(path, {name: getattr(detail, name) for name in METRICS})
    return [
        Evidence(
            run="",
            profile=PROFILE,
            version="",
            stated=stated,
            samples=_samples(detail),
            numbers=_numbers(detail, stated, rows),
            unknown={"*": "a column of the detail, a deadline or a count that the files have not"},
            summary_path=str(folder / next(iter(stated))),
        )
    ]


def _table(path: Path) -> dict[str, object]:
    """The statistics of each metric: rows in the order of ``METRICS``, columns named by the header."""
    text = text_of_any(path).decode("utf-8", "replace")
    header, *rows = list(csv.reader(io.StringIO(text))) or [[]]
    words = [name.rpartition("(")[2].rstrip(")") for name in header]
    if len(rows) > len(METRICS) or any(len(row) != len(words) for row in rows):
        raise FormatError(
            f"{path} is damaged: it has {len(rows)} rows under {len(words)} columns; allowed are "
            f"{len(METRICS)} rows; take it from the client again"
        )
    return {
        name: dict(zip(words, row, strict=True)) for name, row in zip(METRICS, rows, strict=False)
    }


def _samples(detail: _Detail) -> dict[str, Samples]:
    made = {}
    for name in METRICS:
        column = getattr(detail, name)
        if column is not None:
            made[name] = Samples(values=pooled(column) if name == "tbt" else floats(column))
    return made


def _numbers(detail: _Detail, stated: Mapping[str, object], rows: int) -> dict[str, Number]:
    """Counts that follow from the files' own, and deadlines where the files state them."""
    made: dict[str, float] = {}
    stats = at(stated, STATS)
    errored, launched = at(stats, "Number of Errored Requests"), at(stats, "Number of Requests")
    if isinstance(errored, int):
        made["completed"] = rows - errored
    if isinstance(errored, int) and isinstance(launched, int) and launched > 0:
        made["error_rate"] = errored / launched
    duration = number_at(stated, STATS, "Duration")
    if duration and "completed" in made:
        made["per_minute"] = made["completed"] / duration * 60
    made |= _throughputs(detail) | _deadlines(detail, stats)
    return {name: Number(low=value) for name, value in made.items()}


def _throughputs(detail: _Detail) -> dict[str, float]:
    made = {}
    if detail.tpot and np.mean(detail.tpot) > 0:
        made["throughput/tpot_based_throughput"] = 1 / float(np.mean(detail.tpot))
    gaps = pooled(detail.tbt or [])
    if gaps.size and np.quantile(gaps, 0.99) > 0:
        made["throughput/tbt_based_throughput"] = 1 / float(np.quantile(gaps, 0.99))
    return made


def _deadlines(detail: _Detail, stats: object) -> dict[str, float]:
    """Missed and total deadlines, where a name in the statistics tells the deadlines."""
    found = [_DEADLINES.match(name) for name in stats] if isinstance(stats, Mapping) else []
    told = next((match for match in found if match), None)
    if told is None or detail.ttft is None or detail.tbt is None:
        return {}
    pace, first = float(told[1]), float(told[2])
    if not pace > 0:
        return {}
    counts = [
        _missed([ttft, *gaps] if ttft or gaps else [], first, pace)
        for ttft, gaps in zip(detail.ttft, detail.tbt, strict=True)
    ]
    missed, total = (sum(count[i] for count in counts) for i in (0, 1))
    rate = missed / total if total else 0.0
    return {
        "miss_rate": rate,
        "service/service_level_missed_deadlines": missed,
        "service/service_level_total_deadlines": total,
        "service/service_level_deadline_miss_rate": rate,
    }


def _missed(gaps: Sequence[float], first: float, pace: float) -> tuple[int, int]:
    """Missed and total deadlines of one request: slack carries over, a miss resets it."""
    missed, total, slack = 0, 0, 0.0
    for place, gap in enumerate(gaps):
        due = pace if place else first
        if gap <= due + slack:
            slack += due - gap
            total += 1
            continue
        late = (gap - slack) // pace if place else 1 + (gap - slack - first) // pace
        missed, total, slack = missed + int(late), total + int(late), 0.0
    return missed, total
