"""JSON of clients: objects decoded key by key, so that what is not needed stays text.

Python's writers put ``Infinity`` and ``NaN`` where strict JSON has no word; they are read as null.
Every error is a FormatError of one line that names the file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from sgengine.errors import FormatError
from sgengine.parity.statistics import Floats
from sgengine.readers.faults import one_line
from sgengine.readers.files import BOM, mapped

T = TypeVar("T")
Object = dict[str, msgspec.Raw]
Text = bytes | memoryview

# Inside a string the replacement changes a text that no figure is made of.
_NOT_JSON = re.compile(rb"(?<=[\s:,\[])(?:-?Infinity|NaN)(?=[\s,\]}])")


def text_of(path: str) -> memoryview:
    """The bytes of the file, without a byte order mark."""
    content = memoryview(mapped(path))
    return content[len(BOM) :] if bytes(content[: len(BOM)]) == BOM else content


def decode(path: str, text: Text, kind: type[T], what: str = "") -> T:
    """``text`` as ``kind``. Raises FormatError that says what is wrong with ``what`` of the file."""
    try:
        try:
            return msgspec.json.decode(text, type=kind)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            cleaned = _NOT_JSON.sub(b"null", bytes(text))
            return msgspec.json.decode(cleaned, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        place = f" ({what})" if what else ""
        raise FormatError(
            f"{path}{place} is damaged: {one_line(error, 160)}; take it from the client again"
        ) from error


def whole(path: str) -> Object:
    """The one object of a file, its values still text."""
    return decode(path, text_of(path), Object)


def tree(
    path: str, values: Mapping[str, msgspec.Raw], without: Collection[str]
) -> dict[str, object]:
    """The values but for those of ``without``, decoded."""
    return {
        key: decode(path, bytes(raw), object, key)
        for key, raw in values.items()
        if key not in without
    }


def summary(path: Path) -> dict[str, object]:
    """The object of a small file. Raises FormatError also where it is something else."""
    return decode(str(path), text_of_any(path), dict[str, object])


def text_of_any(path: Path) -> bytes:
    """The bytes of a small file; an unreadable one is a FormatError."""
    try:
        return path.read_bytes().removeprefix(BOM)
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {one_line(error)}") from error


def lines(path: str) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, numbered from 1."""
    with Path(path).open("rb") as file:
        for place, line in enumerate(file, 1):
            text = (line.removeprefix(BOM) if place == 1 else line).strip()
            if text:
                yield place, text


def same_length(path: str, arrays: Mapping[str, Sequence[object] | None]) -> int:
    """The length of parallel arrays. Raises FormatError if they differ."""
    lengths = {name: len(values) for name, values in arrays.items() if values is not None}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{length} {name}" for name, length in lengths.items())
        raise FormatError(f"{path} has {shown}; allowed is one entry a request in each array")
    return next(iter(lengths.values()), 0)


def floats(values: Sequence[float] | Iterator[float]) -> Floats:
    """The values as float64."""
    return np.array(list(values), dtype=np.float64)


def pooled(lists: Sequence[Sequence[float]]) -> Floats:
    """All values of all lists, in order."""
    if not lists:
        return np.zeros(0)
    return np.concatenate([np.array(part, dtype=np.float64) for part in lists])


def number_at(values: Mapping[str, object], *keys: str) -> float | None:
    """A number above 0 under these keys, else None: what a rate may be divided by."""
    return seconds_of(at(values, *keys))


def seconds_of(value: object) -> float | None:
    """A finite number above 0, else None: what a rate may be divided by."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < float("inf") else None


def at(value: object, *keys: str) -> object:
    """The value under these keys, None where one leads nowhere."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
