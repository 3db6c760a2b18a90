"""Accelerators by their makers' published figures. Peaks: what is reached of them is a cost model's."""

from __future__ import annotations

from dataclasses import dataclass

from sgengine.errors import UsageError

GB = 10**9


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """One accelerator.

    ``flops``: dense BF16 operations a second, without sparsity. ``memory_bandwidth``, bytes/s.
    ``memory_bytes``. ``link_bandwidth``: bytes/s to the other accelerators of the machine, one way.
    ``host_bandwidth``: bytes/s to the host's memory, one way.
    """

    name: str
    flops: float
    memory_bandwidth: float
    memory_bytes: int
    link_bandwidth: float
    host_bandwidth: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name != "name" and not 0 < value < 1e21:
                raise UsageError(f"hardware {self.name}: {name} is {value}, give a number above 0")


A100_80G = Hardware(
    name="A100-80G",
    flops=312e12,
    memory_bandwidth=2039e9,
    memory_bytes=80 * GB,
    link_bandwidth=300e9,
    host_bandwidth=32e9,
)
"""NVIDIA A100 SXM 80 GB. NVIDIA's A100 data sheet (June 2021): BF16 tensor core 312 TFLOPS dense, 2,039
GB/s, NVLink 600 GB/s both ways together, PCIe Gen4 64 GB/s both ways together; checked where it is
quoted, glennklockwood.com/garden/processors/A100. 80 GB as 80e9 bytes (docs/simulator.md, section 7)."""

H100_SXM = Hardware(
    name="H100-SXM",
    flops=989.4e12,
    memory_bandwidth=3350e9,
    memory_bytes=80 * GB,
    link_bandwidth=450e9,
    host_bandwidth=64e9,
)
"""NVIDIA H100 SXM5 80 GB. NVIDIA's H100 data sheet: BF16 tensor core 1,979 TFLOPS with sparsity, half of
it dense (989.4 in the architecture white paper), 3.35 TB/s, NVLink 900 GB/s and PCIe Gen5 128 GB/s, both
ways together; checked where they are quoted, glennklockwood.com/garden/processors/h100."""

HARDWARE = {h.name: h for h in (A100_80G, H100_SXM)}
