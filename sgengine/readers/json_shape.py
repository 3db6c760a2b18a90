"""What of a JSON object matters, from the type it is decoded to; and where that lies in many objects.

Objects that are not sure (``kernels.json_fields``) are for a decoder to judge: it takes more than is sure,
and says what is wrong with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from sgengine.kernels import json_columns, json_fields
from sgengine.kernels.json_values import (
    ANY,
    CLOSED,
    LATER,
    LIST,
    LISTS,
    NEEDED,
    NULL,
    NUMBER,
    OBJECT,
    TEXT,
    TRUTH,
    WHOLE,
)

_WIDEST = 2**63 - 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Shape:
    """The table of ``kernels.json_fields``. ``nodes``: the node of a path such as ``metrics.ttft.unit``."""

    nodes: Mapping[str, int]
    names: np.ndarray
    name_ends: np.ndarray
    children: np.ndarray
    allowed: np.ndarray
    most: np.ndarray

    def find(self, text: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> Found:
        """The nodes of the objects ``text[starts[r]:stops[r]]``; ``text`` is uint8."""
        rows, size = len(starts), self.allowed.size
        found = Found(
            shape=self,
            text=text,
            spans=np.empty((rows, size, 2), dtype=np.int64),
            kinds=np.empty((rows, size), dtype=np.int64),
            whole=np.empty((rows, size), dtype=np.int64),
            sure=np.empty(rows, dtype=np.bool_),
        )
        table = (self.names, self.name_ends, self.children, self.allowed, self.most)
        room = np.empty((json_fields.DEPTH, 3), dtype=np.int64), np.zeros(size, dtype=np.int64)
        made = (found.spans, found.kinds, found.whole, found.sure)
        json_fields.fields(text, starts, stops, *table, *made, *room)
        return found


class Spans(NamedTuple):
    """Where the values of a node lie, -1 where there is none."""

    starts: np.ndarray
    stops: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """Where the nodes of R objects lie in ``text``, as ``kernels.json_fields.fields`` says."""

    shape: Shape
    text: np.ndarray
    spans: np.ndarray
    kinds: np.ndarray
    whole: np.ndarray
    sure: np.ndarray

    def rows(self, chosen: np.ndarray | slice) -> Found:
        """Some of the objects."""
        return Found(
            shape=self.shape,
            text=self.text,
            spans=self.spans[chosen],
            kinds=self.kinds[chosen],
            whole=self.whole[chosen],
            sure=self.sure[chosen],
        )

    def __len__(self) -> int:
        return len(self.sure)

    def has(self, path: str, kind: int) -> np.ndarray:
        """Which objects have a value of one of these kinds there (bool, one an object)."""
        known: np.ndarray = (self.kinds[:, self.shape.nodes[path]] & kind) != 0
        return known

    def numbers(self, path: str) -> np.ndarray:
        """The numbers (int64) of a node; of any value where it is not WHOLE."""
        values: np.ndarray = self.whole[:, self.shape.nodes[path]]
        return values

    def places(self, path: str) -> Spans:
        """Where the values of a node lie; null is none."""
        node = self.shape.nodes[path]
        known = (self.kinds[:, node] & ~NULL) != 0
        starts, stops = self.spans[:, node, 0], self.spans[:, node, 1]
        return Spans(np.where(known, starts, -1), np.where(known, stops, -1))

    def values(self, path: str) -> Iterator[bytes | None]:
        """The JSON of a node's values; None: absent or null."""
        for start, stop in zip(*self.places(path), strict=True):
            yield None if start < 0 else self.text[start:stop].tobytes()

    def equal(self, path: str, value: str) -> np.ndarray:
        """Where a node is this string (bool, one an object), written without escapes."""
        word = np.frombuffer(b'"%b"' % value.encode(), dtype=np.uint8)
        out = np.empty(len(self.sure), dtype=np.bool_)
        json_columns.equal(self.text, *self.places(path), word, out)
        return out

    def integers(self, path: str, kind: pa.DataType) -> pa.Array:
        """A column of a node whose values are whole numbers or null."""
        return pa.array(self.numbers(path), pa.int64(), mask=~self.has(path, WHOLE)).cast(kind)

    def texts(self, path: str) -> pa.Array:
        """A column of a node whose values are strings, whole numbers or null."""
        starts, stops = self.places(path)
        known = starts >= 0
        out = np.empty(int((stops - starts)[known].sum()), dtype=np.uint8)
        ends = np.empty(len(starts) + 1, dtype=np.int32)
        if not json_columns.texts(self.text, starts, stops, out, ends):
            decoded = (None if v is None else _text(v) for v in self.values(path))
            return pa.array(list(decoded), pa.string())
        null = None if known.all() else pa.array(known).buffers()[1]
        return pa.StringArray.from_buffers(len(starts), pa.py_buffer(ends), pa.py_buffer(out), null)


