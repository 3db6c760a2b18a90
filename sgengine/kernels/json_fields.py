"""Where the members of JSON objects lie, many objects at a time, by a table of the keys that matter.

The table is a tree, breadth first: node 0 is the object itself, the children of node n are the nodes
``children[n]`` to ``children[n + 1]``, the key of node n is ``names[name_ends[n - 1]:name_ends[n]]``.
Members under other keys are passed over. ``allowed`` (N,) says what a node's value may be, as the bits of
``json_values``.

An object is sure if it follows the grammar, has no known key twice, every value is allowed, and what is
``NEEDED`` is there wherever the object that it belongs to is. Of others, nothing is said.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sgengine.kernels import json_grammar as grammar
from sgengine.kernels._jit import merged, uncounted
from sgengine.kernels.json_values import (
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
    noted,
)

Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

DEPTH = 24
"""Arrays and objects in each other, from which on an object is unsure."""

_UNSURE = grammar.UNSURE
_NONE = -1


@uncounted
def fields(
    text: UInt8s,
    starts: Int64s,
    stops: Int64s,
    names: UInt8s,
    name_ends: Int64s,
    children: Int64s,
    allowed: Int64s,
    most: Int64s,
    spans: Int64s,
    kinds: Int64s,
    whole: Int64s,
    sure: Bools,
    stack: Int64s,
    last: Int64s,
) -> None:
    """Find the nodes of the objects ``text[starts[r]:stops[r]]``.

    Of object r and node n, ``spans`` (R, N, 2) is told where the value lies in ``text``, ``kinds``
    (R, N) which of the bits above it is, 0 if absent, and ``whole`` (R, N) its number if it is WHOLE.
    ``stack`` (DEPTH, 3) and ``last`` (N,), of zeros, are room to work in.
    """
    for r in range(starts.size):
        kinds[r, :] = 0
        sure[r] = _object(
            text,
            starts[r],
            stops[r],
            names,
            name_ends,
            children,
            allowed,
            most,
            spans[r],
            kinds[r],
            whole[r],
            stack,
            last,
        ) and _has_needed(children, allowed, kinds[r])


@merged
def _has_needed(children: Int64s, allowed: Int64s, kinds: Int64s) -> bool:
    for parent in range(allowed.size):
        if kinds[parent] == OBJECT:
            for node in range(children[parent], children[parent + 1]):
                if allowed[node] & NEEDED and kinds[node] == 0:
                    return False
    return True


@merged
def _object(
    text: UInt8s,
    at: int,
    stop: int,
    names: UInt8s,
    name_ends: Int64s,
    children: Int64s,
    allowed: Int64s,
    most: Int64s,
    spans: Int64s,
    kinds: Int64s,
    whole: Int64s,
    stack: Int64s,
    last: Int64s,
) -> bool:
    """One object; whether it is sure. ``stack`` holds node, start and kind of what is open.

    ``last`` (N,) is the child that was found last in each node: the next key is mostly the one after it.
    """
    depth, node = 0, 0
    while True:
        at = grammar.after_blanks(text, at, stop)
        if at >= stop:
            return False
        byte, begin = text[at], at
        if byte == grammar.OPEN_OBJECT or byte == grammar.OPEN_LIST:
            kind = OBJECT if byte == grammar.OPEN_OBJECT else LIST
            if node != _NONE and not allowed[node] & kind:
                return False
            if node != _NONE and allowed[node] & LATER:
                at = grammar.after_flat_list(text, at, stop)
            elif node != _NONE and allowed[node] & LISTS:
                at = grammar.after_flat_lists(text, at, stop)
            else:
                if depth == DEPTH:
                    return False
                stack[depth, 0], stack[depth, 1], stack[depth, 2] = node, at, kind
                depth += 1
                at = grammar.after_blanks(text, at + 1, stop)
                if at >= stop:
                    return False
                closes = grammar.CLOSE_OBJECT if kind == OBJECT else grammar.CLOSE_LIST
                if text[at] == closes:
                    depth -= 1
                    at += 1
                elif kind == OBJECT:
                    at, node = _key(
                        text, at, stop, names, name_ends, children, allowed, kinds, node, last
                    )
                    if at == _UNSURE:
                        return False
                    continue
                else:
                    node = _NONE
                    end = grammar.after_numbers(text, at, stop)
                    if end == at:
                        continue
                    at = end
                    kind = NUMBER
        elif byte == grammar.QUOTE:
            kind = TEXT
            at = grammar.after_string(text, at + 1, stop)
        elif byte == grammar.MINUS or grammar.ZERO <= byte <= grammar.NINE:
            kind = NUMBER
            at = grammar.after_number(text, at, stop)
        else:
            kind = NULL if byte == ord("n") else TRUTH
            at = grammar.after_word(text, at, stop)
        if at == _UNSURE:
            return False
        if node != _NONE and not noted(
            text, begin, at, kind, node, allowed, most, spans, kinds, whole
        ):
            return False
        while depth > 0:
            at = grammar.after_blanks(text, at, stop)
            if at >= stop:
                return False
            node, kind = stack[depth - 1, 0], stack[depth - 1, 2]
            if text[at] == grammar.COMMA:
                at = grammar.after_blanks(text, at + 1, stop)
                if kind == OBJECT:
                    at, node = _key(
                        text, at, stop, names, name_ends, children, allowed, kinds, node, last
                    )
                else:
                    node = _NONE
                if at == _UNSURE:
                    return False
                break
            closes = grammar.CLOSE_OBJECT if kind == OBJECT else grammar.CLOSE_LIST
            if text[at] != closes:
                return False
            depth -= 1
            at += 1
            if node != _NONE and not noted(
                text, stack[depth, 1], at, kind, node, allowed, most, spans, kinds, whole
            ):
                return False
        if depth == 0:
            return kinds[0] != 0 and grammar.after_blanks(text, at, stop) == stop


@merged
def _key(
    text: UInt8s,
    at: int,
    stop: int,
    names: UInt8s,
    name_ends: Int64s,
    children: Int64s,
    allowed: Int64s,
    kinds: Int64s,
    parent: int,
    last: Int64s,
) -> tuple[int, int]:
    """Where the value of the key at ``at`` may begin, and its node, or _NONE; or UNSURE, also if twice."""
    if at >= stop or text[at] != grammar.QUOTE:
        return _UNSURE, _NONE
    begin = at + 1
    end = begin
    while end < stop and text[end] != grammar.QUOTE:
        if text[end] == grammar.ESCAPE or text[end] < 32 or text[end] > 126:
            return _UNSURE, _NONE
        end += 1
    at = grammar.after_blanks(text, end + 1, stop)
    if at >= stop or text[at] != grammar.COLON:
        return _UNSURE, _NONE
    node = _NONE
    if parent != _NONE:
        node = _child(text, begin, end, names, name_ends, children, parent, last)
        if kinds[node] != 0 if node != _NONE else allowed[parent] & CLOSED:
            return _UNSURE, _NONE
    return at + 1, node


@merged
def _child(
    text: UInt8s,
    begin: int,
    end: int,
    names: UInt8s,
    name_ends: Int64s,
    children: Int64s,
    parent: int,
    last: Int64s,
) -> int:
    """The child of ``parent`` whose key is ``text[begin:end]``, or _NONE."""
    first, count = children[parent], children[parent + 1] - children[parent]
    node = last[parent]
    for _ in range(count):
        node = node + 1 if first <= node < first + count - 1 else first
        name = name_ends[node - 1]
        if name_ends[node] - name == end - begin:
            k = 0
            while k < end - begin and names[name + k] == text[begin + k]:
                k += 1
            if k == end - begin:
                last[parent] = node
                return node
    return _NONE
