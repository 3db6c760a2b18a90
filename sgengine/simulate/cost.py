"""What an iteration takes on given hardware, and how much context its memory holds: a roofline.

The kinds of operators run one after another, each as long as the slower of its arithmetic and its
memory traffic::

    overhead + max(linear arithmetic, weights read) + max(prompt attention, its KV read)
             + KV read by decoding + exchange between devices + KV moved from and to the host

docs/simulator.md derives each term and holds the model against published measurements. The shares of
the peaks and the constants are ours: round figures, fitted to no measurement.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from sgengine.errors import UsageError
from sgengine.kernels.simulation_state import Costs
from sgengine.simulate.hardware import A100_80G, H100_SXM, Hardware
from sgengine.simulate.models import LLAMA_3_70B, LLAMA_31_8B, QWEN_25_14B, Model

_FS = 1e15
_MAX_COEFFICIENT = 10**14
"""Femtoseconds, 0.1 s a token: sums over 2^24 tokens stay within int64."""


@dataclass(frozen=True, kw_only=True)
class CostModel:
    """A model on ``tensor_parallel`` devices of one kind.

    ``arithmetic``, ``bandwidth``: shares of the peaks that kernels reach. ``overhead_s``: of every
    iteration, launching and scheduling. ``exchange_latency_s``: of one all-reduce; a layer has two.
    ``memory_share``: of a device's memory that weights and KV may take; ``reserve_bytes``: of that,
    for activations. ``transfer_bandwidth``: bytes/s between replicas; ``transfer_latency_s``.
    """

    hardware: Hardware
    model: Model
    tensor_parallel: int = 1
    arithmetic: float = 0.6
    bandwidth: float = 0.8
    overhead_s: float = 0.003
    exchange_latency_s: float = 10e-6
    memory_share: float = 0.9
    reserve_bytes: float = 2e9
    transfer_bandwidth: float = 25e9
    transfer_latency_s: float = 0.001

    def __post_init__(self) -> None:
        if not 1 <= self.tensor_parallel <= 64:
            raise UsageError(f"tensor_parallel is {self.tensor_parallel}: give 1 to 64 devices")
        for name in ("arithmetic", "bandwidth", "memory_share"):
            if not 0 < getattr(self, name) <= 1:
                raise UsageError(f"{name} is {getattr(self, name)}: give a share above 0, up to 1")
        for name in ("overhead_s", "exchange_latency_s", "transfer_latency_s", "reserve_bytes"):
            if not 0 <= getattr(self, name) < 1e12:
                raise UsageError(f"{name} is {getattr(self, name)}: give 0 or more")
        if not self.transfer_bandwidth > 0:
            raise UsageError(
                f"transfer_bandwidth is {self.transfer_bandwidth}: give bytes/s above 0"
            )
        if self.kv_capacity < 1:
            raise UsageError(
                f"{self.name}: the weights leave no memory for context; give more devices or memory"
            )

    @property
    def name(self) -> str:
        """Model and hardware in one word."""
        devices = f"-tp{self.tensor_parallel}" if self.tensor_parallel > 1 else ""
        return f"{self.model.name.lower()}-{self.hardware.name.lower()}{devices}"

    @property
    def kv_capacity(self) -> int:
        """Tokens of context that a replica's memory holds."""
        device = self.hardware.memory_bytes * self.memory_share - self.reserve_bytes
        weights = self.model.parameters * self.model.weight_bytes
        free = self.tensor_parallel * device - weights
        return int(free // self.model.kv_bytes_per_token)

    def costs(self) -> Costs:
        """The coefficients of the kernels, in whole femtoseconds."""
        model, devices = self.model, self.tensor_parallel
        flops = self.hardware.flops * self.arithmetic * devices
        reads = self.hardware.memory_bandwidth * self.bandwidth * devices
        layers = model.layers * model.layer_parameters
        exchange, latency = self._exchange()
        kv = model.kv_bytes_per_token
        return Costs(
            overhead=_fs(self.overhead_s + latency),
            weights=_fs((layers + model.output_parameters) * model.weight_bytes / reads),
            token=_fs(2 * layers / flops),
            pair=_fs(4 * model.layers * model.heads * model.head_dim / flops),
            context=_fs(kv / reads),
            exchange=_fs(exchange),
            swap=_fs(kv / (self.hardware.host_bandwidth * self.bandwidth * devices)),
            transfer=_fs(kv / self.transfer_bandwidth),
            transfer_latency=_fs(self.transfer_latency_s),
        )

    def _exchange(self) -> tuple[float, float]:
        """Seconds of all-reduce a token, and an iteration: two rings a layer, of activations."""
        if self.tensor_parallel == 1:
            return 0.0, 0.0
        rings = 2 * self.model.layers
        sent = 2 * (self.tensor_parallel - 1) / self.tensor_parallel * self.model.hidden * 2
        link = self.hardware.link_bandwidth * self.bandwidth
        return rings * sent / link, rings * self.exchange_latency_s


def _fs(seconds: float) -> int:
    found = round(seconds * _FS)
    if not found <= 1000 * _MAX_COEFFICIENT:
        raise UsageError(f"the cost model has a step of {seconds} s: at most 100 s are allowed")
    return found


def _preset(hardware: Hardware, model: Model, tensor_parallel: int = 1) -> CostModel:
    return CostModel(hardware=hardware, model=model, tensor_parallel=tensor_parallel)


COST_PRESETS = MappingProxyType(
    {
        preset.name: preset
        for hardware in (A100_80G, H100_SXM)
        for preset in (
            _preset(hardware, LLAMA_31_8B),
            _preset(hardware, QWEN_25_14B),
            _preset(hardware, LLAMA_3_70B, 4),
        )
    }
)
"""By name, such as ``llama-3.1-8b-a100-80g``."""


def cost_preset(name: str) -> CostModel:
    """The cost model of this name; UsageError names those there are."""
    if name not in COST_PRESETS:
        raise UsageError(f"cost model is '{name}': give one of {', '.join(COST_PRESETS)}")
    return COST_PRESETS[name]
