"""An audit as tables for people: a table a group, a line a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sgengine.cli import cells
from sgengine.cli.header import print_settings
from sgengine.cli.render import METRICS, STATUSES
from sgengine.cli.tables import Page, numbers, texts

if TYPE_CHECKING:
    from sgengine.audit import Audited, AuditedGroup

Show = Callable[[Any], str]
Line = tuple[str, str, str, str]
Sides = tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]
"""Figures before and after, and their change."""

FIGURES: tuple[tuple[str, str, Show], ...] = (
    ("T, s", "duration_s", cells.number),
    ("ok, req/s", "request_throughput", cells.number),
    ("output, tok/s", "output_throughput", cells.number),
    ("total, tok/s", "total_throughput", cells.number),
    ("chunks per token", "chunks_per_token", cells.number),
    ("SLO met, %", "slo_attainment", cells.percent),
    ("SLO met of ok requests, %", "slo_attainment_completed", cells.percent),
    ("SLO open", "slo_undetermined", cells.whole),
    ("goodput, req/s", "request_goodput", cells.number),
    ("goodput, tok/s", "token_goodput", cells.number),
    ("on time tokens, %", "token_attainment", cells.percent),
    ("on time, tok/s", "on_time_token_goodput", cells.number),
    ("target met", "target_met", cells.verdict),
)
SHOWN = ("mean", "p50", "p90", "p99", "max")


def print_audit(audited: Audited) -> None:
    """Print the settings, then each group before and after."""
    page = Page()
    print_settings(page, audited.analysis)
    for operation in audited.operations:
        page.line(operation.describe())
    for group in audited.groups:
        _group(page, group)
    if not audited.groups:
        page.heading("No requests were measured")
    if page.shows_undefined:
        page.line("- undefined, or unknown: never 0")
    page.write()


def _group(page: Page, group: AuditedGroup) -> None:
    names = [cells.key(name, value) for name, value in group.key.items()]
    page.heading(" ".join(names) or "all")
    page.table([*texts("figure"), *numbers("before", "after", "change")], _lines(group))
    for line in _words(group):
        page.line(line)


def _lines(group: AuditedGroup) -> Iterator[Line]:
    sides: Sides = (group.before, group.after, group.change)
    yield _line("requests", sides, "requests", cells.whole)
    statuses = _part(sides, "status")
    for name in STATUSES:
        if statuses[0][name] or statuses[1][name]:
            yield _line(f"  {name}", statuses, name, cells.whole)
    yield (
        "smooth goodput",
        cells.bounded(group.before, "smooth_goodput"),
        cells.bounded(group.after, "smooth_goodput"),
        _signed(group.change["smooth_goodput"], cells.number),
    )
    for title, name, show in FIGURES:
        if name in group.before:
            yield _line(title, sides, name, show)
    for metric in METRICS:
        values = _part(sides, f"{metric}_ms")
        yield _line(f"{metric}, count", values, "count", cells.whole)
        for name in SHOWN:
            yield _statistic(name, values)


def _part(sides: Sides, name: str) -> Sides:
    """One figure of every side that has figures of its own."""
    before, after, change = sides
    return before[name], after[name], change[name]


def _line(title: str, sides: Sides, name: str, show: Show) -> Line:
    before, after, change = sides
    return title, show(before[name]), show(after[name]), _signed(change.get(name), show)


def _statistic(name: str, sides: Sides) -> Line:
    before, after, change = sides
    return (
        f"  {name}, ms",
        cells.statistic(before, name).rstrip(),
        cells.statistic(after, name).rstrip(),
        _signed(change[name], cells.number),
    )


def _signed(value: Any, show: Show) -> str:
    """The change with its sign; nothing where nothing changed."""
    if value is None:
        return cells.UNDEFINED
    if value == 0:
        return ""
    return f"+{show(value)}" if value > 0 else show(value)


def _words(group: AuditedGroup) -> Iterator[str]:
    """What was done to the group, and from where on it pays."""
    effects, even = group.effects, group.break_even
    changed = {"delayed": effects.delayed, "cut": effects.cut, "undetermined": effects.undetermined}
    yield ", ".join(f"{count} {name}" for name, count in changed.items() if count) or "no change"
    if not effects.cut:
        return
    spared = "unknown" if effects.unknown else f"{effects.spared_ns / 1e9:.2f} s"
    yield (
        f"{effects.lost_tokens} tokens lost, waiting spared: {spared}; "
        f"{effects.gaining} requests gain, {effects.losing} lose"
    )
    yield from (f"abandoning {words}" for words in even.words)
    if even.closed_s is not None:
        yield f"no request gains from an unfinished idle of {even.closed_s:.6g} s on"
