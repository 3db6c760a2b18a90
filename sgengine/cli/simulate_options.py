"""The options of ``sgengine simulate``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any

from sgengine.cli.commands import option
from sgengine.cli.simulate_choices import SimulateChoices

Function = Callable[..., Any]

_LOAD, _SYSTEM, _HARDWARE = "Load", "Systems", "Hardware"
_AS_PRESET = "as the system has it"

_OPTIONS = (
    option(
        _LOAD,
        "--workload",
        metavar="W",
        default="sharegpt",
        show_default=True,
        help="Lengths of prompts and answers, by published statistics: sharegpt, conversation, code, "
        "summarization, loogle, or chat (conversations of several turns); fixed:IN/OUT tokens; or "
        "a trace file of any format that sgengine reads (Azure, BurstGPT, Mooncake, ...).",
    ),
    option(
        _LOAD,
        "--arrivals",
        metavar="A",
        help="poisson, even, gamma:CV (bursts: the coefficient of variation of the gaps), trace "
        "(the workload file's own, its requests in their order), or a trace file for its times.  "
        "[default: trace for a workload file, else poisson]",
    ),
    option(
        _LOAD,
        "--rate",
        "rates",
        metavar="R,R",
        help="Offered requests/s, one run each; a trace's times are stretched evenly.  [default: as "
        "the trace has it]",
    ),
    option(
        _LOAD,
        "--requests",
        "users",
        type=int,
        metavar="N",
        help="How many come, each with one request or one conversation.  [default: by --duration]",
    ),
    option(
        _LOAD,
        "--duration",
        metavar="DURATION",
        help="For how long they come, in ms or with a unit.  [default: 60s, or the whole trace]",
    ),
    option(
        _LOAD,
        "--seed",
        "seeds",
        metavar="S,S",
        default="0",
        show_default=True,
        help="Seeds of all that is random, one run each.",
    ),
    option(
        _SYSTEM,
        "--system",
        "systems",
        metavar="S,S",
        default="prefill-first",
        show_default=True,
        help="Systems, one run each: prefill-first, chunked, disaggregated, shortest-first, pace. The "
        "options below change all of them.",
    ),
    option(
        _SYSTEM,
        "--token-budget",
        type=int,
        metavar="N",
        help=f"Prompt tokens an iteration; with chunked prefill all its tokens.  [default: {_AS_PRESET}]",
    ),
    option(
        _SYSTEM,
        "--max-running",
        type=int,
        metavar="N",
        help=f"Requests in a replica's batch.  [default: {_AS_PRESET}]",
    ),
    option(
        _SYSTEM,
        "--order",
        metavar="O",
        help="The queue's: fcfs, shortest, or pace (whose reader runs dry first).  [default: "
        f"{_AS_PRESET}]",
    ),
    option(
        _SYSTEM,
        "--preempt",
        metavar="P",
        help=f"When memory runs out: recompute or swap.  [default: {_AS_PRESET}]",
    ),
    option(
        _SYSTEM,
        "--replicas",
        type=int,
        metavar="N",
        help=f"Replicas behind one router.  [default: {_AS_PRESET}]",
    ),
    option(
        _SYSTEM,
        "--disaggregate",
        metavar="P+D",
        help=f"Prefill and decode replicas, as in 1+3.  [default: {_AS_PRESET}]",
    ),
    option(
        _SYSTEM,
        "--router",
        metavar="R",
        help=f"round-robin or least-loaded.  [default: {_AS_PRESET}]",
    ),
    option(
        _SYSTEM,
        "--reject",
        metavar="LIMIT",
        help="Turn away an arrival that waits too long or finds memory full: prefill:DURATION, "
        f"kv:SHARE, or both.  [default: {_AS_PRESET}]",
    ),
    option(
        _SYSTEM,
        "--delay",
        metavar="tbt:G",
        help="Hold each token back until G after the one before it.  [default: deliver at once]",
    ),
    option(
        _SYSTEM,
        "--abandon",
        metavar="CLAUSE",
        help="Stop work on a request once it has missed ttft:T, tbt:G, tpot:P, e2e:E or pace:V.  "
        "[default: finish all]",
    ),
    option(
        _SYSTEM,
        "--speed",
        type=float,
        metavar="TOK_PER_S",
        help="The reader whom order pace serves, in tokens/s.  [default: 5]",
    ),
    option(
        _HARDWARE,
        "--cost",
        metavar="C",
        default="llama-3.1-8b-a100-80g",
        show_default=True,
        help="Model and hardware: llama-3.1-8b, qwen2.5-14b or llama-3-70b on a100-80g or h100-sxm "
        "(the last as llama-3-70b-a100-80g-tp4).",
    ),
    option(
        _HARDWARE,
        "--memory-share",
        type=float,
        metavar="SHARE",
        help="Of a device's memory that weights and context may take.  [default: 0.9]",
    ),
    option(
        _HARDWARE,
        "--jitter",
        type=float,
        metavar="SHARE",
        default=0.0,
        show_default=True,
        help="By how much an iteration may take longer than it should, by the seed.",
    ),
)


def simulate_options(verb: Function) -> Function:
    """Give a verb these options; it gets them as one ``SimulateChoices``, named ``chosen``."""

    @wraps(verb)
    def call(**given: Any) -> Any:
        mine = {field.name: given.pop(field.name) for field in fields(SimulateChoices)}
        return verb(chosen=SimulateChoices(**mine), **given)

    decorated: Function = call
    for decorator in reversed(_OPTIONS):
        decorated = decorator(decorated)
    return decorated
