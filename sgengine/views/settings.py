"""The settings that a connection is opened with, as the one-row table ``measured_settings``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from sgengine.errors import UsageError
from sgengine.schema.settings import SETTINGS


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
