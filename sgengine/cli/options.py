"""The options that every verb shares which reads traces, and the settings that they mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from sgengine.cli.commands import option
from sgengine.cli.sizes import parse_size
from sgengine.objectives import PENALTIES, PRESETS

if TYPE_CHECKING:
    from sgengine.analyze import AnalyzeSettings
    from sgengine.api import Objectives

Function = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the shared options say, in the user's spelling."""

    format: str | None
    system: str | None
    workload: str | None
    run: str | None
    origin: str | None
    speed: float | None
    first_token: str | None
    goodput: tuple[str, ...]
    denominator: str
    alpha: float | None
    penalty: str
    unfinished_idle: str
    preset: str | None
    by: str
    population: str
    itl_rule: str
    duration: str | None
    on: str
    memory: str

    def settings(self, *, every_column: bool, gaps: bool) -> AnalyzeSettings:
        """The settings of an analysis; UsageError for a value that is not allowed.

        ``every_column``: all of REQUESTS is wanted, else what the figures need. ``gaps``: so is GAPS.
        """
        from sgengine.analyze import AnalyzeSettings
        from sgengine.api import summary_settings
        from sgengine.compute import MeasureSettings
        from sgengine.executors import choose_executor
        from sgengine.readers import ReadOptions

        aims = self._objectives()
        return AnalyzeSettings(
            read=ReadOptions(**{f.name: getattr(self, f.name) for f in fields(self)[:5]}),
            measure=MeasureSettings(
                reader=aims.reader,
                itl_rule=self.itl_rule,
                envelopes=every_column or _needs_envelopes(aims),
                smoothness=every_column or _needs_fluidity(aims),
                gaps=gaps,
            ),
            summary=summary_settings(
                aims,
                by=self.by,
                denominator=self.denominator,
                population=self.population,
                itl_rule=self.itl_rule,
                duration=self.duration,
            ),
            executor=choose_executor(self.on),
            memory_bytes=parse_size(self.memory),
            preset=self.preset,
        )

    def _objectives(self) -> Objectives:
        from sgengine.api import resolve

        return resolve(
            speed=self.speed,
            first_token=self.first_token,
            alpha=self.alpha,
            penalty=self.penalty,
            unfinished_idle=self.unfinished_idle,
            goodput=self.goodput,
            preset=self.preset,
        )


def _needs_envelopes(aims: Objectives) -> bool:
    """Whether a pace clause is of another reader than the measured one."""
    pace = aims.slo.pace if aims.slo else None
    measured = (aims.reader.first_ns, aims.reader.pace_ns)
    return pace is not None and (pace.first_ns, pace.pace_ns) != measured


def _needs_fluidity(aims: Objectives) -> bool:
    return aims.target is not None and aims.target.metric == "fluidity"


_INPUT, _AIMS, _FIGURES, _WORK = "Input", "Reader, benefit and SLO", "Figures", "Work"
_AS_SAID = "as the file says"

