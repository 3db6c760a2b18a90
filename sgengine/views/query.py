"""Runs one SELECT-like statement over the views, with errors that fit in one line."""

from __future__ import annotations

import re

import duckdb
import pyarrow as pa

from sgengine.errors import DataError, UsageError

_READS = (
    duckdb.StatementType.SELECT,  # also DESCRIBE, SHOW, SUMMARIZE, FROM, VALUES
    duckdb.StatementType.EXPLAIN,
    duckdb.StatementType.MULTI,  # what PIVOT without IN becomes
)

_ALLOWED = "give one SELECT, DESCRIBE, SHOW, SUMMARIZE, PIVOT or EXPLAIN over the measured tables"

_DAMAGED = (
    "a file of the store is gone or cannot be read; open the store again, and if that does not help, "
    "sgengine check names the damage"
)
_GONE = re.compile(r'file "(.*/s[0-9a-f]{8}-[0-9a-f]{16}-\d+\.parquet)/\*\*')
"""What DuckDB may not read if a data file of a store is gone: it takes the name for a folder's."""

_COPY = re.compile(r"\bcopy\b", re.IGNORECASE | re.ASCII)

_BLANK = r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_EXPLAIN = re.compile(
    rf"{_BLANK}EXPLAIN\b{_BLANK}(?:ANALYZE\b|\({_BLANK}(?:ANALYZE|FORMAT)\b[^)]*\))?{_BLANK}",
    re.IGNORECASE | re.DOTALL,
)
"""EXPLAIN with its options, which DuckDB takes for one statement with what is explained."""

_WIDE = pa.decimal128(38, 0)
"""What a HUGEINT, DuckDB's sum of integers, becomes in Arrow."""


def run_query(con: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """The rows of ``sql``, one statement that only reads; sums of integers are int64 if they fit.

    It runs in a read-only transaction, which also stops what hides inside (an INSERT in a WITH, an
    EXPLAIN ANALYZE of a DROP). Raises UsageError, in one line, for another statement, for access to
    files or settings, and for every error of SQL.
    """
    check_query(sql)
    try:
        con.execute("BEGIN TRANSACTION READ ONLY")
        try:
            return _narrowed(con.sql(sql).to_arrow_table())
        finally:
            con.execute("ROLLBACK")
    except duckdb.IOException as error:
        raise DataError(f"{_one_line(error)}: {_DAMAGED}") from error
    except duckdb.Error as error:
        if gone := _GONE.search(str(error)):
            raise DataError(f"{gone[1]}: {_DAMAGED}") from error
        raise UsageError(_one_line(error)) from error


def check_query(sql: str) -> None:
    """Raise UsageError unless ``sql`` is one statement of a kind that only reads; it is not run."""
    try:
        sql.encode()
        statements = duckdb.extract_statements(sql)
    except UnicodeEncodeError as error:
        raise UsageError(f"the query is not valid Unicode: {error.reason}") from error
    except duckdb.Error as error:
        raise UsageError(_one_line(error)) from error
    if len(statements) != 1:
        raise UsageError(f"the query holds {len(statements)} statements: {_ALLOWED}")
    if statements[0].type not in _READS:
        raise UsageError(f"the query is a {statements[0].type.name} statement: {_ALLOWED}")
    if _holds_copy(sql):
        raise UsageError(f"the query has the word COPY, which writes files: {_ALLOWED}")
    if statements[0].type == duckdb.StatementType.EXPLAIN:
        check_query(_explained(sql))


def _holds_copy(sql: str) -> bool:
    """Whether the word stands outside of literals, quoted names and comments.

    WITH x AS (COPY t TO 'FILE') SELECT ... is a SELECT to the parser, and writes files, in a read-only
    transaction, too: the word is all that tells it. Where places in the text may be those of another
    one (DuckDB counts bytes, and takes other spaces for blanks), the word is refused wherever it is.
    """
    found = [match.start() for match in _COPY.finditer(sql)]
    if not found or not sql.isascii():
        return bool(found)
    starts = [(place, kind) for place, kind in duckdb.tokenize(sql) if place in found]
    return any(kind == duckdb.token_type.keyword for _, kind in starts)


def _explained(sql: str) -> str:
    """The statement behind EXPLAIN, ANALYZE and options in brackets; what is none stays."""
    return _EXPLAIN.sub("", sql, count=1)


def _narrowed(table: pa.Table) -> pa.Table:
    for place, field in enumerate(table.schema):
        if field.type == _WIDE:
            try:
                table = table.set_column(place, field.name, table.column(place).cast(pa.int64()))
            except pa.ArrowInvalid:
                continue  # beyond 64 bits: stays a decimal
    return table


def _one_line(error: duckdb.Error) -> str:
    if isinstance(error, duckdb.PermissionException | duckdb.TransactionException):
        reason = "the query may only read the measured tables: no files, no settings, no changes"
        return f"{reason}; {_ALLOWED}"
    said, _, _ = str(error).partition("LINE ")
    return f"the query failed: {' '.join(said.split())}"
