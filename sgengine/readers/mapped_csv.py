"""Rows of CSV files, of which only the columns that a mapping names are kept.

A cell is decoded when it is looked at, so that one that is no UTF-8 costs its own row only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

from sgengine.errors import FormatError
from sgengine.readers.faults import one_line
from sgengine.readers.files import BOM
from sgengine.readers.mapped_cells import CsvCells
from sgengine.readers.mapping import TraceMapping
from sgengine.readers.request_rows import BadValueError

_BLOCK = 2**24
"""Bytes decoded at a time; no row may be longer."""


def check(path: str, mapping: TraceMapping) -> None:
    """Raise ``FormatError`` unless the header has every column that the mapping names, once."""
    with _reader(path, mapping, None, []) as reader:
        names = [_utf8(name) for name in reader.schema.names]
    for field in mapping.fields():
        if names.count(field.name) != 1:
            what = "has no column" if field.name not in names else "has more than one column"
            raise FormatError(
                f"{path} {what} {field.name} (it has: {_listed(names)}); name the columns of the "
                "header in the mapping"
            )


def _listed(names: list[str]) -> str:
    return one_line(", ".join(names), 120)


def _utf8(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "replace")


@contextmanager
def _reader(
    path: str, mapping: TraceMapping, wanted: list[str] | None, odd: list[pc.InvalidRow]
) -> Iterator[pc.CSVStreamingReader]:
    """A reader of the wanted columns; rows with too few or many cells are added to ``odd``.

    It takes every byte for a character, for Arrow cannot tell of an odd row that is no UTF-8.
    """

    def skip(row: pc.InvalidRow) -> str:
        odd.append(row)
        return "skip"

    columns = None if wanted is None else [name.encode().decode("latin-1") for name in wanted]
    with Path(path).open("rb") as file:
        if file.read(len(BOM)) != BOM:
            file.seek(0)
        yield pc.open_csv(
            file,
            read_options=pc.ReadOptions(use_threads=False, block_size=_BLOCK, encoding="latin-1"),
            parse_options=pc.ParseOptions(
                delimiter=mapping.delimiter, newlines_in_values=True, invalid_row_handler=skip
            ),
            convert_options=pc.ConvertOptions(
                strings_can_be_null=False,
                include_columns=columns,
                column_types=dict.fromkeys(columns or (), pa.string()),
            ),
        )


def rows(path: str, mapping: TraceMapping) -> Iterator[tuple[int, int, CsvCells | BadValueError]]:
    """Number from 1 behind the header, size in bytes and cells of every row, or what is wrong with it."""
    wanted = [field.name for field in mapping.fields()]
    odd: list[pc.InvalidRow] = []
    number, told = 1, 0
    with _reader(path, mapping, wanted, odd) as reader:
        for batch in reader:
            columns = {name: batch.column(i).to_pylist() for i, name in enumerate(wanted)}
            size = batch.nbytes // max(1, batch.num_rows)
            for index in range(batch.num_rows):
                while told < len(odd) and _place(odd[told]) == number:
                    yield number, 0, _odd(odd[told])
                    told, number = told + 1, number + 1
                cells = {name: values[index] for name, values in columns.items()}
                yield number, size, CsvCells(cells, mapping.separator)
                number += 1
    for row in odd[told:]:
        yield _place(row), 0, _odd(row)


def _place(row: pc.InvalidRow) -> int:
    """The row's number behind the header, which the decoder counts as the first."""
    return int(row.number) - 1


def _odd(row: pc.InvalidRow) -> BadValueError:
    return BadValueError(f"{row.actual_columns} cells, the header names {row.expected_columns}")
