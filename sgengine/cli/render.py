"""An analysis as tables for people: what it was made with, what it was made of, what came out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sgengine.cli import cells
from sgengine.cli.header import print_settings
from sgengine.cli.tables import Column, Page, numbers, texts

if TYPE_CHECKING:
    from sgengine.aggregate import SummarySettings
    from sgengine.analyze import Analysis

Group = Mapping[str, Any]
Figures = dict[str, tuple[str, Callable[[Any], str]]]
"""Title of a column -> the figure in it, and how it is shown."""

STATUSES = ("ok", "failed", "timeout", "rejected", "cancelled", "incomplete")
METRICS = ("ttft", "tpot", "itl", "e2e_latency", "user_idle_latency")
APPROXIMATE = "itl_approx"
SHOWN = ("mean", "p50", "p90", "p95", "p99", "p99_9", "max")
SHOWN_NARROW = ("mean", "p50", "p99", "max")
MOST_SOURCES = 20


def print_analysis(analysis: Analysis) -> None:
    """Print settings, sources, requests, rates and latencies."""
    page = Page()
    print_settings(page, analysis)
    _sources(page, analysis.runs.to_pylist(), _kind(analysis))
    if analysis.windows:
        _windows(page, analysis)
    by = analysis.settings.summary.by
    if analysis.groups:
        _requests(page, by, analysis.groups)
        _throughput(page, by, analysis.groups)
        _goodput(page, by, analysis.groups, analysis.settings.summary)
        _latencies(page, by, analysis.groups)
    else:
        page.heading("No requests were measured")
    if page.shows_undefined:
        page.line("- undefined, or unknown: never 0")
    page.write()


def _kind(analysis: Analysis) -> str:
    """What T is called where part of each run was chosen (window, trim or steady), or a night bounds it."""
    selection = analysis.settings.summary.selection
    return selection.kind if selection else "night"


def _sources(page: Page, runs: Sequence[Mapping[str, Any]], chosen: str) -> None:
    page.heading("Sources")
    page.table(
        [
            *texts("source", "run", "format", "origin"),
            *numbers("rows", "left out", "T s"),
            *texts("T is"),
        ],
        [_source(run, chosen) for run in runs[:MOST_SOURCES]],
    )
    if len(runs) > MOST_SOURCES:
        page.line(f"... and {len(runs) - MOST_SOURCES} more, all in --json")
    for run in runs[:MOST_SOURCES]:
        if run["notes"]:
            page.line(f"note: {run['run']}: {run['notes']}")


def _duration(run: Mapping[str, Any], chosen: str) -> tuple[int | None, str]:
    """T of a run in ns, and where it comes from."""
    if run["window_start_ns"] is not None:
        return run["window_end_ns"] - run["window_start_ns"], chosen
    if run["stated_duration_ns"] is not None:
        return run["stated_duration_ns"], "stated"
    first, last = run["first_arrival_ns"], run["last_end_ns"]
    return (None if first is None or last is None else last - first), "observed"


def _source(run: Mapping[str, Any], chosen: str) -> list[str]:
    length, kind = _duration(run, chosen)
    return [
        run["source"],
        run["run"],
        run["format"],
        run["origin"],
        cells.whole(run["rows_in"]),
        cells.whole(run["rows_rejected"]),
        cells.number(length / 1e9 if length else None),
        kind if length else "unknown",
    ]


def _windows(page: Page, analysis: Analysis) -> None:
    """The part of each run that counts, since the run's first arrival, and what is outside of it."""
    page.heading("Windows")
    windows = dict(analysis.windows or {})
    inside: Counter[str] = Counter()
    outside: Counter[str | None] = Counter()
    for run in analysis.runs.to_pylist():
        inside[run["run"]] += run["rows_measured"]
    for reject in analysis.rejected:
        if reject.reason == "outside_window":
            outside[reject.run] += reject.count
    rows = [
        [
            run,
            cells.number((window.start_ns - window.run_start_ns) / 1e9),
            cells.number((window.end_ns - window.run_start_ns) / 1e9),
            cells.number(window.duration_ns / 1e9),
            cells.whole(inside[run]),
            cells.whole(outside[run]),
            cells.whole(window.peak),
        ]
        for run, window in list(windows.items())[:MOST_SOURCES]
    ]
    titles = ("from s", "to s", "T s", "inside", "outside", "peak in flight")
    shown = titles if any(window.peak for window in windows.values()) else titles[:-1]
    page.table([*texts("run"), *numbers(*shown)], [row[: len(shown) + 1] for row in rows])
    if len(windows) > MOST_SOURCES:
        page.line(f"... and {len(windows) - MOST_SOURCES} more, all in --json")


def _keys(by: Sequence[str], group: Group) -> list[str]:
    """The group's values of the ``by`` columns, which come first in it."""
    values = zip(by, group.values(), strict=False)
    return [cells.key(name, value) for name, value in values] or ["all"]


def _key_columns(by: Sequence[str]) -> list[Column]:
    return texts(*by) or texts("group")


