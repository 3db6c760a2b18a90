"""DuckDB over the measured tables: opens, locks down, registers the SQL, runs queries."""

from sgengine.schema import SETTINGS
from sgengine.views.connection import Rows, StoreConnection
from sgengine.views.open import open_views
from sgengine.views.portable import write_database
from sgengine.views.query import check_query, run_query
from sgengine.views.script import publish, script
from sgengine.views.settings import settings_table
from sgengine.views.store import open_store
from sgengine.views.values import python_values

__all__ = [
    "SETTINGS",
    "Rows",
    "StoreConnection",
    "check_query",
    "open_store",
    "open_views",
    "publish",
    "python_values",
    "run_query",
    "script",
    "settings_table",
    "write_database",
]
