"""The two records every table declaration is made of: a documented column and a documented table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its Arrow type, unit, meaning, and when it is NULL.

    ``null`` states when a value is NULL; ``"never"`` makes the Arrow field non-nullable.
    """

    name: str
    type: pa.DataType
    doc: str
    null: str = "never"
    unit: str = ""

    @property
    def nullable(self) -> bool:
        """Whether NULL is allowed in this column."""
        return self.null != "never"

    def field(self) -> pa.Field:
        """The Arrow field, its documentation in the field's metadata."""
        return self._field

    @cached_property
    def _field(self) -> pa.Field:
        metadata = {"doc": self.doc, "null": self.null, "unit": self.unit}
        return pa.field(self.name, self.type, self.nullable, metadata)


@dataclass(frozen=True, kw_only=True)
class TableSpec:
    """One table: its grain (what a row is), key, and columns in order."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    # Kept once made: made anew for each batch they took a twelfth of the time of a small one.

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(self._by_name)

    def column(self, name: str) -> Column:
        """The column of this name; ``KeyError`` if there is none."""
        return self._by_name[name]

    def schema(self) -> pa.Schema:
        """The Arrow schema of the declared columns."""
        return self._schema

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def _schema(self) -> pa.Schema:
        return pa.schema([column.field() for column in self.columns])

    def empty(self) -> pa.Table:
        """A table of this schema without rows."""
        return self.schema().empty_table()