def _text(value: bytes) -> str:
    return msgspec.json.decode(value, type=str) if value[:1] == b'"' else value.decode()


class _Node(NamedTuple):
    """A member of an object: its path, its key, and what it may be."""

    path: str
    key: str
    allowed: int
    most: int = _WIDEST
    inner: Any = None


def shape_of_keys(lists: Mapping[str, int]) -> Shape:
    """Objects that have no other members than these, which hold anything.

    ``lists`` has LATER for members whose lists are not looked into, else 0.
    """
    members = [_Node(key, key, ANY | later) for key, later in lists.items()]
    return _shape(_Node("", "", OBJECT | CLOSED), lambda node: () if node.path else members)


def shape_of(kind: type[msgspec.Struct], more: Mapping[str, int]) -> Shape:
    """Objects that decode to ``kind``; ``more``: what else members have to be, by path.

    LATER, LISTS or LIST says that raw ones are lists or null, looked into or not; PLAIN is for strings.
    """
    root = _Node("", "", OBJECT, inner=msgspec.inspect.type_info(kind))
    return _shape(root, lambda node: _members(node, more))


def _shape(root: _Node, members: Callable[[_Node], Iterable[_Node]]) -> Shape:
    nodes, children = [root], []
    for node in nodes:  # which grows meanwhile: breadth first
        children.append(len(nodes))
        nodes.extend(members(node))
    keys = [node.key.encode() for node in nodes]
    return Shape(
        nodes={node.path: index for index, node in enumerate(nodes)},
        names=np.frombuffer(b"".join(keys) + b"\0", dtype=np.uint8),
        name_ends=np.cumsum([len(key) for key in keys]),
        children=np.array([*children, len(nodes)], dtype=np.int64),
        allowed=np.array([node.allowed for node in nodes], dtype=np.int64),
        most=np.array([node.most for node in nodes], dtype=np.int64),
    )


def _members(parent: _Node, more: Mapping[str, int]) -> Iterator[_Node]:
    for field in parent.inner.fields if parent.inner is not None else ():
        path = f"{parent.path}.{field.name}" if parent.path else field.name
        node = _Node(path, field.encode_name, NEEDED if field.required else 0)
        union = isinstance(field.type, msgspec.inspect.UnionType)
        for kind in field.type.types if union else (field.type,):
            node = _allowing(node, kind)
        said = more.get(path, 0)
        if said & (LATER | LIST | LISTS):
            node = node._replace(allowed=node.allowed & (NEEDED | NULL | LIST))
        yield node._replace(allowed=node.allowed | said)


_KINDS = {
    msgspec.inspect.NoneType: NULL,
    msgspec.inspect.StrType: TEXT,
    msgspec.inspect.IntType: WHOLE,
    msgspec.inspect.FloatType: WHOLE | NUMBER,
    msgspec.inspect.BoolType: TRUTH,
    msgspec.inspect.StructType: OBJECT,
    msgspec.inspect.ListType: LIST,
    msgspec.inspect.CollectionType: LIST,
    msgspec.inspect.RawType: ANY,
}


def _allowing(node: _Node, kind: msgspec.inspect.Type) -> _Node:
    node = node._replace(allowed=node.allowed | _KINDS[type(kind)])
    if isinstance(kind, msgspec.inspect.StructType):
        return node._replace(inner=kind)
    if isinstance(kind, msgspec.inspect.IntType) and kind.le is not None:
        return node._replace(most=min(kind.le, _WIDEST))
    return node
