"""Serving systems: small policies over one shared core (docs/simulator.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from sgengine.errors import UsageError
from sgengine.objectives import DEFAULT_READER, Reader, Slo, format_duration

PREFILLS = ("first", "chunked")
ORDERS = ("fcfs", "shortest", "pace")
PREEMPTIONS = ("recompute", "swap")
ROUTERS = ("round-robin", "least-loaded")

_DEFAULT_BUDGET = {"first": 8192, "chunked": 512}
MAX_PACE_NS = 2**36
"""68 s a token: times 2^24 tokens and since any arrival, that still fits int64."""
_MAX_LIMIT_NS = 2**60
_MAX_COUNT = 2**20


@dataclass(frozen=True, kw_only=True)
class Delay:
    """Each token leaves the server no sooner than ``gap_ns`` after the one before it."""

    gap_ns: int

    def __post_init__(self) -> None:
        _check_time("the delay's gap", self.gap_ns, MAX_PACE_NS)


@dataclass(frozen=True, kw_only=True)
class Abandon:
    """Work on a request stops at the moment it can no longer attain ``slo``; its status is cancelled."""

    slo: Slo

    def __post_init__(self) -> None:
        if self.slo.tokens_share is not None:
            raise UsageError(
                "abandonment at a tokens clause is not known: give ttft, tbt, tpot, e2e or pace"
            )
        for name in ("ttft_ns", "tbt_ns", "tpot_ns", "e2e_ns"):
            limit = MAX_PACE_NS if name == "tpot_ns" else _MAX_LIMIT_NS
            _check_time(name, getattr(self.slo, name) or 0, limit)
        if self.slo.pace is not None:
            _check_reader(self.slo.pace)


@dataclass(frozen=True, kw_only=True)
class EarlyRejection:
    """An arrival is turned away if it would overload the system; either limit may be None.

    ``prefill_ns``: the prompts ahead of it on its replica and its own, computed at full speed, take
    longer. ``kv_load``: the context of all requests in the system and its own prompt exceed this
    share of the memory of the replicas that decode.
    """

    prefill_ns: int | None = None
    kv_load: float | None = None

    def __post_init__(self) -> None:
        if self.prefill_ns is None and self.kv_load is None:
            raise UsageError("early rejection has no limit: give prefill_ns or kv_load")
        _check_time("prefill_ns", self.prefill_ns or 0, _MAX_LIMIT_NS)
        if self.kv_load is not None and not 0 <= self.kv_load <= 1e6:
            raise UsageError(f"kv_load is {self.kv_load}: give a share of the memory, 0 or more")


@dataclass(frozen=True, kw_only=True)
class Disaggregation:
    """Prompts are computed on some replicas and answers on others; KV goes from one to the other."""

    prefill_replicas: int = 1
    decode_replicas: int = 1

    def __post_init__(self) -> None:
        _check_count("prefill_replicas", self.prefill_replicas)
        _check_count("decode_replicas", self.decode_replicas)


@dataclass(frozen=True, kw_only=True)
class System:
    """A serving system.

    ``prefill``: whole prompts before any decoding (``first``), or pieces of prompts beside it
    (``chunked``). ``token_budget``: prompt tokens of an iteration, with ``chunked`` all its tokens;
    None is 8192 and 512. ``max_running``: requests in a replica's batch. ``order`` of the queue and,
    from its end, of preemption. ``watermark``: share of the memory that admission leaves free.
    ``reader``: whom ``order="pace"`` serves. ``replicas`` does not count with ``disaggregated``.
    """

    name: str
    prefill: Literal["first", "chunked"] = "first"
    token_budget: int | None = None
    max_running: int = 256
    order: Literal["fcfs", "shortest", "pace"] = "fcfs"
    preempt: Literal["recompute", "swap"] = "recompute"
    watermark: float = 0.01
    admission: EarlyRejection | None = None
    disaggregated: Disaggregation | None = None
    delivery: Delay | Abandon | None = None
    replicas: int = 1
    router: Literal["round-robin", "least-loaded"] = "round-robin"
    reader: Reader = DEFAULT_READER

    def __post_init__(self) -> None:
        _check_choice("prefill", self.prefill, PREFILLS)
        _check_choice("order", self.order, ORDERS)
        _check_choice("preempt", self.preempt, PREEMPTIONS)
        _check_choice("router", self.router, ROUTERS)
        _check_count("replicas", self.replicas)
        _check_count("max_running", self.max_running)
        _check_count("token_budget", self.budget)
        _check_reader(self.reader)
        if not 0 <= self.watermark < 1:
            raise UsageError(f"watermark is {self.watermark}: give a share from 0 to below 1")
        if self.prefill == "chunked" and self.budget < self.max_running:
            raise UsageError(
                f"token_budget {self.budget} is below max_running {self.max_running}: every running "
                "answer needs a token of it"
            )

    @property
    def budget(self) -> int:
        """The token budget, the default put in."""
        return _DEFAULT_BUDGET[self.prefill] if self.token_budget is None else self.token_budget

    def named(self, name: str) -> System:
        """The same system under another name."""
        return replace(self, name=name)


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"{name} is '{value}': give one of {', '.join(allowed)}")


def _check_count(name: str, value: int) -> None:
    if not 1 <= value <= _MAX_COUNT:
        raise UsageError(f"{name} is {value}: give 1 to {_MAX_COUNT}")


def _check_time(name: str, value: int, limit: int) -> None:
    if not 0 <= value <= limit:
        raise UsageError(f"{name} is {value} ns: give 0 to {format_duration(limit)}")


def _check_reader(reader: Reader) -> None:
    _check_time("the reader's pace", reader.pace_ns, MAX_PACE_NS)
    _check_time("the reader's first-token allowance", reader.first_ns, _MAX_LIMIT_NS)


SYSTEMS = MappingProxyType(
    {
        system.name: system
        for system in (
            System(name="prefill-first"),
            System(name="chunked", prefill="chunked"),
            System(
                name="disaggregated",
                disaggregated=Disaggregation(prefill_replicas=1, decode_replicas=1),
            ),
            System(name="shortest-first", order="shortest"),
            System(name="pace", order="pace"),
        )
    }
)
"""By name. prefill-first: vLLM's default in 2024; chunked: Sarathi-Serve (arXiv 2403.02310);
disaggregated: DistServe (arXiv 2401.09670), Mooncake (arXiv 2407.00079)."""


def system_preset(name: str) -> System:
    """The system of this name; UsageError names those there are."""
    if name not in SYSTEMS:
        raise UsageError(f"system is '{name}': give one of {', '.join(SYSTEMS)}")
    return SYSTEMS[name]
