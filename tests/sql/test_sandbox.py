"""Ways out of the sandbox that DuckDB leaves open in statements that only read, and that are closed."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from random import Random

import duckdb
import pyarrow as pa
import pytest

import sgengine
from sgengine.errors import UsageError
from sgengine.views import check_query
from sgengine.views.open import AT_OPENING
from sgengine.views.sandbox import forbidden
from tests.sql.stored import small_store

secret = pa.table({"a": [1]})
"""What a query would find if names could be those of Python."""

HIDDEN = "json_serialize_sql('WITH x AS (CO' || 'PY (SELECT 1 AS a) TO ''{file}'') FROM x')"
"""A SELECT that writes, as the tree that DuckDB can run; the word is not in the query."""

BREAKING = {
    # What runs a text, or a function that a text names, and so whatever the text is put together to.
    "a tree of a statement": f"FROM json_execute_serialized_sql({HIDDEN})",
    "in quotes": f'FROM "json_execute_serialized_sql"({HIDDEN})',
    "qualified": f"FROM system.main.json_execute_serialized_sql({HIDDEN})",
    "explained": f"EXPLAIN ANALYZE FROM json_execute_serialized_sql({HIDDEN})",
    "in a PIVOT": f"PIVOT (FROM json_execute_serialized_sql({HIDDEN})) ON a USING count(*)",
    "summarized": f"SUMMARIZE FROM json_execute_serialized_sql({HIDDEN})",
    "named by a text": f"FROM destroy_external_resource('json_execute_serialized_sql', {HIDDEN})",
    "by query()": "FROM query('FROM json_exe' || 'cute_serialized_sql(json_serialize_sql(''SELECT 1''))')",
    "by query, spaced": "FROM query /* ( */ ('SELECT 1')",
    "dollars": "FROM query($a$WITH x AS (C$a$ || $b$OPY requests TO '{file}') FROM x$b$)",
    # COPY, where the parser takes it.
    "in a WITH": "WITH x AS (COPY requests TO '{file}' (FORMAT parquet, USE_TMP_FILE false)) FROM x",
    "materialized": "WITH x AS MATERIALIZED (/* */cOpY(SELECT 1)TO'{file}')FROM x",
    "behind literals": "WITH x AS (SELECT E'\\'' AS a), y AS (COPY x TO '{file}') SELECT '''' FROM y",
    "behind dollars": "WITH x AS (SELECT $a$ ' $b$ $a$ AS a), y AS (COPY x TO '{file}') FROM y",
    "behind a comment": "WITH x AS (/* /* */ ' */ COPY requests TO '{file}') FROM x -- '",
    "a line that ends early": "WITH x AS (--\rCOPY requests TO '{file}'\r) FROM x",
    "another blank": "WITH x AS (COPY\u00a0requests TO '{file}') FROM x",
    "a blank of no width": "WITH x AS (\u200bCOPY requests TO '{file}') FROM x",
    "behind letters": "WITH x AS (SELECT 'üü日本' AS a), y AS (COPY x TO '{file}') FROM y",
    # EXPLAIN ANALYZE runs what is explained, and a SET VARIABLE outlives its transaction.
    "a variable": "EXPLAIN ANALYZE SET VARIABLE sg_job = 'other'",
    "a variable, nested comment": (
        "/* /* */ EXPLAIN SELECT 1 -- */ EXPLAIN ANALYZE SET VARIABLE sg_job = 'other'"
    ),
    "a variable, options": "EXPLAIN (FORMAT json, ANALYZE) SET VARIABLE sg_job = 'other'",
    "a variable, empty statement": "; EXPLAIN ANALYZE SET VARIABLE sg_job = 'other'",
    # Other files, settings and processes' memory.
    "a table of Python": "FROM secret",
    "a table of Python, by query_table": "FROM query_table('secret')",
    "Arrow's memory": "FROM arrow_scan(1, 2, 3)",
    "a file by its name": "FROM '/etc/passwd'",
    "a file summarized": "SUMMARIZE '/etc/passwd'",
    "a file described": "DESCRIBE '/etc/passwd'",
    "a file pivoted": "PIVOT '/etc/passwd' ON a USING count(*)",
    "a file in JSON": "FROM read_ndjson_objects('/proc/self/environ')",
    "a database": "FROM read_duckdb('/etc/passwd')",
    "an internal reader": "FROM read_single_csv_file('/etc/passwd')",
    "rows that are no rows": "FROM read_csv('{file}', store_rejects := true, rejects_table := 'requests')",
    "secrets": "FROM duckdb_secrets()",
    "a log": "FROM enable_logging(storage := 'file', storage_path := '{root}/log')",
    "a parameter": "SELECT ?",
    "prepared": "PREPARE p AS COPY requests TO '{file}'",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    store = small_store(tmp_path_factory.mktemp("shared") / "results", nights=1)
    with sgengine.connect(store) as con:
        yield store, con


def content(root):
    files = (path for path in Path(root).parent.rglob("*") if path.is_file())
    return {path: sha256(path.read_bytes()).digest() for path in files}


@pytest.mark.parametrize("query", BREAKING.values(), ids=BREAKING)
def test_no_way_out(shared, query):
    """No file is written or made, as root, too; nothing of the connection changes."""
    store, con = shared
    before = content(store.root)
    words = {"{file}": store.snapshot().uris("requests")[0], "{root}": store.root}
    for word, stands_for in words.items():
        query = query.replace(word, stands_for)
    with pytest.raises(UsageError) as caught:
        con.sql(query)
    assert "\n" not in str(caught.value)
    assert content(store.root) == before
    assert con.sql("SELECT count(*), getvariable('sg_job') FROM requests").fetchall() == [(1, None)]
    assert con.sql("FROM duckdb_tables()").fetchall() == []


def test_duckdb_still_leaves_them_open(tmp_path):
    """Else the rules above could go: in a read-only transaction, what is no COPY writes a file."""
    file = tmp_path / "written"
    with duckdb.connect(config=AT_OPENING) as con:
        con.execute("SET allowed_directories = ?", [[f"{tmp_path}/"]])
        con.execute("SET enable_external_access = false")
        for query in (BREAKING["a tree of a statement"], BREAKING["named by a text"]):
            con.execute("BEGIN TRANSACTION READ ONLY")
            con.sql(query.replace("{file}", str(file))).fetchall()
            con.execute("ROLLBACK")
            assert file.exists()
            file.unlink()


@pytest.mark.parametrize(
    "query",
    [
        'SELECT \'copy\', "copy" FROM (SELECT 1 AS "copy") -- copy',
        "SELECT 'ü' AS query, 'copy, glob(*), read_text()' AS 日本 /* COPY */",
        "SELECT query FROM (SELECT 1 AS query)",
        "FROM range(3)",
        "SELECT unnest([1, 2])",
        "FROM duckdb_columns()",
        "SELECT replace(lower('A'), 'a', 'b'), list_transform([1], lambda x: x + 1)",
        "EXPLAIN (ANALYZE, FORMAT json) FROM requests",
        "explain(format json)SELECT 1",
        "EXPLAIN (SELECT 1)",
        "EXPLAIN PIVOT requests ON status USING count(*)",
    ],
)
def test_what_only_looks_like_it_is_allowed(shared, query):
    shared[1].sql(query)


READING = [
    "duckdb_*",
    "generate_series",
    "icu_calendar_names",
    "json_each",
    "json_tree",
    "pg_timezone_names",
    "pragma_*",
    "range",
    "repeat",
    "repeat_row",
    "summary",
    "test_*",
    "unnest",
]
"""Table functions that neither run texts nor touch files: they list what the connection has, or rows."""


def test_every_table_function_is_judged():
    """One that a newer DuckDB brings is put on either side before it is let in."""
    with duckdb.connect() as con:
        found = con.sql("SELECT function_name, function_type FROM duckdb_functions()").fetchall()
    tables = {name for name, kind in found if kind == "table"}
    allowed = re.compile("|".join(name.replace("*", r"\w+") for name in READING))
    refused = {name for name in tables if forbidden(f"FROM {name}(1)")}
    left = {name for name in tables - refused if not allowed.fullmatch(name)}
    assert left == set()
    assert {"query", "glob", "json_execute_serialized_sql", "duckdb_external_resources"} <= refused
    others = {name for name, kind in found if kind not in ("table", "pragma")}
    assert {name for name in others - tables if forbidden(f"SELECT {name}(1)")} == set()


def test_blanks_beyond_ascii_are_no_letters():
    """All that DuckDB's parser takes for a space makes ``forbidden`` look at every word."""
    blanks = [0xA0, *range(0x2000, 0x200C), 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF]
    for code in blanks:
        assert forbidden(f"SELECT 'copy'{chr(code)}") == "copy"


