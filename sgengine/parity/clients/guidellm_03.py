"""The samples of GuideLLM 0.3: no window, values unmerged, rates held until the next event."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sgengine.parity.clients.guidellm_rows import STATUSES, Row, Rows
from sgengine.parity.clients.guidellm_samples import Made, Pairs, columns, sampled
from sgengine.parity.evidence import Samples
from sgengine.parity.timelines import Timeline, held_concurrency, held_rates


def in_03(rows: Rows, *, beside_prompt: float) -> Made:
    """The samples of 0.3: no window, values unmerged, rates held until the next event.

    ``beside_prompt``: tokens that tokens_per_second counts at the first token, beside the prompt.
    """
    together = rows | {"total": [row for status in STATUSES for row in rows[status]]}
    made: Made = {}
    for status, found in together.items():
        ended = [r for r in found if r.start is not None and r.end is not None]
        with_output = [r for r in ended if (r.output or 0) > 0]
        several = [r for r in ended if (r.output or 0) > 1]
        each: dict[str, Pairs] = {
            "request_latency": [(r.latency or 0.0, 1.0) for r in ended],
            "prompt_token_count": [(r.prompt or 0.0, 1.0) for r in ended],
            "output_token_count": [(r.output or 0.0, 1.0) for r in with_output],
            "time_to_first_token_ms": [(r.ttft_ms or 0.0, 1.0) for r in with_output],
            "time_per_output_token_ms": [(_old_tpot(r), r.output or 0.0) for r in with_output],
            "inter_token_latency_ms": [(r.itl_ms or 0.0, (r.output or 0.0) - 1) for r in several],
        }
        for name, pairs in each.items():
            values, weights = columns(pairs)
            made[f"{name}/{status}"] = Samples(values=values, weights=weights, plain=True)
        for name, timeline in _old_timelines(ended, with_output, beside_prompt).items():
            made[f"{name}/{status}"] = sampled(timeline, plain=True)
    return made


def _old_tpot(row: Row) -> float:
    """First to last token over all tokens."""
    if row.first is None or row.last is None or not row.output:
        return 0.0
    return 1000 * (row.last - row.first) / row.output


def _old_timelines(
    ended: Sequence[Row], with_output: Sequence[Row], beside_prompt: float
) -> dict[str, Timeline]:
    starts = np.array([r.start for r in ended], dtype=np.float64)
    ends = np.array([r.end for r in ended], dtype=np.float64)
    if not ended:
        nothing = Timeline(np.zeros(0), np.zeros(0), None)
        names = ("requests_per_second", "request_concurrency", "output_tokens_per_second")
        return dict.fromkeys((*names, "tokens_per_second"), nothing)
    times = np.concatenate([[starts.min()], ends])
    return {
        "requests_per_second": held_rates(times, np.ones(times.size)),
        "request_concurrency": held_concurrency(starts, ends),
        "output_tokens_per_second": _old_rates(with_output, lambda r: 1.0),
        "tokens_per_second": _old_rates(with_output, lambda r: (r.prompt or 0.0) + beside_prompt),
    }


def _old_rates(rows: Sequence[Row], at_first: Callable[[Row], float]) -> Timeline:
    """Tokens evenly from the first one to the request's end."""
    if not rows:
        return Timeline(np.zeros(0), np.zeros(0), None)
    ends = [(min(r.start or 0.0 for r in rows), 0.0), (max(r.end or 0.0 for r in rows), 0.0)]
    times, weights = [[np.array(ends)[:, i]] for i in (0, 1)]
    for row in rows:
        first, total = row.first or row.start or 0.0, int(row.output or 0)
        steps = np.arange(total, dtype=np.float64)
        step = ((row.end or 0.0) - first) / (total - 1) if total > 1 else 0.0
        counts = np.ones(total)
        counts[0] = at_first(row)
        times.append(first + steps * step)
        weights.append(counts)
    return held_rates(np.concatenate(times), np.concatenate(weights))
