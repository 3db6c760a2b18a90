"""The JSON of `vllm bench serve --save-result --save-detailed`: its objects, typed and checked."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from sgengine.errors import FormatError
from sgengine.kernels import json_columns
from sgengine.kernels.json_values import LATER, LIST, LISTS
from sgengine.readers.faults import one_line
from sgengine.readers.files import BOM
from sgengine.readers.json_lines import REFUSALS
from sgengine.readers.json_shape import Spans, shape_of
from sgengine.readers.typed import Int64

# Between two JSON values that follow each other there is no comma, as there is inside one; and a
# line break inside a string is escaped. So this can only be the seam of two appended objects.
_SEAM = re.compile(rb"\}[ \t\r]*\n\s*(?=\{)")

_OFFSET = re.compile(r"\(byte (\d+)\)")
_NOT_JSON = re.compile(rb"-?Infinity|NaN")
_LONG = ("input_lens", "output_lens", "ttfts", "latencies", "start_times", "queue_times")
_DETAILS = ("input_lens", "output_lens", "ttfts", "itls", "errors")


class Run(msgspec.Struct, gc=False):
    """One object of a file: one run. Times in seconds; arrays are parallel, in order of issue.

    Everything else in the object, above all the generated texts, is passed over unread. ``itls``
    stay JSON until a request's turn comes, for as Python numbers they would fill the memory.
    """

    input_lens: list[int] | None = None
    output_lens: list[int] | None = None
    ttfts: list[float] | None = None
    itls: Sequence[msgspec.Raw] | None = None
    errors: list[str | None] | None = None
    latencies: list[float] | None = None
    start_times: list[float] | None = None
    queue_times: list[float] | None = None
    backend: str | None = None
    endpoint_type: str | None = None
    label: str | None = None
    model_id: str | None = None
    request_rate: float | str | None = None
    max_concurrency: Int64 | None = None
    duration: float | None = None
    completed: int | None = None

    @property
    def is_chat(self) -> bool:
        """Whether the client was vLLM's chat client, which counts the role chunk."""
        return "chat" in (self.backend or "") or "chat" in (self.endpoint_type or "")

    @property
    def rate(self) -> float | None:
        """The offered rate in requests/s; ``None`` for "inf", a closed loop or a burst."""
        try:
            rate = float("inf" if self.request_rate is None else self.request_rate)
        except ValueError:
            return None
        return rate if 0 < rate < float("inf") else None

    def arrays(self) -> dict[str, Sequence[object]]:
        """The parallel arrays that are present, by name."""
        names = (*_DETAILS, "latencies", "start_times", "queue_times")
        found = {name: getattr(self, name) for name in names}
        return {name: value for name, value in found.items() if value is not None}


class Gaps(Sequence[msgspec.Raw]):
    """``itls`` as they lie in the file: the lists ``text[starts[r]:stops[r]]``."""

    def __init__(self, text: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> None:
        self.text, self.starts, self.stops = text, starts, stops

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: Any) -> Any:
        return msgspec.Raw(self.text[self.starts[index] : self.stops[index]].tobytes())


class Span(NamedTuple):
    """The bytes of one object."""

    start: int
    stop: int


def spans(content: mmap.mmap) -> list[Span]:
    """The objects of the file, in order."""
    start = len(BOM) if content[: len(BOM)] == BOM else 0
    starts = [start, *_seams(content)]
    return [Span(*pair) for pair in zip(starts, [*starts[1:], len(content)], strict=True)]


def _seams(content: mmap.mmap) -> Iterator[int]:
    """Where objects begin that follow another one. A file of one line, as clients write it, has none."""
    first = content.find(b"\n")
    if first < 0:
        return
    for seam in _SEAM.finditer(content, max(content.rfind(b"}", 0, first), 0)):
        yield seam.end()


def decode(path: str, content: mmap.mmap, span: Span) -> Run:
    """One run, its arrays present and of one length.

    Raises ``FormatError`` that says at which byte the JSON breaks, or which arrays are amiss.
    """
    try:
        run = msgspec.json.decode(memoryview(content)[span.start : span.stop], type=Run)
    except msgspec.ValidationError as error:
        raise FormatError(
            f"{path} has wrong types for a vLLM result (object at byte {span.start}): "
            f"{one_line(error)}"
        ) from error
    except msgspec.DecodeError as error:
        raise FormatError(_broken(path, content, span, str(error))) from error
    _check_arrays(path, run)
    return run


def opened(path: str, content: mmap.mmap, span: Span) -> Run:
    """The run of an object that ``decode`` took before, whose ``itls`` are Gaps wherever that can be.

    Texts are only passed over, and nobody waits for it, as for a decoder.
    """
    text = np.frombuffer(content, dtype=np.uint8)[span.start : span.stop]
    whole = np.array([0]), np.array([text.size])
    found = shape_of(Run, dict.fromkeys(_LONG, LATER) | {"itls": LISTS}).find(text, *whole)
    if not found.sure.all() or not found.has("itls", LIST).all():
        return decode(path, content, span)
    kept = {name: next(found.values(name)) for name in Run.__struct_fields__ if name != "itls"}
    members = (b'"%b":%b' % (name.encode(), value) for name, value in kept.items() if value)
    try:
        run = msgspec.json.decode(b"{%b}" % b",".join(members), type=Run)
    except REFUSALS:
        return decode(path, content, span)
    run.itls = _gaps(text, found.places("itls"), len(run.ttfts or ()))
    _check_arrays(path, run)
    return run


def joined(itls: Sequence[msgspec.Raw]) -> Gaps:
    """``itls`` that a decoder made, one behind another."""
    stops = np.cumsum([len(memoryview(raw)) for raw in itls], dtype=np.int64)
    text = np.frombuffer(b"".join(map(memoryview, itls)) or b" ", dtype=np.uint8)
    return Gaps(text, np.concatenate([[0], stops])[:-1].astype(np.int64), stops)


def _gaps(text: np.ndarray, places: Spans, count: int) -> Gaps:
    """The lists of the one list at these places, of which there should be ``count``."""
    room = np.empty((2, 0), dtype=np.int64)
    while count > room.shape[1]:
        room = np.empty((2, count), dtype=np.int64)
        count = json_columns.items(text, places.starts[0], places.stops[0], *room)
    return Gaps(text, *room[:, :count])


def _broken(path: str, content: mmap.mmap, span: Span, message: str) -> str:
    found = _OFFSET.search(message)
    if "truncated" in message or not found:
        return f"{path} is cut off: its JSON does not end by byte {span.stop}; copy it again"
    at = span.start + int(found[1])
    begin = at - 1 if content[at - 1 : at] == b"-" else at
    literal = _NOT_JSON.match(content[begin : begin + 9])
    if literal:
        return (
            f"{path} has {literal[0].decode()} at byte {begin}, which is no JSON number; write "
            "null or leave the key out"
        )
    what = one_line(_OFFSET.sub("", message))
    return f"{path} is damaged at byte {at}: {what}; copy it again"


def _check_arrays(path: str, run: Run) -> None:
    arrays = run.arrays()
    missing = [name for name in _DETAILS if name not in arrays]
    if missing:
        raise FormatError(
            f"{path} has no {', '.join(missing)}; run `vllm bench serve` again with --save-result "
            "--save-detailed"
        )
    length = len(arrays["ttfts"])
    for name, values in arrays.items():
        if len(values) != length:
            raise FormatError(
                f"{path} has {length} ttfts but {len(values)} {name}; the arrays of a vLLM result "
                "have one entry a request"
            )