@pytest.mark.slow
def test_no_other_letter_is_a_blank():
    for code in (*range(0x80, 0xD800), *range(0xE000, 0x110000)):
        try:
            duckdb.extract_statements(f"SELECT{chr(code)}1")
        except duckdb.Error:
            continue
        assert not chr(code).isprintable(), hex(code)


NOISE = [
    *(
        "'",
        "''",
        '"',
        '""',
        "E'",
        "e'\\'",
        "\\",
        "$$",
        "$a$",
        "$1",
        "/*",
        "*/",
        "--",
        "\n",
        "\r",
        "\t",
    ),
    *(
        "\x0b",
        "\f",
        "\x00",
        "x'",
        "U&'",
        "#",
        ";",
        "(",
        ")",
        "1",
        "a",
        ".",
        "::",
        "{",
        "[",
        "]",
        ",",
    ),
    *("1e", "_", "\x1f", "`", "@", "?", "SELECT 1", "\u00a0", "\u200b", "ü", "日", "$ü$", "\u0301"),
]
CORES = [
    "WITH x AS (COPY (SELECT 1 AS a) TO '{file}') FROM x",
    "WITH x AS (COPY(SELECT 1 AS a)TO'{file}')FROM x",
    "EXPLAIN ANALYZE COPY (SELECT 1 AS a) TO '{file}'",
    "EXPLAIN ANALYZE SET VARIABLE changed = 1",
    "EXPLAIN SELECT 1 -- */ EXPLAIN ANALYZE SET VARIABLE changed = 1",
    "FROM query('SELECT 5')",
    "FROM \"query\"('SELECT 5')",
    "SELECT 'COPY'",
]
OPENINGS = ["", "", "", "/* ", "/* /* */ ", "-- ", "'", "SELECT '", "SELECT $$ $$, "]


