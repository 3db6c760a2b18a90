"""The settings that a connection is opened with, as the one-row table ``measured_settings``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from sgengine.errors import UsageError
from sgengine.schema import Column, TableSpec

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


def settings_table(row: Mapping[str, Any]) -> pa.Table:
    """The table of one row; a nullable column that ``row`` leaves out is NULL.

    UsageError for a name that is no setting, a missing one, or a value of another type.
    """
    unknown = sorted(row.keys() - set(SETTINGS.names))
    missing = [c.name for c in SETTINGS.columns if not c.nullable and row.get(c.name) is None]
    if unknown or missing:
        what = f"unknown {', '.join(unknown)}" if unknown else f"missing {', '.join(missing)}"
        raise UsageError(f"settings of the views: {what}; they are {', '.join(SETTINGS.names)}")
    try:
        return pa.Table.from_pylist(
            [{name: row.get(name) for name in SETTINGS.names}], schema=SETTINGS.schema()
        )
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise UsageError(f"settings of the views: {error}") from error
