"""vLLM's result file as evidence: an object a run."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from sgengine.parity.clients.json_files import (
    Object,
    decode,
    floats,
    number_at,
    pooled,
    same_length,
    tree,
)
from sgengine.parity.clients.vllm import NEWER, OLDER
from sgengine.parity.evidence import Evidence, Number, Samples
from sgengine.parity.statistics import Floats
from sgengine.readers.files import mapped
from sgengine.readers.vllm_file import spans

LATE_S = 1e-4
LATE_SHARE = 1e-4
"""How much later than the last token the older client ended a request: the chunk with the usage came
after it. Seen: up to 6e-5 of the latency."""

MOST_SECONDS = 1e7
"""Times further apart are damage: a grid of seconds over them would fill the memory."""


class _Detail(msgspec.Struct, gc=False):
    """The arrays of a run, in seconds; everything else is passed over."""

    input_lens: list[int] | None = None
    output_lens: list[int] | None = None
    ttfts: list[float] | None = None
    itls: list[list[float]] | None = None
    errors: list[str | None] | None = None
    latencies: list[float] | None = None
    start_times: list[float] | None = None
    duration: float | None = None


_ARRAYS = ("input_lens", "output_lens", "ttfts", "itls", "errors")
_WITHOUT = (*_ARRAYS, "latencies", "start_times", "queue_times", "generated_texts")


def evidence(path: str) -> list[Evidence]:
    """A run an object. Raises FormatError for damage, also of arrays of different lengths."""
    content = mapped(path)
    found = spans(content)
    runs = []
    for place, span in enumerate(found, 1):
        text = memoryview(content)[span.start : span.stop]
        name = f"#{place}" if len(found) > 1 else ""
        stated = tree(path, decode(path, text, Object, name), _WITHOUT)
        run = _run(path, name, stated, decode(path, text, _Detail, name))
        runs.append(replace(run, place=place - 1))
    return runs


def _run(path: str, name: str, stated: dict[str, object], detail: _Detail) -> Evidence:
    missing = [array for array in _ARRAYS if getattr(detail, array) is None]
    if missing:
        return Evidence(
            run=name,
            profile=OLDER,
            version="",
            stated=stated,
            samples=_of_latencies(detail.latencies or [], number_at(stated, "completed")),
            numbers=_of_stated(stated),
            unknown={"*": f"the file has no {', '.join(missing)}: save with --save-detailed"},
        )
    profile = OLDER if detail.latencies is None else NEWER
    same_length(path, {key: getattr(detail, key) for key in (*_ARRAYS, "latencies", "start_times")})
    made = _Run(detail)
    unknown = dict.fromkeys(
        ("max_output_tokens_per_s", "max_concurrent_requests"),
        "the file has no start_times" if not detail.start_times else "no request succeeded",
    )
    return Evidence(
        run=name,
        profile=profile,
        version=profile.versions,
        stated=stated,
        samples=made.samples(),
        numbers=made.numbers(number_at(stated, "duration")),
        unknown=unknown | {"*": "the file does not state the duration"},
    )


def _of_latencies(latencies: list[float], completed: float | None) -> dict[str, Samples]:
    """e2el where the file has latencies alone; failed requests have 0 there."""
    good = floats(latency for latency in latencies if latency > 0)
    return {"e2el": Samples(values=good * 1e3)} if good.size and good.size == completed else {}


def _of_stated(stated: dict[str, object]) -> dict[str, Number]:
    """The rates that follow from the file's own counts and duration."""
    duration, completed = number_at(stated, "duration"), number_at(stated, "completed")
    tokens, output = (number_at(stated, f"total_{side}_tokens") for side in ("input", "output"))
    amounts = {
        "request_throughput": completed,
        "output_throughput": output,
        "total_token_throughput": tokens + output if tokens and output else None,
    }
    return {
        name: Number(low=amount / duration)
        for name, amount in amounts.items()
        if amount and duration
    }