def noisy(random: Random, file: Path) -> str:
    """One of CORES with some of NOISE at places where it may open or end a literal or a comment."""
    parts = re.split(r"(\W)", random.choice(CORES).format(file=file))
    for _ in range(random.randint(1, 4)):
        noise = "".join(random.choices(NOISE, k=random.randint(1, 4)))
        parts.insert(random.randrange(len(parts) + 1), noise)
    return random.choice(OPENINGS) + "".join(parts)


@pytest.mark.parametrize("count", [2_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_whatever_passes_writes_nothing(tmp_path, monkeypatch, count):
    """The tokenizer and the parser agree on what is code; without the rules some hundreds here write."""
    monkeypatch.chdir(tmp_path)
    random, passed = Random(5), 0
    with duckdb.connect(config=AT_OPENING) as con:
        for _ in range(count):
            query = noisy(random, tmp_path / "file")
            try:
                check_query(query)
            except UsageError:
                continue
            passed += 1
            con.execute("BEGIN TRANSACTION READ ONLY")
            rows = result_of(con, query)
            con.execute("ROLLBACK")
            assert rows != [(5,)], query
            assert not list(tmp_path.iterdir()), query
            assert con.sql("SELECT getvariable('changed')").fetchall() == [(None,)], query
    assert passed > count / 100


def result_of(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple] | None:
    try:
        return con.sql(query).fetchall()
    except (duckdb.Error, UnicodeDecodeError, AttributeError):
        return None


def test_a_message_that_ends_within_a_letter_is_told(shared):
    """DuckDB's own, of which Python makes no text."""
    broken = "WITH x AS (COPY (SELECT 1 %b'ﬀ\u00a0AS😀\u00a0E' a) TO '/nowhere/o.csv') FROM x"
    with pytest.raises(UnicodeDecodeError):
        duckdb.extract_statements(broken)
    with pytest.raises(UsageError, match="does not parse"):
        shared[1].sql(broken)
