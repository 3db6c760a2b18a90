"""Pages of one column of a Parquet file: where they are, and their bytes decompressed.

Arrow decodes lists of whole numbers at 10 to 14 ns a number; most of it goes to levels and copies that a
trace does without. Here the pages are found and decompressed; parquet_lists makes lists of them.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.kernels import thrift
from sgengine.readers.parquet_footer import Chunk, UnreadableError, bytes_of, fields

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]

PLAIN, PLAIN_DICTIONARY, RLE, DELTA, DICTIONARY = 0, 2, 3, 5, 8
"""Encodings by their numbers in the format."""

_CODECS = {0: None, 1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
_HEADS = (512, 65536)
"""Bytes tried for the header of a page: one with long statistics takes a second try."""

_PAGE = np.array(
    [
        *(thrift.path(field) for field in (1, 2, 3)),
        *(thrift.path(5, field) for field in (1, 2, 3, 4)),
        *(thrift.path(7, field) for field in (1, 2)),
        *(thrift.path(8, field) for field in (1, 4, 5, 6, 7)),
    ]
)


class Ranges:
    """Ranges of a file, mapped; or ``streamed``, one at a time, all in the same memory.

    Copying costs 0.6 ns a token, fresh memory each time 1 ns more; what is mapped counts as memory.
    """

    def __init__(self, file: int, *, streamed: bool) -> None:
        self._file = file
        self._memory = bytearray()
        self._map = None if streamed else memoryview(mmap.mmap(file, 0, access=mmap.ACCESS_READ))

    def read(self, at: int, size: int) -> memoryview:
        """``size`` bytes from ``at`` on, fewer at the end of the file; until the next are read."""
        if self._map is not None:
            return self._map[at : at + size]
        if size > len(self._memory):
            self._memory = bytearray(size)
        view = memoryview(self._memory)[:size]
        done = 0
        while done < size and (count := os.preadv(self._file, [view[done:]], at + done)):
            done += count
        return view[:done]


@dataclass(frozen=True, kw_only=True, eq=False)
class Page:
    """``levels`` entries: their levels and values as stored, or the ``levels`` values of a dictionary."""

    is_dictionary: bool
    levels: int
    encoding: int
    repeated: UInt8s
    defined: UInt8s
    values: UInt8s


def pages(file: Ranges, chunk: Chunk) -> Iterator[Page]:
    """The pages of a chunk, in order, each until the next; UnreadableError for damage or what is not known."""
    if chunk.codec not in _CODECS or min(chunk.start, chunk.size, chunk.levels, chunk.rows) < 0:
        raise UnreadableError("codec")
    name = _CODECS[chunk.codec]
    codec = None if name is None else pa.Codec(name)
    at, stop, left = chunk.start, chunk.start + chunk.size, chunk.levels
    while left > 0:
        head, begin = _head(file, at, stop)
        at = begin + head[2]
        if head[2] > stop - begin or head[1] > chunk.raw_size:
            raise UnreadableError("ends early")
        body = file.read(begin, head[2])
        if len(body) < head[2]:
            raise UnreadableError("ends early")
        page = _page(head, body, codec)
        if page is not None and page.levels > 0:  # some writers end with a page of nothing
            left -= 0 if page.is_dictionary else page.levels
            if left < 0:
                raise UnreadableError("more entries than stated")
            yield page


def _head(file: Ranges, at: int, stop: int) -> tuple[list[int], int]:
    """The numbers of _PAGE, -1 for none, and where the page's bytes begin."""
    for size in _HEADS:
        data = file.read(at, min(size, max(stop - at, 0)))
        try:
            which, values, end = fields(bytes_of(data), _PAGE)
        except UnreadableError:
            continue
        found = np.full(_PAGE.size, -1)
        found[which] = values
        if min(found[1], found[2]) < 0:
            break
        return found.tolist(), at + end
    raise UnreadableError("no header of a page")


def _page(head: list[int], body: memoryview, codec: pa.Codec | None) -> Page | None:
    kind, size = head[0], head[1]
    if kind == 0:
        return _first_version(head, _raw(body, size, codec))
    if kind == 2:
        if head[8] not in (PLAIN, PLAIN_DICTIONARY) or head[7] < 0:
            raise UnreadableError("dictionary")
        none = bytes_of(b"")
        values = bytes_of(_raw(body, size, codec))
        return Page(
            is_dictionary=True,
            levels=head[7],
            encoding=PLAIN,
            repeated=none,
            defined=none,
            values=values,
        )
    if kind == 3:
        return _second_version(head, body, codec)
    return None


def _raw(body: memoryview, size: int, codec: pa.Codec | None) -> Any:
    if codec is None:
        return body
    if size == 0:
        return b""
    try:
        return codec.decompress(body, decompressed_size=size)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableError(str(error)) from error


def _first_version(head: list[int], raw: Any) -> Page:
    """Levels lie before the values, each with its length in four bytes."""
    levels, encoding, of_defined, of_repeated = head[3:7]
    if levels < 0 or of_defined != RLE or of_repeated != RLE:
        raise UnreadableError("levels")
    data = bytes_of(raw)
    repeated, at = _sized(data, 0)
    defined, at = _sized(data, at)
    return Page(
        is_dictionary=False,
        levels=levels,
        encoding=encoding,
        repeated=repeated,
        defined=defined,
        values=data[at:],
    )


def _sized(data: UInt8s, at: int) -> tuple[UInt8s, int]:
    stop = at + 4 + int.from_bytes(data[at : at + 4].tobytes(), "little")
    if stop > data.size:
        raise UnreadableError("levels")
    return data[at + 4 : stop], stop


def _second_version(head: list[int], body: memoryview, codec: pa.Codec | None) -> Page:
    """Levels lie before the values, never compressed, their lengths in the header."""
    levels, encoding, of_defined, of_repeated, is_compressed = head[9:14]
    prefix = of_repeated + of_defined
    if min(levels, of_defined, of_repeated) < 0 or prefix > min(len(body), head[1]):
        raise UnreadableError("levels")
    data = bytes_of(body)
    raw = _raw(body[prefix:], head[1] - prefix, None if is_compressed == 0 else codec)
    return Page(
        is_dictionary=False,
        levels=levels,
        encoding=encoding,
        repeated=data[:of_repeated],
        defined=data[of_repeated:prefix],
        values=bytes_of(raw),
    )
