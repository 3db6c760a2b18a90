"""NIGHTS: what a store's commits say of themselves, a row a night."""

from __future__ import annotations

import pyarrow as pa

from sgengine.schema.columns import Column, TableSpec
from sgengine.schema.settings import SETTINGS

COMMIT_ID = Column(
    name="commit_id",
    type=pa.string(),
    doc="The commit that wrote the row. It counts while requests of that commit, job and day are live.",
)

JOB = Column(
    name="job", type=pa.string(), doc="The job; with day the unit that a later commit replaces."
)

DAY = Column(name="day", type=pa.date32(), doc="The night: the day its requests arrived on.")

_AD_HOC = "an ad-hoc commit, which has no night"
_NO_WINDOW = "rates divide by what each run states or took, as those of an ad-hoc commit do"

NIGHTS = TableSpec(
    name="nights",
    grain="one row a job and day of a commit to a store",
    key=("job", "day", "commit_id"),
    columns=(
        COMMIT_ID,
        JOB,
        DAY,
        Column(name="seq", type=pa.int64(), doc="How often this night was committed, from 1."),
        Column(
            name="committed_at_ns",
            type=pa.int64(),
            unit="ns since the epoch",
            doc="When the commit began, by the writer's clock.",
        ),
        Column(
            name="zone",
            type=pa.string(),
            doc="The time zone that the night's bounds are midnights of.",
            null=_AD_HOC,
        ),
        Column(
            name="from_ns",
            type=pa.int64(),
            unit="ns since the epoch",
            doc="Start of the night: requests that arrived then or later.",
            null=_NO_WINDOW,
        ),
        Column(
            name="until_ns",
            type=pa.int64(),
            unit="ns since the epoch",
            doc="End of the night: requests that arrived before; rates divide by its length.",
            null=_NO_WINDOW,
        ),
        Column(
            name="input_digest",
            type=pa.int64(),
            doc="63 bits of the digest of all inputs and of the code: the same means nothing to do.",
            null="the job does not skip unchanged inputs",
        ),
        Column(name="code_version", type=pa.string(), doc="The version of sgengine."),
        Column(name="requests", type=pa.int64(), unit="requests", doc="Requests committed."),
        Column(
            name="incomplete",
            type=pa.int64(),
            unit="requests",
            doc="Those of status incomplete: a later commit of the night may complete them.",
        ),
        Column(name="rows_in", type=pa.int64(), unit="rows", doc="Rows found: the sum over RUNS."),
        Column(
            name="rows_measured",
            type=pa.int64(),
            unit="rows",
            doc="Rows measured: the sum over RUNS.",
        ),
        Column(
            name="rows_rejected",
            type=pa.int64(),
            unit="rows",
            doc="Rows rejected: the sum over RUNS.",
        ),
        Column(
            name="rows_outside",
            type=pa.int64(),
            unit="rows",
            doc="Rows that were read and belong to other nights; rows_rejected counts them too.",
        ),
        Column(
            name="sources_missing",
            type=pa.int64(),
            unit="sources",
            doc="Configured sources of which no file was there.",
        ),
        Column(name="files", type=pa.int64(), unit="files", doc="Data files of requests."),
        Column(
            name="settings",
            type=pa.string(),
            doc="All settings of the job, as JSON.",
            null="the job gives none",
        ),
        *SETTINGS.columns,
    ),
)
