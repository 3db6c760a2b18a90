"""What the options of ``sgengine simulate`` say, and the simulation that they mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sgengine.errors import UsageError

if TYPE_CHECKING:
    from sgengine.api.loads import Demand
    from sgengine.api.simulation import Simulation
    from sgengine.simulate import Abandon, CostModel, Delay, Disaggregation, EarlyRejection


@dataclass(frozen=True, kw_only=True)
class SimulateChoices:
    """What the options say, in the user's spelling."""

    workload: str
    arrivals: str | None
    rates: str | None
    users: int | None
    duration: str | None
    seeds: str
    systems: str
    token_budget: int | None
    max_running: int | None
    order: str | None
    preempt: str | None
    replicas: int | None
    disaggregate: str | None
    router: str | None
    reject: str | None
    delay: str | None
    abandon: str | None
    speed: float | None
    cost: str
    memory_share: float | None
    jitter: float

    def simulation(self) -> Simulation:
        """The simulation of these choices; UsageError for a value that is not allowed."""
        from sgengine.api.simulation import Simulation
        from sgengine.simulate import system_preset

        changes = self._changes()
        named = (system_preset(name) for name in _words(self.systems))
        return Simulation(
            systems=tuple(replace(system, **changes) for system in named),
            demand=self._demand(),
            cost=self._cost(),
            jitter=self.jitter,
        )

    def _demand(self) -> Demand:
        from sgengine.api.loads import Demand
        from sgengine.objectives import parse_duration_ns

        given = self.duration
        seconds = None if given is None else parse_duration_ns(given, "duration") / 1e9
        return Demand(
            workload=self.workload,
            arrivals=self.arrivals,
            rates=tuple(_number("rate", word) for word in _words(self.rates or "")),
            seeds=tuple(_whole("seed", word) for word in _words(self.seeds)),
            users=self.users,
            duration_s=seconds,
        )

    def _cost(self) -> CostModel:
        from sgengine.simulate import cost_preset

        cost = cost_preset(self.cost)
        return cost if self.memory_share is None else replace(cost, memory_share=self.memory_share)

    def _delivery(self) -> Delay | Abandon | None:
        from sgengine.objectives import parse_slo
        from sgengine.simulate import Abandon, Delay

        if self.delay is not None and self.abandon is not None:
            raise UsageError("--delay and --abandon exclude each other: give one of them")
        if self.abandon is not None:
            return Abandon(slo=parse_slo([self.abandon]))
        return None if self.delay is None else Delay(gap_ns=_gap_ns(self.delay))

    def _changes(self) -> dict[str, Any]:
        """What the options change of every system."""
        from sgengine.objectives import Reader

        given = {
            "token_budget": self.token_budget,
            "max_running": self.max_running,
            "order": self.order,
            "preempt": self.preempt,
            "replicas": self.replicas,
            "router": self.router,
            "disaggregated": self.disaggregate and _disaggregation(self.disaggregate),
            "admission": self.reject and _rejection(self.reject),
            "delivery": self._delivery(),
            "reader": None if self.speed is None else Reader.from_speed(self.speed),
        }
        return {name: value for name, value in given.items() if value is not None}


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _number(what: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise UsageError(f"{what} is '{word}': give a number") from None


def _whole(what: str, word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 19):
        raise UsageError(f"{what} is '{word}': give a whole number from 0 on")
    return int(word)


def _gap_ns(text: str) -> int:
    """The threshold of ``tbt:G``."""
    from sgengine.objectives import parse_duration_ns

    name, colon, value = text.partition(":")
    if name != "tbt" or not colon:
        raise UsageError(f"--delay is '{text}': give the gap to delay tokens to, as in tbt:100ms")
    return parse_duration_ns(value, "--delay tbt")


def _disaggregation(text: str) -> Disaggregation:
    """``P+D``: prefill and decode replicas."""
    from sgengine.simulate import Disaggregation

    prefill, plus, decode = text.partition("+")
    if not plus:
        raise UsageError(f"--disaggregate is '{text}': give prefill+decode replicas, as in 1+3")
    return Disaggregation(
        prefill_replicas=_whole("--disaggregate", prefill),
        decode_replicas=_whole("--disaggregate", decode),
    )


def _rejection(text: str) -> EarlyRejection:
    """``prefill:DURATION``, ``kv:SHARE``, or both split by a comma."""
    from sgengine.objectives import parse_duration_ns
    from sgengine.simulate import EarlyRejection

    limits: dict[str, Any] = {}
    for word in _words(text):
        name, _, value = word.partition(":")
        if name == "prefill":
            limits["prefill_ns"] = parse_duration_ns(value, "--reject prefill")
        elif name == "kv":
            limits["kv_load"] = _number("--reject kv", value)
        else:
            raise UsageError(
                f"--reject is '{text}': give prefill:DURATION, kv:SHARE, or both, as in prefill:5s,kv:1"
            )
    return EarlyRejection(**limits)
