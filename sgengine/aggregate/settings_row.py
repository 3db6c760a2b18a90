"""The settings of a summary as one row of SETTINGS, as SQL views and stores have it, and back."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

from sgengine.aggregate.settings import SummarySettings
from sgengine.objectives import Benefit, Reader, Slo

_EXACT = Context(prec=40)
"""More digits than a share of 18 decimals and its denominator can have."""


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


def summary_of(row: Mapping[str, Any], **more: Any) -> SummarySettings:
    """The settings whose ``settings_row`` is ``row``, with ``more`` of what no row holds (``by``, ...)."""
    reader = Reader(first_ns=row["reader_first_ns"], pace_ns=row["reader_pace_ns"])
    return SummarySettings(
        reader=reader,
        benefit=_benefit(row),
        slo=_slo(row, reader),
        denominator=row["denominator"],
        duration_ns=row.get("duration_ns"),
        **more,
    )


def _benefit(row: Mapping[str, Any]) -> Benefit:
    tau_s = row.get("tau_s")
    return Benefit(
        penalty=row["penalty"],
        alpha=row["alpha"],
        tau_ns=None if tau_s is None else round(tau_s * 1e9),
        unfinished_idle_ns=round(row["unfinished_idle_s"] * 1e9),
    )


def _slo(row: Mapping[str, Any], reader: Reader) -> Slo | None:
    clauses: dict[str, Any] = {
        f"{name}_ns": row.get(f"max_{name}_ns") for name in ("ttft", "tbt", "tpot", "e2e")
    }
    if row.get("pace_ns") is not None:
        clauses["pace"] = Reader(first_ns=row["pace_first_ns"], pace_ns=row["pace_ns"])
    if row.get("tokens_share_num") is not None:
        share = _EXACT.divide(Decimal(row["tokens_share_num"]), Decimal(row["tokens_share_den"]))
        clauses |= {"tokens_share": share, "tokens_reader": reader}
    return Slo(**clauses) if any(value is not None for value in clauses.values()) else None
