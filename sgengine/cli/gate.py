"""``sgengine gate``: whether a night is worse than the nights before it."""

from __future__ import annotations

import click

from sgengine.cli.commands import Verb, option
from sgengine.cli.failures import one_line
from sgengine.cli.options import Work, work_options
from sgengine.cli.output import json_option, put, put_json
from sgengine.cli.selection import store_argument

EXAMPLES = (
    "sgengine gate results --day 2026-01-31",
    "sgengine gate results --day 2026-01-31 --job nightly --nights 28 --mads 8",
    "sgengine gate results --day 2026-01-31 --metric ttft_p50_ms --min-percent 2",
)

_NIGHT, _RULE = "Night", "Rule"


@click.command(cls=Verb, examples=EXAMPLES)
@store_argument
@option(
    _NIGHT,
    "--day",
    metavar="D",
    required=True,
    help="The night, as in 2026-01-31.  [default: none, it is needed]",
)
@option(_NIGHT, "--job", metavar="NAME", help="Of this job alone.  [default: of every job]")
@option(
    _NIGHT,
    "--nights",
    type=int,
    default=14,
    show_default=True,
    metavar="N",
    help="Nights of the baseline: the last ones before that were scored alike.",
)
@option(
    _NIGHT,
    "--min-nights",
    type=int,
    metavar="N",
    help="Fewer nights are no baseline.  [default: 7, or --nights if that is less]",
)
@option(
    _RULE,
    "--metric",
    "names",
    multiple=True,
    metavar="NAME",
    help="A figure to judge, as --csv of analyze calls it; may be given several times.  [default: "
    "smooth_goodput, slo_attainment, request_goodput, ttft_p99_ms, tpot_p99_ms, "
    "user_idle_latency_p99_ms, requests, ok_share, incomplete_share]",
)
@option(
    _RULE,
    "--mads",
    type=float,
    default=6.0,
    show_default=True,
    metavar="K",
    help="A breach is worse than the median by more than K median absolute deviations.",
)
@option(
    _RULE,
    "--min-percent",
    multiple=True,
    metavar="[METRIC=]P",
    help="And by more than P % of the median.  [default: 5, requests=50; shares have none]",
)
@option(
    _RULE,
    "--min-absolute",
    multiple=True,
    metavar="METRIC=V",
    help="And by more than V, in the metric's unit.  [default: docs/gate.md lists them]",
)
@work_options
@json_option
def gate(
    store: str,
    day: str,
    job: str | None,
    nights: int,
    min_nights: int | None,
    names: tuple[str, ...],
    mads: float,
    min_percent: tuple[str, ...],
    min_absolute: tuple[str, ...],
    chosen: Work,
    as_json: bool,
) -> int:
    """Compare a night of a store with the nights before it.

    One line for every figure that got worse, and for every group that vanished; then a line of what
    was judged.

    Exit code: 0, or 1 if there is a breach or no such night, or 2 for a wrong call.
    """
    from sgengine.api.stored import as_day
    from sgengine.gate import Limits, chosen_metrics
    from sgengine.gate import gate as run
    from sgengine.store import Store

    least = min(7, nights) if min_nights is None else min_nights
    result = run(
        Store.open(store).snapshot(),
        as_day(day, "day"),
        job=job,
        limits=Limits(nights=nights, least_nights=least, mads=mads),
        metrics=chosen_metrics(names, min_percent=min_percent, min_absolute=min_absolute),
        settings=chosen.work_settings(),
    )
    if as_json:
        put_json(result.document())
    else:
        put("".join(f"{one_line(line)}\n" for line in result.lines()))
    return 0 if result.is_open else 1
