"""Rows of every record batch of an Arrow IPC file, from the metadata of all of them at once.

Arrow tells how many rows a batch has when it gives the batch, and that takes 33 us. But batches of one
schema have metadata of one form, in which only numbers differ: what Arrow finds, or does not find, wrong
with the first batch's holds of all. The footer tells where they are (Arrow's format: File.fbs, Message.fbs).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sgengine.readers.flatbuffers import field, place, root
from sgengine.readers.ipc_sizes import FILE_MAGIC

_Bytes = NDArray[np.uint8]
_Numbers = NDArray[np.int64]

_TAIL = struct.Struct(f"<i{len(FILE_MAGIC)}s")
_RECORD_BATCHES = 3
_BLOCK = np.dtype([("at", "<i8"), ("metadata", "<i4"), ("padding", "<i4"), ("body", "<i8")])

_MARKED = 8
"""Bytes before the metadata: a marker, and how long it is."""

_HEADER, _BODY = 2, 3
_ROWS, _NODES, _BUFFERS, _COMPRESSION = 0, 1, 2, 3

_AT_ONCE = 1 << 22
"""Bytes of metadata that are looked at together."""


class _Form(NamedTuple):
    """Where the numbers are in a batch's metadata, eight bytes each.

    ``nodes`` are pairs of a length and its nulls, ``buffers`` of a place in the body and a length.
    """

    rows: slice
    body: slice
    nodes: slice
    buffers: slice


def rows_of(path: str) -> list[int] | None:
    """Rows of each record batch, if Arrow can read the first one's metadata; ``None``: ask Arrow for each.

    ``None`` is for streams, for metadata that is not of the first one's form, for what cannot be, and for
    compressed batches, whose bodies Arrow looks at.
    """
    with Path(path).open("rb", buffering=0) as file:
        try:
            blocks = _blocks(file.fileno())
            return None if blocks is None else _rows(file.fileno(), blocks)
        except struct.error:  # a place that cannot be, in a damaged file
            return None


def _blocks(file: int) -> np.ndarray | None:
    """Where the footer says that record batches are: metadata, and the body behind it."""
    end = os.fstat(file).st_size - _TAIL.size
    if end < 0:
        return None
    length, magic = _TAIL.unpack(os.pread(file, _TAIL.size, end))
    if (
        os.pread(file, len(FILE_MAGIC), 0) != FILE_MAGIC
        or magic != FILE_MAGIC
        or not 0 < length <= end
    ):
        return None
    footer = os.pread(file, length, end - length)
    begin = place(footer, root(footer), _RECORD_BATCHES)
    if begin is None:
        return None
    (count,) = struct.unpack_from("<I", footer, begin)
    inside = footer[begin + 4 : begin + 4 + count * _BLOCK.itemsize]
    if not count or len(inside) < count * _BLOCK.itemsize:
        return None
    blocks = np.frombuffer(inside, _BLOCK)
    return blocks if _is_within(blocks, end) else None


def _is_within(blocks: np.ndarray, end: int) -> bool:
    """Whether metadata and bodies lie in the file, metadata of equal lengths and all where Arrow wants it."""
    at, lengths, bodies = (blocks[name].astype(np.int64) for name in ("at", "metadata", "body"))
    every = np.stack([at, lengths, bodies])
    if (every < 0).any() or (every > end).any() or (every % 8).any():
        return False
    return bool((at + lengths + bodies <= end).all() and (lengths == lengths[0]).all())


def _rows(file: int, blocks: np.ndarray) -> list[int] | None:
    length = int(blocks["metadata"][0])
    first = os.pread(file, length, int(blocks["at"][0]))
    form = _form(first[_MARKED:])
    if form is None or max(part.stop for part in form) > length:
        return None
    counts: list[int] = []
    step = max(1, _AT_ONCE // length)
    for some in (blocks[start : start + step] for start in range(0, blocks.size, step)):
        # Where the file is mapped, faults of pages take as long as all else together.
        data = first + b"".join([os.pread(file, length, at) for at in some["at"].tolist()])
        if len(data) < (1 + some.size) * length:
            return None
        found = np.frombuffer(data, np.uint8).reshape(1 + some.size, length)
        if not _is_alike(found, form) or not _is_sound(found, some["body"], form):
            return None
        counts.extend(_numbers(found[1:], form.rows)[:, 0].tolist())
    return counts


def _form(metadata: bytes) -> _Form | None:
    """Where the numbers of a record batch are, counted from what is before the metadata."""
    message = root(metadata)
    batch = place(metadata, message, _HEADER)
    if batch is None:
        return None
    body = field(metadata, message, _BODY)
    rows = field(metadata, batch, _ROWS)
    nodes, buffers = (place(metadata, batch, number) for number in (_NODES, _BUFFERS))
    if body is None or rows is None or nodes is None or buffers is None:
        return None
    if place(metadata, batch, _COMPRESSION) is not None:
        return None
    return _Form(
        rows=_from(rows, 8),
        body=_from(body, 8),
        nodes=_from(nodes + 4, 16 * int(struct.unpack_from("<I", metadata, nodes)[0])),
        buffers=_from(buffers + 4, 16 * int(struct.unpack_from("<I", metadata, buffers)[0])),
    )


def _from(at: int, size: int) -> slice:
    return slice(_MARKED + at, _MARKED + at + size)


def _is_alike(found: _Bytes, form: _Form) -> bool:
    """Whether nothing but numbers differs between the first and all others."""
    fixed = np.ones(found.shape[1], bool)
    for part in form:
        fixed[part] = False
    return not (found[:, fixed] != found[0, fixed]).any()


def _is_sound(found: _Bytes, bodies: _Numbers, form: _Form) -> bool:
    """Whether Arrow would take the numbers of all but the first, if it takes those of the first."""
    rows, said, nodes, buffers = (_numbers(found, part) for part in form)
    lengths, nulls = nodes[:, ::2], nodes[:, 1::2]
    begins, sizes = buffers[:, ::2], buffers[:, 1::2]
    of_rows = lengths[0] == rows[0]  # columns, and by chance what is in their lists
    return not (
        (said[1:, 0] != bodies).any()
        or min(part.min(initial=0) for part in (rows, nodes, buffers)) < 0
        or (lengths[:, of_rows] != rows).any()
        or (nulls > lengths).any()
        or (begins % 8).any()
        or (begins[1:] > bodies[:, None] - sizes[1:]).any()
    )


def _numbers(found: _Bytes, part: slice) -> _Numbers:
    """The numbers of each batch in this part of its metadata."""
    return np.ascontiguousarray(found[:, part]).view("<i8")
