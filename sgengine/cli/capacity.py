"""``sgengine capacity``: the load that systems bear, from runs at several rates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from sgengine.cli.commands import Verb, option
from sgengine.cli.notices import notify
from sgengine.cli.options import Choices, inputs_argument, reading_options
from sgengine.cli.output import json_option, put_json
from sgengine.cli.progress import progress_bar
from sgengine.cli.selection import Selection, one_store, selection_options

if TYPE_CHECKING:
    from sgengine.capacity import Capacities, Capacity, CapacitySettings, RatedGroup, RatedRun
    from sgengine.cli.tables import Page

EXAMPLES = (
    "sgengine capacity results/rate-*.json --goodput ttft:500 tpot:50",
    "sgengine capacity runs/ --preset distserve-chatbot-13b --gpus 4",
    "sgengine capacity data/*.parquet --goodput ttft:500 --attainment 0.5 --json",
)


@click.command(cls=Verb, examples=EXAMPLES)
@inputs_argument
@option(
    "Capacity",
    "--attainment",
    type=float,
    default=0.9,
    show_default=True,
    metavar="SHARE",
    help="The share of requests that must attain the SLO in every run, above 0 and up to 1.",
)
@option(
    "Capacity",
    "--gpus",
    type=int,
    metavar="N",
    help="How many GPUs served each run: capacities are shown per GPU too.  [default: not shown]",
)
@reading_options
@selection_options
@json_option
def capacity(
    inputs: tuple[str, ...],
    attainment: float,
    gpus: int | None,
    chosen: Choices,
    nights: Selection,
    as_json: bool,
) -> int:
    """Show the load that systems bear.

    Of each group: capacity, the largest offered rate up to which every run keeps the SLO, and the
    offered rate with the highest smooth goodput. A run's rate is the stated one (by its file, or in a
    column request_rate), else that of its arrivals. Closed loops have no rate, and are left out by
    name. INPUT is as for analyze; one INPUT may be a store instead.

    Exit code: 0, or 1 if any row could not be measured, or 2 for a wrong call.
    """
    from sgengine.capacity import CapacitySettings

    asked = CapacitySettings(attainment=attainment, gpus=gpus)
    store = one_store(inputs)
    if store is not None:
        found = _of_store(store, chosen, nights, asked)
    else:
        nights.refuse()
        found = _of_traces(inputs, chosen, asked)
    if as_json:
        put_json(document(found))
    else:
        _print(found)
    return notify(found.analysis) if found.analysis else 0


def _of_traces(inputs: tuple[str, ...], chosen: Choices, asked: CapacitySettings) -> Capacities:
    from sgengine.capacity import capacity as run

    settings = chosen.settings(every_column=False, gaps=False)
    with progress_bar() as progress:
        return run(inputs, settings, asked=asked, progress=progress)


def _of_store(root: str, chosen: Choices, nights: Selection, asked: CapacitySettings) -> Capacities:
    from sgengine.analyze.stored import recorded_settings
    from sgengine.capacity import capacity_store
    from sgengine.store import Store

    snapshot = Store.open(root).snapshot()
    wanted = nights.wanted(system=chosen.system, workload=chosen.workload)
    settings = chosen.settings_over(recorded_settings(snapshot, wanted))
    with progress_bar("reading") as progress:
        return capacity_store(snapshot, settings, wanted, asked=asked, progress=progress)


def document(found: Capacities) -> dict[str, Any]:
    """The JSON document: settings, groups with every run, and what was left out."""
    from sgengine.cli.document import document as of_analysis
    from sgengine.cli.document import settings_of

    whole = of_analysis(found.analysis) if found.analysis else {}
    whole["settings"] = settings_of(found.settings) | asdict(found.asked)
    whole["groups"] = [
        {"by" if name == "key" else name: value for name, value in asdict(group).items()}
        for group in found.groups
    ]
    return whole


def _print(found: Capacities) -> None:
    from sgengine.cli.header import print_settings
    from sgengine.cli.tables import Page

    page = Page()
    if found.analysis:
        print_settings(page, found.analysis)
    for group in found.groups:
        _group(page, group, found)
    if not found.groups:
        page.heading("No requests were measured")
    if page.shows_undefined:
        page.line("- undefined, or unknown: never 0")
    page.write()


def _group(page: Page, group: RatedGroup, found: Capacities) -> None:
    from sgengine.cli import cells
    from sgengine.cli.tables import Column, numbers, texts

    names = [cells.key(name, value) for name, value in group.key.items()]
    page.heading(" ".join(names) or "all")
    columns = [
        *texts("run"),
        Column("offered\nreq/s"),
        *texts("rate is"),
        *numbers("requests", "T\ns", "output\ntok/s", "SLO\nmet %", "SLO\nopen"),
        *numbers("goodput\nreq/s", "goodput\ntok/s", "smooth\ngoodput"),
    ]
    page.table(columns, [_row(run) for run in group.runs if run.excluded is None])
    for line in _words(group, found):
        page.line(line)


def _row(run: RatedRun) -> list[str]:
    from sgengine.cli import cells

    return [
        run.run,
        cells.number(run.rate),
        run.rate_source or cells.UNDEFINED,
        cells.whole(run.requests),
        cells.number(run.duration_s),
        cells.number(run.output_throughput),
        cells.percent(run.slo_attainment),
        cells.whole(run.slo_undetermined),
        cells.number(run.request_goodput),
        cells.number(run.token_goodput),
        cells.bounded(asdict(run), "smooth_goodput"),
    ]


def _words(group: RatedGroup, found: Capacities) -> Iterator[str]:
    """What the runs show, and which say nothing."""
    share = f"{100 * found.asked.attainment:g} %"
    yield f"capacity at {share}: {_capacity(group.capacity)}"
    if group.capacity_per_gpu is not None:
        yield f"capacity per GPU, of {found.asked.gpus}: {_capacity(group.capacity_per_gpu)}"
    yield f"best rate: {_best(group)}"
    for run in group.runs:
        if run.excluded is not None:
            yield f"left out: run {run.run}: {run.excluded}"


def _capacity(found: Capacity) -> str:
    words = {
        "found": "{rate} req/s",
        "open": "open, {least} req/s or more: the highest offered rate passes",
        "fails": "none, below {below} req/s: the lowest offered rate fails",
        "no SLO": "none: no SLO is given (--goodput)",
        "no run": "none: no run has an offered rate",
    }
    values = {"rate": found.rate, "least": found.at_least, "below": found.below}
    shown = {name: f"{value:.2f}" for name, value in values.items() if value is not None}
    return words[found.verdict].format(**shown)


def _best(group: RatedGroup) -> str:
    from sgengine.cli import cells

    best = group.best_rate
    if best.rate is None:
        return "unknown: smooth goodput is not known of every run"
    edge = {
        None: "",
        "lowest": "; the lowest offered: the best may lie below",
        "highest": "; the highest offered: the best may lie above",
        "only": "; the only one offered",
    }[best.edge]
    return f"{best.rate:.2f} req/s, smooth goodput {cells.number(best.smooth_goodput)}{edge}"
