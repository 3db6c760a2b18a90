"""The options that every verb shares which reads traces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import wraps
from typing import Any

import click

from sgengine.cli.choices import Choices, Reading, Work
from sgengine.cli.commands import option
from sgengine.cli.window_options import window_options
from sgengine.objectives import PENALTIES, PRESETS

Function = Callable[..., Any]


__all__ = [
    "Choices",
    "Reading",
    "Work",
    "inputs_argument",
    "reading_options",
    "source_options",
    "work_options",
]

_INPUT, _AIMS, _FIGURES, _WORK = "Input", "Reader, benefit and SLO", "Figures", "Work"
_AS_SAID = "as the file says"

_INPUT_OPTIONS = (
    option(
        _INPUT,
        "--format",
        metavar="F",
        help="Format of the inputs: deliveries or events (Parquet, Arrow IPC or JSON Lines; "
        "deliveries-parquet, -ipc, -jsonl, events-parquet, events-ipc, events-jsonl for one of "
        "them), vllm, sglang, aiperf, aiperf-raw, genai-perf, guidellm, inference-perf, etalon, "
        "llmperf, genai-bench, nanovllm, otlp, litellm, langfuse, azure, burstgpt, mooncake, or "
        "mapped (with --mapping).  [default: told by content]",
    ),
    option(
        _INPUT,
        "--system",
        metavar="S",
        help="Name of the system; of a store, this system alone.  [default: "
        f"{_AS_SAID}, else the label, else the file's stem]",
    ),
    option(
        _INPUT,
        "--workload",
        metavar="W",
        help="Name of the workload; of a store, this workload alone.  [default: "
        f"{_AS_SAID}, else 'default']",
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
        _INPUT,
        "--mapping",
        metavar="FILE.toml",
        help="What the fields of a team's own JSON, CSV or Parquet hold; the files named are read "
        "by it (docs/mapping.md).  [default: none]",
    ),
)

_AIM_OPTIONS = (
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
        help="What waiting l costs, in tokens: "
        + "; ".join(f"{name}, {formula}" for name, formula in PENALTIES.items())
        + ". TAU in ms or with a unit.  [default: linear]",
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
        help="Waiting added to each request that is not ok, in ms or with a unit.  [default: 0ms]",
    ),
    option(
        _FIGURES,
        "--by",
        metavar="COL,COL",
        default="system,workload",
        show_default=True,
        help="Columns to group by: of the requests, dimensions of the trace, hour or day; of a store "
        "also job and night.",
    ),
    option(
        _FIGURES,
        "--denominator",
        metavar="D",
        help="What slo_attainment divides by: all requests, sent, completed (status ok), or "
        "determined (every clause known, not cancelled or incomplete).  [default: all]",
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
    *window_options(_FIGURES),
)

_WORK_OPTIONS = (
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
    return _with(verb, Choices, (*_INPUT_OPTIONS, *_AIM_OPTIONS, *_WORK_OPTIONS))


def source_options(verb: Function) -> Function:
    """Give a verb the options of inputs and work alone, as one ``Reading``, named ``chosen``."""
    return _with(verb, Reading, (*_INPUT_OPTIONS, *_WORK_OPTIONS))


def work_options(verb: Function) -> Function:
    """Give a verb the options of work alone, as one ``Work``, named ``chosen``."""
    return _with(verb, Work, _WORK_OPTIONS)


def _with(verb: Function, kind: type[Work], options: Sequence[Function]) -> Function:
    @wraps(verb)
    def call(**given: Any) -> Any:
        chosen = kind(**{field.name: given.pop(field.name) for field in fields(kind)})
        return verb(chosen=chosen, **given)

    decorated: Function = call
    for decorator in reversed(options):
        decorated = decorator(decorated)
    return decorated


def inputs_argument(verb: Function) -> Function:
    """Give a verb the argument INPUT..."""
    return click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")(verb)
