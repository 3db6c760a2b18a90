"""DuckDB over the measured tables: opens, locks down, registers the SQL, runs queries."""

from sgengine.views.open import open_views
from sgengine.views.query import check_query, run_query
from sgengine.views.settings import SETTINGS, settings_table

__all__ = ["SETTINGS", "check_query", "open_views", "run_query", "settings_table"]
