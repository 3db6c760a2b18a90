"""By which keys a JSON file is known: one table, the most particular first.

Keys are those of the first object that can be read alone (a line, a whole small file); of a document
or array over many lines, those of the listed keys whose quoted bytes occur anywhere in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sgengine.readers import deliveries


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A format's mark: all of ``keys`` are there and none of ``absent``.

    ``format`` is None for files that are known but no trace; ``hint`` then says what to do.
    """

    keys: frozenset[str]
    format: str | None = None
    absent: frozenset[str] = frozenset()
    hint: str = ""


def _keys(*names: str) -> frozenset[str]:
    return frozenset(names)


SIGNATURES = (
    Signature(
        keys=_keys("metadata", "metrics"), absent=_keys("responses", "benchmarks"), format="aiperf"
    ),
    Signature(
        keys=_keys("metadata", "responses"),
        hint="is AIPerf's raw export; give profile_export.jsonl beside it",
    ),
    Signature(
        keys=_keys("input_config", "records"),
        hint="is AIPerf's summary; give profile_export.jsonl beside it, which it completes",
    ),
    Signature(
        keys=_keys("input_config", "start_time"),
        hint="is AIPerf's summary; give profile_export.jsonl beside it, which it completes",
    ),
    Signature(
        keys=_keys("server_info"),
        hint="is SGLang bench_serving output, which is not read",
    ),
    Signature(keys=_keys("ttfts", "itls", "output_lens"), format="vllm"),
    *(Signature(keys=_keys(name), format="deliveries-jsonl") for name in deliveries.NEEDED),
    Signature(
        keys=_keys("num_prompts", "request_throughput"),
        hint="is a vLLM summary without the requests' times; run `vllm bench serve` again with "
        "--save-result --save-detailed",
    ),
)

ONLY_WITH = {"metadata": "x_request_id", "metrics": "x_request_id"}
"""Keys that count in a scan only where another occurs too: other clients have them somewhere inside."""


def all_keys() -> tuple[str, ...]:
    """Every key that a scan of a document looks for."""
    found: set[str] = set(ONLY_WITH.values())
    for signature in SIGNATURES:
        found |= signature.keys | signature.absent
    return tuple(sorted(found))


def recognise(keys: frozenset[str]) -> Signature | None:
    """The first signature that ``keys`` bear, or None."""
    for signature in SIGNATURES:
        if signature.keys <= keys and not signature.absent & keys:
            return signature
    return None
