"""The SQL of sgengine: one view or macro a file, and the catalog that reads them. Text only."""

from sgengine.sql.catalog import (
    BASES,
    ORDER,
    SqlColumn,
    SqlObject,
    SqlParam,
    load_catalog,
)
from sgengine.sql.reference import render_reference, signature

__all__ = [
    "BASES",
    "ORDER",
    "SqlColumn",
    "SqlObject",
    "SqlParam",
    "load_catalog",
    "render_reference",
    "signature",
]
