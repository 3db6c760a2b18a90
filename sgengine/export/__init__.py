"""A store's aggregates for others: Parquet, CSV, JSON, one DuckDB file, Prometheus text."""

from sgengine.export.run import FORMATS, export

__all__ = ["FORMATS", "export"]
