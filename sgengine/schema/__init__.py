"""The Arrow tables, their documented columns, and the rules rows must keep."""

from sgengine.schema.columns import Column, TableSpec
from sgengine.schema.rules import RULE_BY_NAME, RULES, Rule
from sgengine.schema.tables import (
    CLASSES,
    DELIVERIES,
    ENVELOPE,
    EVENTS,
    GAPS,
    LABEL,
    NIGHTS,
    REJECTS,
    REQUESTS,
    RUNS,
    SETTINGS,
    TABLES,
)

__all__ = [
    "CLASSES",
    "DELIVERIES",
    "ENVELOPE",
    "EVENTS",
    "GAPS",
    "LABEL",
    "NIGHTS",
    "REJECTS",
    "REQUESTS",
    "RULES",
    "RULE_BY_NAME",
    "RUNS",
    "SETTINGS",
    "TABLES",
    "Column",
    "Rule",
    "TableSpec",
]
