"""Inputs measured and committed to a store: what the nightly job and ``analyze --store`` share."""

from sgengine.record.code import code_version
from sgengine.record.names import job_of
from sgengine.record.publish import publish
from sgengine.record.run import Recorded, facts_of, record, record_inputs, rows_outside

__all__ = [
    "Recorded",
    "code_version",
    "facts_of",
    "job_of",
    "publish",
    "record",
    "record_inputs",
    "rows_outside",
]
