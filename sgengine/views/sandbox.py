"""What a query may not say, though DuckDB takes it for a SELECT: words that write, or that run texts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb

_COPY = "copy"
"""WITH x AS (COPY t TO 'FILE') SELECT ... writes, in a read-only transaction and over files of 0444, too."""

_FUNCTIONS = (
    r"query|query_table|json_execute_serialized_sql|\w*external_\w+"  # run a text, or what it names
    r"|read_\w+|parquet_\w+|sniff_csv|glob|which_secret|python_\w+|\w+_scan(?:_\w+)?"
    r"|(?:enable|disable|force|truncate)_\w+|checkpoint"
)
"""Table functions that touch files, memory or settings (``tests/sql/test_sandbox.py`` holds all others)."""

_CALLED = re.compile(_FUNCTIONS, re.IGNORECASE | re.ASCII)
_WORD = re.compile(r"[a-z_][a-z0-9_]*", re.IGNORECASE)
_ANYWHERE = re.compile(rf"\b(?:{_COPY}|{_FUNCTIONS})\b", re.IGNORECASE | re.ASCII)


def forbidden(sql: str) -> str | None:
    """The word of ``sql`` that it may not have, in lower case; None if there is none.

    In literals, comments and names that are not called it may have all of them. Not so in a query with
    blanks beyond ASCII, which DuckDB's parser takes for spaces, and its tokenizer for letters.
    """
    if not all(letter.isascii() or letter.isprintable() for letter in sql):
        found = _ANYWHERE.search(sql)
        return found[0].lower() if found else None
    pieces = list(_pieces(sql.encode()))
    for piece, behind in zip(pieces, [*pieces[1:], ""], strict=True):
        words = _words(piece)
        if _COPY in words and not piece.startswith('"'):
            return _COPY
        if behind.startswith("(") and words and _CALLED.fullmatch(words[-1]):
            return words[-1]
    return None


def _pieces(sql: bytes) -> Iterator[str]:
    """The code of a query, cut at its tokens, without comments; a literal is an empty piece."""
    tokens = duckdb.tokenize(sql.decode())
    ends = [start for start, _ in tokens[1:]] + [len(sql)]
    for (start, kind), end in zip(tokens, ends, strict=True):
        if kind == duckdb.token_type.string_const:
            yield ""
        elif kind != duckdb.token_type.comment:
            yield sql[start:end].decode(errors="replace").strip()


def _words(piece: str) -> list[str]:
    """The words of a piece of code; a name in quotes is one."""
    if piece.startswith('"'):
        return [piece.strip('"').lower()]
    return [word.lower() for word in _WORD.findall(piece)]
