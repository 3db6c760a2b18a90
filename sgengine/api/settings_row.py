"""The settings of a summary as the one row that the SQL views read."""

from __future__ import annotations

from typing import Any

from sgengine.aggregate import SummarySettings


def settings_row(settings: SummarySettings) -> dict[str, Any]:
    """The row of ``measured_settings``; None where a clause or a parameter is absent."""
    benefit, slo = settings.benefit, settings.slo
    row: dict[str, Any] = {
        "reader_first_ns": settings.reader.first_ns,
        "reader_pace_ns": settings.reader.pace_ns,
        "alpha": benefit.alpha,
        "penalty": benefit.penalty,
        "tau_s": None if benefit.tau_ns is None else benefit.tau_ns / 1e9,
        "unfinished_idle_s": benefit.unfinished_idle_ns / 1e9,
        "denominator": settings.denominator,
        "duration_ns": settings.duration_ns,
    }
    if slo is None:
        return row
    for name in ("ttft", "tbt", "tpot", "e2e"):
        row[f"max_{name}_ns"] = getattr(slo, f"{name}_ns")
    if slo.pace is not None:
        row |= {"pace_first_ns": slo.pace.first_ns, "pace_ns": slo.pace.pace_ns}
    if slo.tokens_share is not None:
        above, below = slo.tokens_share.as_integer_ratio()
        row |= {"tokens_share_num": above, "tokens_share_den": below}
    return row
