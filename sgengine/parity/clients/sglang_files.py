"""SGLang's output file as evidence: a line a run."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from sgengine.parity.clients.json_files import (
    Object,
    at,
    decode,
    floats,
    lines,
    number_at,
    pooled,
    same_length,
    seconds_of,
    tree,
)
from sgengine.parity.clients.sglang import PROFILE
from sgengine.parity.evidence import Evidence, Number, Samples


class _Detail(msgspec.Struct, gc=False):
    """The arrays of a run, in seconds; everything else is passed over."""

    backend: str | None = None
    accept_length: float | None = None
    input_lens: list[int] | None = None
    output_lens: list[int] | None = None
    ttfts: list[float] | None = None
    itls: list[list[float]] | None = None
    errors: list[str | None] | None = None


_ARRAYS = ("input_lens", "output_lens", "ttfts", "itls", "errors")
_WITHOUT = (*_ARRAYS, "generated_texts", "cached_tokens", "server_info", "latencies")
_CLAUSES = {"ttft": "ttft", "tpot": "tpot", "e2e": "e2e", "e2e_latency": "e2e", "e2el": "e2e"}


def evidence(path: str) -> list[Evidence]:
    """A run a line. Raises FormatError for damage, also of arrays of different lengths."""
    found = list(lines(path))
    runs = []
    for place, (line, text) in enumerate(found, 1):
        where = f"line {line}"
        stated = tree(path, decode(path, text, Object, where), _WITHOUT)
        detail = decode(path, text, _Detail, where)
        name = f"#{place}" if len(found) > 1 else ""
        runs.append(replace(_run(path, name, stated, detail), place=place - 1))
    return runs


def _run(path: str, name: str, stated: dict[str, object], detail: _Detail) -> Evidence:
    slos = at(stated, "goodput_slos_ms")
    numbers = _of_stated(stated)
    missing = [array for array in _ARRAYS if getattr(detail, array) is None]
    unknown = {"*": f"the file has no {', '.join(missing)}: run with --output-details"}
    samples: dict[str, Samples] = {}
    if not missing:
        same_length(path, {key: getattr(detail, key) for key in _ARRAYS})
        made = _Run(detail)
        samples = made.samples()
        numbers |= made.numbers(
            number_at(stated, "total_input_tokens"), number_at(stated, "duration")
        )
        numbers |= made.attainment(slos, number_at(stated, "duration"))
        unknown = {"*": "the file does not state the duration, or an objective of this name"}
        if detail.accept_length and (detail.backend or "").startswith("sglang-oai"):
            del samples["itl"]
            unknown["itl"] = (
                "speculative decoding: split over tokens by a tokenizer of the client's"
            )
    return Evidence(
        run=name,
        profile=PROFILE,
        version=f"{PROFILE.versions}, backend {detail.backend or 'not stated'}",
        stated=stated,
        samples=samples,
        numbers=numbers,
        unknown=unknown,
        slo=_clauses(slos),
    )


def _clauses(slos: object) -> tuple[str, ...]:
    """The objectives in our spelling."""
    if not isinstance(slos, dict):
        return ()
    known = {_CLAUSES.get(name): seconds_of(value) for name, value in slos.items()}
    return tuple(f"{name}:{value:.6f}ms" for name, value in known.items() if name and value)


def _of_stated(stated: dict[str, object]) -> dict[str, Number]:
    """What the file's own figures say of each other."""
    made: dict[str, Number] = {}
    values = [number_at(stated, key) for key in ("concurrency", "duration", "completed")]
    concurrency, duration, completed = values
    if concurrency and duration and completed:
        made["mean_e2e"] = Number(low=concurrency * duration / completed * 1e3)
    tokens, output = (number_at(stated, f"total_{side}_tokens") for side in ("input", "output"))
    pictures = at(stated, "total_input_vision_tokens")
    if tokens and isinstance(pictures, int):
        made["input_text"] = Number(low=tokens - pictures)
    amounts = {"request": completed, "input": tokens, "output": output}
    amounts["total"] = tokens + output if tokens and output else None
    return made | {
        f"{name}_throughput": Number(low=amount / duration)
        for name, amount in amounts.items()
        if amount and duration
    }


class _Run:
    """The quantities of one run's successful requests."""

    def __init__(self, detail: _Detail) -> None:
        assert detail.ttfts is not None
        assert detail.itls is not None
        assert detail.output_lens is not None
        assert detail.errors is not None
        self.all = len(detail.ttfts)
        self.ok = np.array(
            [i for i, error in enumerate(detail.errors) if not error], dtype=np.int64
        )
        self.ttft = floats(detail.ttfts)[self.ok]
        self.output = floats(detail.output_lens)[self.ok]
        self.gaps = [detail.itls[i] for i in self.ok]
        self.ends = self.ttft + floats(float(np.sum(gaps)) for gaps in self.gaps)
        several = self.output > 1
        self.tpot = np.zeros(self.ok.size)
        self.tpot[several] = (self.ends - self.ttft)[several] / (self.output[several] - 1)

    def samples(self) -> dict[str, Samples]:
        """ttft, itl, tpot and e2e in ms."""
        tpot = self.tpot[self.output > 1] * 1e3
        return {
            "ttft": Samples(values=self.ttft * 1e3),
            "itl": Samples(values=pooled(self.gaps) * 1e3),
            "tpot": Samples(values=tpot, upper=np.full(tpot.size, np.inf)),
            "e2e": Samples(values=self.ends * 1e3, upper=np.full(self.ok.size, np.inf)),
        }

    def numbers(self, tokens: float | None, duration: float | None) -> dict[str, Number]:
        """Counts and rates."""
        output = float(self.output.sum())
        made = {
            "completed": Number(low=self.ok.size),
            "output": Number(low=output),
        }
        if duration:
            made |= {
                "request_throughput": Number(low=self.ok.size / duration),
                "output_throughput": Number(low=output / duration),
                "total_throughput": Number(low=((tokens or 0) + output) / duration),
                "concurrency": Number(low=float(self.ends.sum()) / duration, high=np.inf),
            }
        return made

    def attainment(self, slos: object, duration: float | None) -> dict[str, Number]:
        """Shares of the requests sent that are good; one whose end is later than known may not be."""
        if not isinstance(slos, dict) or not slos or not self.all:
            return {}
        values = {"ttft": self.ttft, "tpot": self.tpot, "e2e": self.ends}
        good, sure = np.ones(self.ok.size, dtype=np.bool_), np.ones(self.ok.size, dtype=np.bool_)
        made: dict[str, Number] = {}
        for name, limit in slos.items():
            quantity, bound = _CLAUSES.get(name), seconds_of(limit)
            if quantity is None or bound is None:
                return made
            within = values[quantity] <= bound / 1e3
            certain = within & ((quantity == "ttft") | ((quantity == "tpot") & (self.output <= 1)))
            made[f"slo/{name}"] = _share(certain, within, self.all)
            good, sure = good & within, sure & certain
        made["slo_attainment"] = _share(sure, good, self.all)
        if duration:
            made["request_goodput"] = _share(sure, good, duration)
        return made


def _share(least: np.ndarray, most: np.ndarray, of: float) -> Number:
    low, high = int(least.sum()) / of, int(most.sum()) / of
    return Number(low=low, high=None if low == high else high)
