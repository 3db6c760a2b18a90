"""CLASSES: the SLO classes that a commit was configured with."""

from __future__ import annotations

import pyarrow as pa

from sgengine.schema.columns import Column, TableSpec
from sgengine.schema.nights import COMMIT_ID, DAY, JOB
from sgengine.schema.settings import SETTINGS

CLASSES = TableSpec(
    name="classes",
    grain="one row a job and day of a commit and SLO class",
    key=("job", "day", "commit_id", "name"),
    columns=(
        COMMIT_ID,
        JOB,
        DAY,
        Column(
            name="name", type=pa.string(), doc="The class, as the job's configuration calls it."
        ),
        Column(
            name="position",
            type=pa.int32(),
            doc="Its place: a request is of the first class that it matches.",
        ),
        Column(
            name="workload",
            type=pa.string(),
            doc="The workload whose requests belong to it.",
            null="those of any workload",
        ),
        Column(
            name="tenant",
            type=pa.string(),
            doc="The tenant whose requests belong to it.",
            null="those of any tenant",
        ),
        *(column for column in SETTINGS.columns if column.name != "duration_ns"),
    ),
)
