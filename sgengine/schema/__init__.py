"""The Arrow tables, their documented columns, and the rules rows must keep."""

from sgengine.schema.columns import Column, TableSpec
from sgengine.schema.rules import RULE_BY_NAME, RULES, Rule
from sgengine.schema.tables import (
    DELIVERIES,
    ENVELOPE,
    EVENTS,
    GAPS,
    LABEL,
    REJECTS,
    REQUESTS,
    RUNS,
    TABLES,
)

__all__ = [
    "DELIVERIES",
    "ENVELOPE",
    "EVENTS",
    "GAPS",
    "LABEL",
    "REJECTS",
    "REQUESTS",
    "RULES",
    "RULE_BY_NAME",
    "RUNS",
    "TABLES",
    "Column",
    "Rule",
    "TableSpec",
]