_OPTIONS = (
    option(
        _INPUT,
        "--format",
        metavar="F",
        help="Format of the inputs: deliveries (Parquet, Arrow IPC or JSON Lines; "
        "deliveries-parquet, -ipc, -jsonl for one of them), vllm or aiperf.  [default: told by "
        "content]",
    ),
    option(
        _INPUT,
        "--system",
        metavar="S",
        help=f"Name of the system.  [default: {_AS_SAID}, else the label, else the file's stem]",
    ),
    option(
        _INPUT,
        "--workload",
        metavar="W",
        help=f"Name of the workload.  [default: {_AS_SAID}, else 'default']",
    ),
    option(
        _INPUT,
        "--run",
        metavar="R",
        help=f"Name of the run.  [default: {_AS_SAID}, else the file's stem]",
    ),
    option(
        _INPUT,
        "--origin",
        metavar="O",
        help="The moment that latencies count from: scheduled, sent or accepted.  [default: "
        "the first of these that the file has]",
    ),
    option(
        _AIMS,
        "--goodput",
        metavar="CLAUSE...",
        multiple=True,
        help="The SLO: ttft:T tbt:G tpot:P e2e:E pace:V first:D tokens:Q@V, as words or split by "
        "commas; ms unless ns, us, ms or s is given.  [default: no SLO]",
    ),
    option(
        _AIMS,
        "--preset",
        metavar="P",
        help=f"Published objectives: {', '.join(p.name for p in PRESETS)}. Other options replace "
        "parts of it.  [default: reader-5]",
    ),
    option(
        _AIMS,
        "--speed",
        type=float,
        metavar="TOK_PER_S",
        help="How fast the reader reads, in tokens/s.  [default: 5]",
    ),
    option(
        _AIMS,
        "--first-token",
        metavar="DURATION",
        help="How long the reader accepts to wait for the first token, in ms or with a unit.  "
        "[default: the time for one token, 200ms at 5 tokens/s]",
    ),
    option(
        _AIMS,
        "--penalty",
        metavar="NAME[:TAU]",
        default="linear",
        show_default=True,
        help="What waiting l costs, in tokens: "
        + "; ".join(f"{name}, {formula}" for name, formula in PENALTIES.items())
        + ". TAU in ms or with a unit.",
    ),
    option(
        _AIMS,
        "--alpha",
        type=float,
        metavar="A",
        help="Weight of the penalty, 0 or more.  [default: 2.5 tokens/s for linear; others have "
        "none]",
    ),
    option(
        _AIMS,
        "--unfinished-idle",
        metavar="DURATION",
        default="0ms",
        show_default=True,
        help="Waiting added to each request that is not ok, in ms or with a unit.",
    ),
    option(
        _FIGURES,
        "--by",
        metavar="COL,COL",
        default="system,workload",
        show_default=True,
        help="Columns to group by: of the requests, dimensions of the trace, hour or day.",
    ),
    option(
        _FIGURES,
        "--denominator",
        metavar="D",
        default="all",
        show_default=True,
        help="What slo_attainment divides by: all requests, sent, completed (status ok), or "
        "determined (every clause known, not cancelled or incomplete).",
    ),
    option(
        _FIGURES,
        "--population",
        metavar="P",
        default="defined",
        show_default=True,
        help="Requests whose latencies are summarised: defined (all that have the value) or ok.",
    ),
    option(
        _FIGURES,
        "--itl-rule",
        metavar="R",
        default="chunk",
        show_default=True,
        help="Samples of itl: chunk (one a gap), spread (a gap over the tokens of the chunk "
        "behind it), token (the gap, then zeros) or divide (one share of it).",
    ),
    option(
        _FIGURES,
        "--duration",
        metavar="DURATION",
        help="T, the window that rates divide by, in ms or with a unit.  [default: what the run's "
        "file states, else first arrival to last end]",
    ),
    option(
        _WORK,
        "--on",
        metavar="threads:N",
        default="threads",
        help="Where to work: threads:N, or serial.  [default: one thread a core]",
    ),
    option(
        _WORK,
        "--memory",
        metavar="SIZE",
        default="1GiB",
        show_default=True,
        help="Memory for what grows with the input, as in 512MB, 2GiB, or bytes; 64MiB or more.",
    ),
)


def reading_options(verb: Function) -> Function:
    """Give a verb the shared options; it gets them as one ``Choices``, named ``chosen``."""

    @wraps(verb)
    def call(**given: Any) -> Any:
        chosen = Choices(**{field.name: given.pop(field.name) for field in fields(Choices)})
        return verb(chosen=chosen, **given)

    decorated: Function = call
    for decorator in reversed(_OPTIONS):
        decorated = decorator(decorated)
    return decorated


def inputs_argument(verb: Function) -> Function:
    """Give a verb the argument INPUT..."""
    return click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")(verb)
