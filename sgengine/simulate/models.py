"""Language models by their published configurations: what they cost follows from the shapes."""

from __future__ import annotations

from dataclasses import dataclass

from sgengine.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Model:
    """A dense decoder-only transformer with grouped-query attention and a gated MLP.

    The output layer is not tied to the embedding. ``has_bias``: on query, key and value projections.
    ``weight_bytes``, ``kv_bytes``: bytes a number takes, 2 for BF16 and FP16.
    """

    name: str
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    has_bias: bool = False
    weight_bytes: float = 2
    kv_bytes: float = 2

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name not in ("name", "has_bias") and value <= 0:
                raise UsageError(f"model {self.name}: {name} is {value}, give a number above 0")

    @property
    def layer_parameters(self) -> int:
        """Parameters of one layer, its two norms included."""
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        attention = 2 * self.hidden * queries + 2 * self.hidden * keys
        bias = queries + 2 * keys if self.has_bias else 0
        return attention + bias + 3 * self.hidden * self.intermediate + 2 * self.hidden

    @property
    def output_parameters(self) -> int:
        """Parameters of the output layer; the embedding has as many, of which few rows are read."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """All parameters."""
        return self.layers * self.layer_parameters + 2 * self.output_parameters + self.hidden

    @property
    def kv_bytes_per_token(self) -> float:
        """Bytes of keys and values that one token of context takes, over all layers."""
        return 2 * self.layers * self.kv_heads * self.head_dim * self.kv_bytes


LLAMA_31_8B = Model(
    name="Llama-3.1-8B",
    layers=32,
    hidden=4096,
    intermediate=14336,
    heads=32,
    kv_heads=8,
    head_dim=128,
    vocabulary=128256,
)
"""config.json of meta-llama/Llama-3.1-8B, which is gated; checked in NbAiLab/nb-llama-3.1-8B, trained
from it. "The Llama 3 Herd of Models" (arXiv 2407.21783), table 3."""

QWEN_25_14B = Model(
    name="Qwen2.5-14B",
    layers=48,
    hidden=5120,
    intermediate=13824,
    heads=40,
    kv_heads=8,
    head_dim=128,
    vocabulary=152064,
    has_bias=True,
)
"""config.json of Qwen/Qwen2.5-14B, checked in jebish7/Qwen2.5-14B-Instruct, a copy; "Qwen2.5 Technical
Report" (arXiv 2412.15115), table 1. The biases are in the model's card, not in its configuration."""

LLAMA_3_70B = Model(
    name="Llama-3-70B",
    layers=80,
    hidden=8192,
    intermediate=28672,
    heads=64,
    kv_heads=8,
    head_dim=128,
    vocabulary=128256,
)
"""config.json of meta-llama/Meta-Llama-3-70B, which is gated; checked in kittn/Meta-Llama-3-70B-quant,
made from it. arXiv 2407.21783, table 3."""

MODELS = {m.name: m for m in (LLAMA_31_8B, QWEN_25_14B, LLAMA_3_70B)}