def _requests(page: Page, by: Sequence[str], groups: Sequence[Group]) -> None:
    page.heading("Requests")
    rows = [
        [
            *_keys(by, group),
            cells.whole(group["requests"]),
            *[cells.whole(group["status"][name]) for name in STATUSES],
        ]
        for group in groups
    ]
    page.table([*_key_columns(by), *numbers("requests", *STATUSES)], rows)


_THROUGHPUT: Figures = {
    "T\ns": ("duration_s", cells.number),
    "ok\nreq/s": ("request_throughput", cells.number),
    "output\ntok/s": ("output_throughput", cells.number),
    "total\ntok/s": ("total_throughput", cells.number),
    "chunks\nper token": ("chunks_per_token", cells.number),
}
_SOURCE: Figures = {"T is": ("duration_source", str)}
_ATTAINMENT: Figures = {
    "SLO\nmet %": ("slo_attainment", cells.percent),
    "SLO\nopen": ("slo_undetermined", cells.whole),
    "1-token\npasses": ("single_token_passes", cells.whole),
    "1-chunk\npasses": ("single_chunk_passes", cells.whole),
    "goodput\nreq/s": ("request_goodput", cells.number),
    "goodput\ntok/s": ("token_goodput", cells.number),
}
_ON_TIME: Figures = {
    "on time\ntokens %": ("token_attainment", cells.percent),
    "on time\ntok/s": ("on_time_token_goodput", cells.number),
}
_TARGET: Figures = {"target\nmet": ("target_met", cells.verdict)}


def _throughput(page: Page, by: Sequence[str], groups: Sequence[Group]) -> None:
    sources = {group["duration_source"] for group in groups}
    one = len(sources) == 1
    page.heading("Throughput" + (f" (T: {sources.pop()})" if one else ""))
    figures = _THROUGHPUT if one else _THROUGHPUT | _SOURCE
    page.table(
        [*_key_columns(by), *[Column(title, numbers=title not in _SOURCE) for title in figures]],
        [[*_keys(by, group), *_shown(figures, group)] for group in groups],
    )


def _goodput(
    page: Page, by: Sequence[str], groups: Sequence[Group], summary: SummarySettings
) -> None:
    wanted = (_ATTAINMENT if summary.slo else {}) | (_TARGET if summary.target else {}) | _ON_TIME
    figures = {title: shown for title, shown in wanted.items() if shown[0] in groups[0]}
    page.heading("Goodput")
    page.table(
        [*_key_columns(by), *numbers("smooth\ngoodput", *figures)],
        [
            [*_keys(by, group), cells.bounded(group, "smooth_goodput"), *_shown(figures, group)]
            for group in groups
        ],
    )


def _shown(figures: Figures, group: Group) -> list[str]:
    return [show(group[name]) for name, show in figures.values()]


def _latencies(page: Page, by: Sequence[str], groups: Sequence[Group]) -> None:
    page.heading("Latency, ms")
    columns, rows = _latency_table(by, groups, SHOWN)
    is_wide = page.fits(columns, rows)
    if not is_wide:
        columns, rows = _latency_table(by, groups, SHOWN_NARROW)
    page.table(columns, rows)
    metrics = _metrics(groups)
    if any(group[f"{metric}_ms"]["unsupported"] for group in groups for metric in metrics):
        page.line("* too few values for this percentile: the largest alone decides it")
    if APPROXIMATE in metrics:
        error = groups[0][f"{APPROXIMATE}_ms"]["relative_error"]
        page.line(
            f"{APPROXIMATE}: from stored histograms, within {100 * error:.2g} % of the exact one"
        )
        if any(group[f"{APPROXIMATE}_ms"]["count"] is None for group in groups):
            page.line(
                "unknown of groups that were stored under another chunk rule (give that --itl-rule), "
                "of ok requests alone, and by other columns than run, system, workload and times"
            )
    if not is_wide:
        page.line("more percentiles: on a wider terminal, through a pipe, or with --json")


def _metrics(groups: Sequence[Group]) -> tuple[str, ...]:
    """The latencies that groups have: of stored requests, an approximate itl for the exact one."""
    if f"{APPROXIMATE}_ms" not in groups[0]:
        return METRICS
    return tuple(APPROXIMATE if metric == "itl" else metric for metric in METRICS)


def _latency_table(
    by: Sequence[str], groups: Sequence[Group], shown: Sequence[str]
) -> tuple[list[Column], list[list[str]]]:
    """A row a metric and group, metrics under headings of their own."""
    titles = [name.replace("_", ".") + " " for name in shown]
    rows: list[list[str]] = []
    for metric in _metrics(groups):
        rows.append([metric])
        for group in groups:
            values = group[f"{metric}_ms"]
            first, *others = _keys(by, group)
            figures = [cells.statistic(values, name) for name in shown]
            rows.append([f"  {first}", *others, cells.whole(values["count"]), *figures])
    return [*_key_columns(by), *numbers("count", *titles)], rows
