"""``sgengine simulate``: traces of serving systems that are nowhere at hand."""

from __future__ import annotations

from typing import Any

import click

from sgengine.cli.commands import Verb
from sgengine.cli.output import json_option, put_json
from sgengine.cli.progress import progress_bar
from sgengine.cli.simulate_choices import SimulateChoices
from sgengine.cli.simulate_options import simulate_options

EXAMPLES = (
    "sgengine simulate runs.parquet --rate 1,2,3 --system prefill-first,chunked",
    "sgengine analyze runs.parquet --by system,request_rate --goodput ttft:2s",
    "sgengine simulate day.parquet --workload azure.csv --rate 4 --replicas 2",
)


@click.command(cls=Verb, examples=EXAMPLES)
@click.argument("out", metavar="OUT.parquet")
@simulate_options
@json_option
def simulate(out: str, chosen: SimulateChoices, as_json: bool) -> int:
    """Simulate serving systems.

    The deliveries go to OUT.parquet, whole or not at all, a run for each system, rate and seed. The
    times are those of a cost model (docs/simulator.md), not measurements.
    """
    from sgengine.api.simulation import write_simulation

    with progress_bar("simulating", "runs") as progress:
        runs = write_simulation(out, chosen.simulation(), progress)
    if as_json:
        put_json({"file": out, "runs": runs})
    else:
        _print(out, runs)
    return 0


def _print(out: str, runs: list[dict[str, Any]]) -> None:
    from sgengine.cli.tables import Page, numbers, texts

    page = Page()
    columns = [
        *texts("system", "workload"),
        *numbers("requests/s", "seed", "requests", "ok", "tokens", "seconds", "tokens/s"),
        *numbers("preempted", "migrated", "peak KV %"),
    ]
    page.table(columns, map(_row, runs))
    page.line()
    page.line(f"written to {out}")
    page.write()


def _row(run: dict[str, Any]) -> list[str]:
    from sgengine.cli.cells import number, percent, whole

    seconds = run["span_ns"] / 1e9
    return [
        run["system"],
        run["workload"],
        number(run["request_rate"]),
        whole(run["seed"]),
        whole(run["requests"]),
        whole(run["status"].get("ok", 0)),
        whole(run["tokens"]),
        number(seconds),
        number(run["tokens"] / seconds if seconds else None),
        whole(run["preemptions"]),
        whole(run["migrations"]),
        percent(max(run["peak_kv"]) / run["kv_capacity"]),
    ]
