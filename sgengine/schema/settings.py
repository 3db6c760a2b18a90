"""SETTINGS: what a measurement was made and judged with, one row."""

from __future__ import annotations

import pyarrow as pa

from sgengine.schema.columns import Column, TableSpec

_NO_CLAUSE = "the SLO has no such clause"


def _limit(name: str, doc: str) -> Column:
    return Column(name=name, type=pa.int64(), unit="ns", doc=doc, null=_NO_CLAUSE)


SETTINGS = TableSpec(
    name="measured_settings",
    grain="one row: the settings that the views use",
    key=(),
    columns=(
        Column(
            name="reader_first_ns", type=pa.int64(), unit="ns", doc="d_1 of the measured reader."
        ),
        Column(name="reader_pace_ns", type=pa.int64(), unit="ns a token", doc="V of that reader."),
        Column(name="alpha", type=pa.float64(), doc="Weight of waiting in the benefit."),
        Column(name="penalty", type=pa.string(), doc="The benefit function f by name."),
        Column(
            name="tau_s",
            type=pa.float64(),
            unit="s",
            doc="Time constant of f.",
            null="the benefit function has none",
        ),
        Column(
            name="unfinished_idle_s",
            type=pa.float64(),
            unit="s",
            doc="Idle time added to every request that is not ok.",
        ),
        Column(
            name="denominator",
            type=pa.string(),
            doc="What slo_attainment divides by: all, sent, completed or determined.",
        ),
        _limit("max_ttft_ns", "Clause ttft."),
        _limit("max_tbt_ns", "Clause tbt."),
        _limit("max_tpot_ns", "Clause tpot."),
        _limit("max_e2e_ns", "Clause e2e."),
        _limit("pace_first_ns", "d_1 of clause pace."),
        _limit("pace_ns", "V of clause pace."),
        Column(
            name="tokens_share_num",
            type=pa.int64(),
            doc="Numerator of Q in clause tokens, whose reader must be the measured one.",
            null=_NO_CLAUSE,
        ),
        Column(
            name="tokens_share_den",
            type=pa.int64(),
            doc="Denominator of Q in clause tokens.",
            null=_NO_CLAUSE,
        ),
        Column(
            name="duration_ns",
            type=pa.int64(),
            unit="ns",
            doc="T of every group, as the caller states it.",
            null="the caller states none",
        ),
    ),
)
