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

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]

PLAIN, PLAIN_DICTIONARY, RLE, DELTA, DICTIONARY = 0, 2, 3, 5, 8
"""Encodings by their numbers in the format."""

_CODECS = {0: None, 1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
_MAGIC = b"PAR1"
_TAIL = 8
_HEADS = (512, 65536)
"""Bytes tried for the header of a page: one with long statistics takes a second try."""

_GROUP = thrift.path(4)
_COLUMN = thrift.path(4, 1)
_FOOTER = np.array(
    [
        _GROUP,
        _COLUMN,
        thrift.path(4, 3),
        thrift.path(4, 1, 1),
        thrift.path(4, 1, 8),
        *(thrift.path(4, 1, 3, field) for field in (4, 5, 6, 7, 9, 11)),
    ]
)
_PAGE = np.array(
    [
        *(thrift.path(field) for field in (1, 2, 3)),
        *(thrift.path(5, field) for field in (1, 2, 3, 4)),
        *(thrift.path(7, field) for field in (1, 2)),
        *(thrift.path(8, field) for field in (1, 4, 5, 6, 7)),
    ]
)


class UnreadableError(Exception):
    """These pages are damaged, or of a kind that is left to Arrow; never shown to a user."""


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


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A column of one row group: its bytes in the file, and what they hold."""

    rows: int
    levels: int
    codec: int
    start: int
    size: int
    raw_size: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Page:
    """``levels`` entries: their levels and values as stored, or the ``levels`` values of a dictionary."""

    is_dictionary: bool
    levels: int
    encoding: int
    repeated: UInt8s
    defined: UInt8s
    values: UInt8s


def bytes_of(data: Any) -> UInt8s:
    """Bytes for a kernel: read-only, so that kernels are compiled once."""
    found = np.frombuffer(data, np.uint8)
    found.flags.writeable = False
    return found


def _fields(data: UInt8s, wanted: Int64s) -> tuple[Int64s, Int64s, int]:
    """Indices in ``wanted`` and numbers in order, and where the structure ends."""
    which, values = np.empty(data.size, np.int64), np.empty(data.size, np.int64)
    stack = np.zeros((thrift.DEPTH, 4), np.int64)
    count, end = thrift.fields(data, 0, wanted, stack, which, values)
    if end < 0:
        raise UnreadableError("not a structure")
    return which[:count], values[:count], end


def chunks(file: int, columns: int) -> list[list[Chunk]]:
    """All chunks by column, then row group, of the open file; each row group has ``columns`` of them."""
    size = os.fstat(file).st_size
    tail = os.pread(file, _TAIL, max(size - _TAIL, 0))
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or length + _TAIL > size:
        raise UnreadableError("no footer")
    which, values, _ = _fields(bytes_of(os.pread(file, length, size - _TAIL - length)), _FOOTER)
    group = np.cumsum(which == 0) - 1
    column = np.cumsum(which == 1) - 1
    groups, found = (
        int(group[-1]) + 1 if group.size else 0,
        int(column[-1]) + 1 if group.size else 0,
    )
    if found != groups * columns or (which == 3).any() or (which == 4).any():
        raise UnreadableError("columns elsewhere, or encrypted")
    rows = _by_index(which == 2, group, values, groups)
    codec, levels, raw, packed, first, dictionary = (
        _by_index(which == k, column, values, found) for k in range(5, 11)
    )
    start = np.where((dictionary > 0) & (dictionary < first), dictionary, first)
    return [
        [
            Chunk(
                rows=int(rows[at // columns]),
                levels=int(levels[at]),
                codec=int(codec[at]),
                start=int(start[at]),
                size=int(packed[at]),
                raw_size=int(raw[at]),
            )
            for at in range(leaf, found, columns)
        ]
        for leaf in range(columns)
    ]


def _by_index(chosen: npt.NDArray[np.bool_], index: Int64s, values: Int64s, size: int) -> Int64s:
    found = np.full(size, -1)
    found[index[chosen]] = values[chosen]
    return found


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
            yield page
            left -= 0 if page.is_dictionary else page.levels
    if left < 0:
        raise UnreadableError("more entries than stated")


def _head(file: Ranges, at: int, stop: int) -> tuple[list[int], int]:
    """The numbers of _PAGE, -1 for none, and where the page's bytes begin."""
    for size in _HEADS:
        data = file.read(at, min(size, max(stop - at, 0)))
        try:
            which, values, end = _fields(bytes_of(data), _PAGE)
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
