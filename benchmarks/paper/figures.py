"""The figures of docs/evaluation.md, drawn by Altair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import altair as alt
import polars as pl

from benchmarks.paper.finding import Row
from benchmarks.paper.runs import by_rate, mean_by_rate, points
from benchmarks.paper.setting import ALPHAS, CHUNKED, CHUNKED_2048, PACE, PREFILL_FIRST, Where
from sgengine.simulate import System

_COLOURS = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#7f7f7f"]
_WIDTH, _HEIGHT, _COLUMNS = 210, 150, 3
RATE = "offered requests/s"


def _frame(rows: Iterable[Row]) -> pl.DataFrame:
    return pl.DataFrame(list(rows))


def _faceted(chart: alt.Chart, field: str, order: Sequence[str]) -> alt.FacetChart:
    size = chart.properties(width=_WIDTH, height=_HEIGHT)
    facet = alt.Facet(f"{field}:N", title=None, sort=list(order))
    return size.facet(facet, columns=_COLUMNS).resolve_scale(x="independent", y="independent")


def _save(chart: alt.FacetChart | alt.Chart, path: Path) -> None:
    chart.configure_legend(orient="bottom", labelLimit=280, symbolStrokeWidth=2).save(path)


def smooth_goodput_and_throughput(places: Sequence[Where], path: Path) -> None:
    """(a), (b): both against the rate, a panel a workload."""
    systems = (PREFILL_FIRST, CHUNKED, CHUNKED_2048)
    rows = [row for where in places for system in systems for row in _curves(system, where)]
    lines = (
        alt.Chart(_frame(rows))
        .mark_line(point={"size": 12})
        .encode(
            x=alt.X("rate:Q", title=RATE),
            y=alt.Y("value:Q", title="tokens/s"),
            color=alt.Color(
                "system:N",
                title=None,
                scale=alt.Scale(domain=[s.name for s in systems], range=_COLOURS[:3]),
            ),
            strokeDash=alt.StrokeDash(
                "figure:N",
                title=None,
                scale=alt.Scale(
                    domain=["smooth goodput", "output throughput"], range=[[1, 0], [2, 3]]
                ),
                legend=alt.Legend(symbolType="stroke", symbolSize=300),
            ),
        )
    )
    _save(_faceted(lines, "workload", [where.workload for where in places]), path)


def _curves(system: System, where: Where) -> list[Row]:
    found = points(system, where)
    curves = {
        "smooth goodput": by_rate(found),
        "output throughput": mean_by_rate(found, lambda p: p.figures["output_throughput"]),
    }
    floor = -0.25 * max(curves["output throughput"].values())  # far below 0 nothing can be read
    return [
        {
            "workload": where.workload,
            "system": system.name,
            "figure": name,
            "rate": rate,
            "value": value,
        }
        for name, values in curves.items()
        for rate, value in values.items()
        if value >= floor
    ]


def smooth_goodput_by_alpha(places: Sequence[Where], path: Path) -> None:
    """(c): smooth goodput against the rate for each alpha, its peak marked."""
    rows: list[Row] = []
    for where in places:
        for alpha in ALPHAS[1:]:
            smooth = by_rate(points(PREFILL_FIRST, where), alpha)
            top = max(smooth.values())
            rows += [
                {
                    "workload": where.workload,
                    "alpha": f"{alpha:g}",
                    "rate": rate,
                    "value": value,
                    "peak": value == top,
                }
                for rate, value in smooth.items()
                if value >= 0
            ]
    order = [f"{alpha:g}" for alpha in ALPHAS[1:]]
    base = alt.Chart(_frame(rows)).encode(
        x=alt.X("rate:Q", title=RATE),
        y=alt.Y("value:Q", title="smooth goodput, tokens/s"),
        color=alt.Color("alpha:N", sort=order, scale=alt.Scale(scheme="viridis")),
    )
    peaks = base.transform_filter("datum.peak").mark_point(filled=True, size=70)
    chart = alt.layer(base.mark_line(), peaks)
    _save(_faceted(chart, "workload", [where.workload for where in places]), path)


def delayed(rows: Sequence[Row], path: Path) -> None:
    """(d): attainment as it is and held back, and what is left of smooth goodput for each reader."""
    tidy: list[Row] = []
    for row in rows:
        at = {"gap": f"{row['held to, ms']} ms", "order": row["held to, ms"]}
        attained = {"panel": f"{row['workload']}: TBT attainment, %", **at}
        tidy += [
            {**attained, "of": "as it is", "value": row["TBT attainment, %"]},
            {**attained, "of": "held back", "value": row["held "]},
            {
                "panel": f"{row['workload']}: smooth goodput kept, %",
                **at,
                "of": f"held back, reader of {row['reader, tokens/s']:g} tokens/s",
                "value": 100 * row["held  "] / row["smooth goodput"],
            },
        ]
    frame = _frame(tidy).unique(maintain_order=True)
    bars = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("gap:N", sort=alt.SortField("order"), title=None, axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("of:N", sort=frame["of"].unique(maintain_order=True).to_list()),
            y=alt.Y("value:Q", title=None),
            color=alt.Color("of:N", title=None, scale=alt.Scale(range=_COLOURS)),
        )
        .properties(width=_WIDTH + 40, height=_HEIGHT)
        .facet(alt.Facet("panel:N", title=None), columns=2)
    )
    _save(bars.resolve_scale(x="independent", y="independent"), path)


def abandonment(rows: Sequence[Row], path: Path) -> None:
    """(e): what abandoning gains, by alpha and U."""
    tidy = [
        {"alpha": f"{row['alpha']:g}", "U": float(name.split()[2]), "gain": value}
        for row in rows
        for name, value in row.items()
        if name != "alpha"
    ]
    order = [f"{row['alpha']:g}" for row in rows]
    line = (
        alt.Chart(_frame(tidy))
        .mark_line(point=True)
        .encode(
            x=alt.X("U:Q", title="unfinished idle U, s"),
            y=alt.Y("gain:Q", title="smooth goodput gained, tokens/s").scale(type="symlog"),
            color=alt.Color("alpha:N", sort=order, scale=alt.Scale(scheme="viridis")),
        )
        .properties(width=420, height=240)
    )
    zero = alt.Chart(pl.DataFrame({"y": [0.0]})).mark_rule(strokeDash=[4, 4]).encode(y="y:Q")
    _save(line + zero, path)


def stalls(requests: pl.DataFrame, path: Path) -> None:
    """(f): each request's TPOT and idle latency, preempted or not."""
    chart = (
        alt.Chart(requests)
        .mark_point(filled=True, opacity=0.5, size=18)
        .encode(
            x=alt.X("tpot:Q", title="TPOT, ms").scale(zero=False),
            y=alt.Y("idle:Q", title="user idle latency, s").scale(type="symlog"),
            color=alt.Color("request:N", title=None, scale=alt.Scale(range=_COLOURS[:2])),
        )
        .properties(width=420, height=260)
    )
    _save(chart, path)


def pace(places: Sequence[Where], path: Path) -> None:
    """(g): smooth goodput against the rate, pace-aware beside the others."""
    systems = (PREFILL_FIRST, CHUNKED_2048, PACE)
    rows = [
        {"workload": w.workload, "system": s.name, "rate": rate, "value": value}
        for w in places
        for s in systems
        for rate, value in by_rate(points(s, w)).items()
        if value >= 0
    ]
    lines = (
        alt.Chart(_frame(rows))
        .mark_line(point={"size": 12})
        .encode(
            x=alt.X("rate:Q", title=RATE),
            y=alt.Y("value:Q", title="smooth goodput, tokens/s"),
            color=alt.Color(
                "system:N",
                title=None,
                scale=alt.Scale(domain=[s.name for s in systems], range=_COLOURS[:3]),
            ),
        )
    )
    _save(_faceted(lines, "workload", [where.workload for where in places]), path)
