"""The values that a mapping names, taken from rows of JSON, CSV and Parquet.

Whatever else a row holds is skipped unread. Numbers keep all their digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import reduce
from typing import Any

import msgspec
import numpy as np

from sgengine.readers.faults import one_line
from sgengine.readers.mapped_rows import Items, Scalar
from sgengine.readers.mapping import Field
from sgengine.readers.request_rows import BadValueError
from sgengine.readers.typed import Int64

_INTS = msgspec.json.Decoder(list[Int64])
_DECIMALS = msgspec.json.Decoder(list[Decimal | None])
_TEXTS = msgspec.json.Decoder(list[str | None])
_TEXT = msgspec.json.Decoder(str)

Tree = dict[str, Any]


class JsonRows:
    """Decodes objects of which only the mapped fields are of interest."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        tree: Tree = {}
        for field in fields:
            inner = reduce(lambda level, key: level.setdefault(key, {}), field.keys[:-1], tree)
            inner[field.keys[-1]] = field
        self._paths: dict[Field, tuple[str, ...]] = {}
        self._decoder = msgspec.json.Decoder(self._struct(tree, ()))

    def _struct(self, tree: Tree, above: tuple[str, ...]) -> Any:
        """The type of an object; its attributes are numbered, for keys of JSON need not be names."""
        attributes: list[tuple[str, Any, Any]] = []
        keys: dict[str, str] = {}
        for index, (key, inner) in enumerate(tree.items()):
            name = f"f{index}"
            keys[name] = key
            if isinstance(inner, Field):
                self._paths[inner] = (*above, name)
                attributes.append((name, msgspec.Raw, None))
            else:
                attributes.append((name, self._struct(inner, (*above, name)) | None, None))
        return msgspec.defstruct("Row", attributes, rename=keys, gc=False)

    def cells(self, text: bytes, separator: str | None = None) -> JsonCells:
        """The cells of one object. Raises what decoding raises."""
        return JsonCells(self._decoder.decode(text), self._paths, separator)


class JsonCells:
    """One JSON object."""

    def __init__(
        self, row: object, paths: Mapping[Field, tuple[str, ...]], separator: str | None
    ) -> None:
        self._row = row
        self._paths = paths
        self._separator = separator

    def _raw(self, field: Field) -> bytes | None:
        raw = self._found(field)
        return None if raw == b"null" else raw

    def _found(self, field: Field) -> bytes | None:
        found: Any = self._row
        for name in self._paths[field]:
            found = None if found is None else getattr(found, name)
        return None if found is None else bytes(found)

    def has(self, field: Field) -> bool:
        """Whether the field is there, be it null."""
        return self._found(field) is not None

    def one(self, field: Field) -> Scalar | None:
        """A scalar; whole numbers as int, others with all their digits."""
        raw = self._raw(field)
        return None if raw is None else _json_scalar(raw, field.name)

    def many(self, field: Field) -> Items | None:
        """A list, or the text of one."""
        raw = self._raw(field)
        if raw is None:
            return None
        if raw[:1] == b'"':
            return text_list(_TEXT.decode(raw), field.name, self._separator)
        return _json_list(raw, field.name)


def _json_scalar(raw: bytes, name: str) -> Scalar:
    first = raw[:1]
    if first == b'"':
        return _TEXT.decode(raw)
    if first in b"tf":
        return first == b"t"
    if first in b"[{":
        what = "a list" if first == b"[" else "an object"
        raise BadValueError(f"{name} is {what}, allowed is one value")
    text = raw.decode()
    if len(text) > 400:
        raise BadValueError(f"{name} is a number of {len(text)} digits")
    return int(text) if text.removeprefix("-").isdigit() else Decimal(text)


def _json_list(raw: bytes, name: str) -> Items:
    """Whole numbers, else numbers of any kind and texts of numbers, else texts."""
    if raw[:1] != b"[":
        raise BadValueError(f"{name} is {one_line(raw.decode(), 40)}, allowed is a list")
    try:
        return np.array(_INTS.decode(raw), dtype=np.int64)
    except msgspec.ValidationError:
        pass
    try:
        return _DECIMALS.decode(raw)
    except msgspec.ValidationError:
        return _TEXTS.decode(raw)


def text_list(text: str, name: str, separator: str | None) -> Items | None:
    """A list written as text: JSON, or values with a separator between; ``None`` if it is blank."""
    stripped = text.strip()
    if not stripped:
        return None
    if stripped[:1] == "[":
        try:
            return _json_list(stripped.encode(), name)
        except msgspec.DecodeError as error:
            raise BadValueError(f"{name} is no JSON list: {one_line(error, 80)}") from error
    if separator is None:
        raise BadValueError(
            f"{name} is {one_line(stripped, 40)!r}, allowed is a JSON list; csv.separator in the "
            "mapping would allow others"
        )
    return [part.strip() for part in stripped.split(separator)]


class CsvCells:
    """One row of a CSV file, a character for a byte; blank cells are null."""

    def __init__(self, row: Mapping[str, str], separator: str | None) -> None:
        self._row = row
        self._separator = separator

    def _text(self, field: Field) -> str:
        return self._row[field.name].encode("latin-1").decode()

    def one(self, field: Field) -> Scalar | None:
        """The text of a cell."""
        return self._text(field) or None

    def many(self, field: Field) -> Items | None:
        """A list in the text of a cell."""
        return text_list(self._text(field), field.name, self._separator)


class ColumnCells:
    """One row of a batch of Parquet rows: ``columns`` give a field's value by row."""

    def __init__(
        self, row: int, columns: Mapping[Field, Callable[[int], object]], separator: str | None
    ) -> None:
        self._row = row
        self._columns = columns
        self._separator = separator

    def one(self, field: Field) -> Scalar | None:
        """A value of a plain column."""
        value = self._columns[field](self._row)
        if value is None or isinstance(value, bool | int | float | Decimal | str):
            return value
        raise BadValueError(f"{field.name} is {one_line(value, 40)}, allowed is one value")

    def many(self, field: Field) -> Items | None:
        """A value of a list column, or a list in the text of a plain one."""
        value = self._columns[field](self._row)
        if value is None or isinstance(value, np.ndarray | list):
            return value
        if isinstance(value, str):
            return text_list(value, field.name, self._separator)
        raise BadValueError(f"{field.name} is {one_line(value, 40)}, allowed is a list")
