"""Runs one SELECT-like statement over the views, with errors that fit in one line."""

from __future__ import annotations

import re

import duckdb
import pyarrow as pa

from sgengine.errors import DataError, SgengineError, UsageError
from sgengine.views.sandbox import forbidden

_READS = (
    duckdb.StatementType.SELECT,  # also DESCRIBE, SHOW, SUMMARIZE, FROM, VALUES
    duckdb.StatementType.EXPLAIN,
    duckdb.StatementType.MULTI,  # what PIVOT without IN becomes
)

_ALLOWED = "give one SELECT, DESCRIBE, SHOW, SUMMARIZE, PIVOT or EXPLAIN over the measured tables"

_ONLY = "may only read the measured tables: no files, no settings, no changes"

_AGAIN = "open the store again, and if that does not help, sgengine check names the damage"

_FILE = re.compile(r"([^'\"]*/s[0-9a-f]{8}-[0-9a-f]{16}-\d+\.parquet)(/\*\*)?(?:': ([^(]+))?")
"""A data file of a store in a message: DuckDB may take the name of one that is gone for a folder's, and
says that it must not look for ``FILE/**``; Arrow has the reason behind."""

_EXPLAIN = re.compile(
    r"\s*EXPLAIN\b(?:\s+ANALYZE\b|\s*\(\s*(?:ANALYZE|FORMAT)\b[\w\s,]*\))?",
    re.IGNORECASE | re.ASCII,
)
"""EXPLAIN with its options, which DuckDB takes for one statement with what is explained."""

_BATCH_ROWS = 1 << 17
"""Of the batches that DuckDB makes, as it has them by itself."""

_WIDE = pa.decimal128(38, 0)
"""What a HUGEINT, DuckDB's sum of integers, becomes in Arrow."""


def run_query(
    con: duckdb.DuckDBPyConnection, sql: str, *, has_many_files: bool = False
) -> pa.Table:
    """The rows of ``sql``, one statement that only reads; sums of integers are int64 if they fit.

    ``has_many_files``: the views read so many that looking at their names is what takes the time.
    It runs in a read-only transaction, which also stops what hides inside (an INSERT in a WITH, an
    EXPLAIN ANALYZE of a DROP). Raises UsageError, in one line, for another statement, for access to
    files or settings, and for every error of SQL.
    """
    check_query(sql)
    try:
        con.execute("BEGIN TRANSACTION READ ONLY")
        try:
            rows = _bound_once(con, sql) if has_many_files else con.sql(sql).to_arrow_table()
            return _narrowed(rows)
        finally:
            con.execute("ROLLBACK")
    except duckdb.Error as error:
        raise _told(error) from error


def _bound_once(con: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """The rows by way of DuckDB's own result, of which they are a copy.

    A relation binds a query when it is made and again when it is read, each time with all names of
    the files: a year of nights takes 0.1 s for it. DuckDB's public function for it warns of the copy
    first, and warnings cannot be silenced for one thread alone; where what it calls behind that is
    gone, a relation does.
    """
    taken = getattr(con, "_result_as_arrow", None)
    if taken is None:
        return con.sql(sql).to_arrow_table()
    con.execute(sql)
    return taken(_BATCH_ROWS, reader=False)


def check_query(sql: str) -> None:
    """Raise UsageError unless ``sql`` is one statement of a kind that only reads; it is not run."""
    try:
        sql.encode()
        statements = duckdb.extract_statements(sql)
    except UnicodeEncodeError as error:
        raise UsageError(f"the query is not valid Unicode: {error.reason}") from error
    except UnicodeDecodeError as error:  # DuckDB's message ends within a letter of the query
        raise UsageError("the query failed: it does not parse") from error
    except duckdb.Error as error:
        raise UsageError(_one_line(error)) from error
    if len(statements) != 1:
        raise UsageError(f"the query holds {len(statements)} statements: {_ALLOWED}")
    if statements[0].type not in _READS:
        raise UsageError(f"the query is a {statements[0].type.name} statement: {_ALLOWED}")
    if word := forbidden(sql):
        raise UsageError(f"the query says {word.upper()}, and {_ONLY}; {_ALLOWED}")
    if statements[0].type == duckdb.StatementType.EXPLAIN:
        check_query(_explained(sql))


def _explained(sql: str) -> str:
    """The statement behind EXPLAIN and its options, which may do more than read once it is analysed.

    UsageError for a comment in front: where it ends, and so what is explained, is DuckDB's to say.
    """
    found = _EXPLAIN.match(sql)
    if found is None:
        raise UsageError("the query has something before EXPLAIN: begin with that word")
    return sql[found.end() :]


def _narrowed(table: pa.Table) -> pa.Table:
    for place, field in enumerate(table.schema):
        if field.type == _WIDE:
            try:
                table = table.set_column(place, field.name, table.column(place).cast(pa.int64()))
            except pa.ArrowInvalid:
                continue  # beyond 64 bits: stays a decimal
    return table


def _told(error: duckdb.Error) -> SgengineError:
    """DataError if a file of the store cannot be read, else UsageError."""
    text = _one_line(error)
    found = _FILE.search(str(error).partition("LINE ")[0])
    if found and (found[2] or not isinstance(error, duckdb.PermissionException)):
        reason = f" ({found[3].strip()})" if found[3] else ""
        return DataError(f"{found[1]} is gone or cannot be read{reason}: {_AGAIN}")
    if isinstance(error, duckdb.IOException) or type(error) is duckdb.Error:  # of Parquet's insides
        return DataError(f"{text}: {_AGAIN}")
    return UsageError(text)


def _one_line(error: duckdb.Error) -> str:
    if isinstance(error, duckdb.PermissionException | duckdb.TransactionException):
        return f"the query {_ONLY}; {_ALLOWED}"
    said, _, _ = str(error).partition("LINE ")
    return f"the query failed: {' '.join(said.split())}"
