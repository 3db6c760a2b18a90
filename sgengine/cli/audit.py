"""``sgengine audit``: every figure of traces before and after delaying or abandoning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from sgengine.cli.commands import Verb, option
from sgengine.cli.notices import notify
from sgengine.cli.options import Choices, inputs_argument, reading_options
from sgengine.cli.output import json_option, put_json
from sgengine.cli.progress import progress_bar
from sgengine.cli.selection import one_store
from sgengine.errors import UsageError

if TYPE_CHECKING:
    from sgengine.audit import Audited, Operation

EXAMPLES = (
    "sgengine audit data/prefill-first.parquet --delay tbt:100ms",
    "sgengine audit data/*.parquet --abandon pace:200 --alpha 10",
    "sgengine audit traces/ --abandon ttft:500 tpot:50 --unfinished-idle 10s",
)

_OPERATIONS = "Operations"
_ORDER = "sgengine.audit.order"


def _in_order(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> Any:
    """Keep in which order the operations were given; click calls this in that order."""
    if value:
        context.meta.setdefault(_ORDER, []).append(parameter.name)
    return value


@click.command(cls=Verb, examples=EXAMPLES)
@inputs_argument
@option(
    _OPERATIONS,
    "--delay",
    metavar="tbt:G",
    multiple=True,
    callback=_in_order,
    help="Hold each chunk back until G after the one before it, in ms or with a unit.  "
    "[default: no delay]",
)
@option(
    _OPERATIONS,
    "--abandon",
    metavar="CLAUSE...",
    multiple=True,
    callback=_in_order,
    help="Cut each request at the moment at which it loses an SLO: ttft:T tbt:G tpot:P e2e:E pace:V "
    "first:D, as --goodput has them. With --delay, in the order given.  [default: nothing is cut]",
)
@reading_options
@json_option
def audit(
    inputs: tuple[str, ...],
    delay: tuple[str, ...],
    abandon: tuple[str, ...],
    chosen: Choices,
    as_json: bool,
) -> int:
    """Show every figure before and after delaying or abandoning.

    Which metrics can be raised by serving users worse, on a trace of your own: T, the requests, and
    the statuses of requests that are not cut stay as they are. Without --goodput the SLO is that of
    the first operation. What is known of a request may leave open what happens to it: such requests
    stay as they are, and are counted.

    Exit code: 0, or 1 if any row could not be measured, or 2 for a wrong call.
    """
    from sgengine.audit import audit as run

    store = one_store(inputs)
    if store is not None:
        raise UsageError(f"{store} is a store, which has no chunk times: give the traces behind it")
    operations = _operations(delay, abandon)
    settings = chosen.settings(every_column=False, gaps=False)
    with progress_bar() as progress:
        audited = run(inputs, operations, settings, progress=progress)
    if as_json:
        put_json(document(audited))
    else:
        from sgengine.cli.audit_page import print_audit

        print_audit(audited)
    return notify(audited.analysis)


def _operations(delay: Sequence[str], abandon: Sequence[str]) -> list[Operation]:
    """The operations in the order in which they were given."""
    from sgengine.audit import parse_abandon, parse_delay

    context = click.get_current_context()
    if len(delay) > 1:
        raise click.UsageError("--delay is given twice: give it once.", context)
    made: dict[str, Operation] = {}
    if delay:
        made["delay"] = parse_delay(delay[0])
    if abandon:
        made["abandon"] = parse_abandon(abandon)
    if not made:
        raise click.UsageError("Give --delay, --abandon, or both.", context)
    return [made[name] for name in context.meta[_ORDER]]


def document(audited: Audited) -> dict[str, Any]:
    """The JSON document: as that of analyze, each group with both sides and their difference."""
    from sgengine.cli.document import document as of_analysis

    whole = of_analysis(audited.analysis)
    whole["operations"] = [
        {"kind": type(each).__name__.lower(), "value": each.text} for each in audited.operations
    ]
    whole["groups"] = [
        {
            "by": group.key,
            "before": group.before,
            "after": group.after,
            "change": group.change,
            "effects": _effects(asdict(group.effects)),
            "break_even": asdict(group.break_even),
        }
        for group in audited.groups
    ]
    return whole


def _effects(effects: dict[str, Any]) -> dict[str, Any]:
    """Counts and sums; what follows from them is in break_even."""
    effects["spared_s"] = None if effects["unknown"] else effects.pop("spared_ns") / 1e9
    return {
        name: value
        for name, value in effects.items()
        if not isinstance(value, Fraction) and name not in ("spared_ns", "widest_ns")
    }