class _Run:
    """The quantities of one run's successful requests."""

    def __init__(self, detail: _Detail) -> None:
        assert detail.ttfts is not None
        assert detail.itls is not None
        assert detail.output_lens is not None
        assert detail.input_lens is not None
        assert detail.errors is not None
        self.detail = detail
        self.all = len(detail.ttfts)
        output, first = floats(detail.output_lens), floats(detail.ttfts)
        good = np.array([not error for error in detail.errors], dtype=np.bool_)
        self.ok = np.flatnonzero(good & ~((output == 0) & (first == 0)))
        self.ttft, self.output = first[self.ok], output[self.ok]
        self.input = floats(detail.input_lens)[self.ok]
        self.gaps = [detail.itls[i] for i in self.ok]
        self.low, self.high = self._latencies()

    def _latencies(self) -> tuple[Floats, Floats]:
        """The latency of each request, or bounds of it where only the tokens' times are known."""
        if self.detail.latencies is not None:
            exact = floats(self.detail.latencies)[self.ok]
            return exact, exact
        ends = self.ttft + floats(float(np.sum(gaps)) for gaps in self.gaps)
        return ends, ends + LATE_S + LATE_SHARE * ends

    def samples(self) -> dict[str, Samples]:
        """ttft, itl, tpot and e2el in ms."""
        several = self.output > 1
        divisor = self.output[several] - 1
        tpot = [(end - self.ttft)[several] / divisor * 1e3 for end in (self.low, self.high)]
        exact = self.detail.latencies is not None
        return {
            "ttft": Samples(values=self.ttft * 1e3),
            "itl": Samples(values=pooled(self.gaps) * 1e3),
            "tpot": Samples(values=tpot[0], upper=None if exact else tpot[1]),
            "e2el": Samples(values=self.low * 1e3, upper=None if exact else self.high * 1e3),
        }

    def numbers(self, duration: float | None) -> dict[str, Number]:
        """Counts, rates and peaks."""
        tokens_in, tokens_out = float(self.input.sum()), float(self.output.sum())
        made = {
            "completed": Number(low=self.ok.size),
            "failed": Number(low=self.all - self.ok.size),
            "total_input_tokens": Number(low=tokens_in),
            "total_output_tokens": Number(low=tokens_out),
        }
        if duration:
            made |= {
                "request_throughput": Number(low=self.ok.size / duration),
                "output_throughput": Number(low=tokens_out / duration),
                "total_token_throughput": Number(low=(tokens_in + tokens_out) / duration),
            }
        return made | self._peaks()

    def _peaks(self) -> dict[str, Number]:
        """The busiest second, by chunks and by requests in flight."""
        if not self.detail.start_times or self.ok.size == 0:
            return {}
        starts = floats(self.detail.start_times)[self.ok]
        times = pooled(
            [
                np.cumsum([start + first, *gaps]).tolist()
                for start, first, gaps in zip(starts, self.ttft, self.gaps, strict=True)
            ]
        )
        begin = float(starts.min())
        if not 0 <= float((times - begin).max(initial=0)) < MOST_SECONDS:
            return {}
        seconds = np.bincount((times - begin).astype(np.int64))
        touched = [_touched(starts - begin, end) for end in (self.low, self.high)]
        if self.detail.latencies is None:
            together = Number(low=min(touched), high=max(touched))
        else:
            together = Number(low=_in_flight(starts, self.low), others=(touched[0],))
        return {
            "max_output_tokens_per_s": Number(low=float(seconds.max())),
            "max_concurrent_requests": together,
        }


def _touched(starts: Floats, latency: Floats) -> int:
    """The most requests that any whole second sees, both ends included."""
    first, last = starts.astype(np.int64), (starts + latency).astype(np.int64)
    changes = np.bincount(first, minlength=int(last.max()) + 2).astype(np.int64)
    changes -= np.bincount(last + 1, minlength=changes.size)
    return int(np.cumsum(changes).max())


def _in_flight(starts: Floats, latency: Floats) -> int:
    """The most requests in flight at one moment."""
    times = np.concatenate([starts + latency, starts])
    changes = np.concatenate([-np.ones(starts.size), np.ones(starts.size)])
    return int(np.cumsum(changes[np.argsort(times, kind="stable")]).max())
