"""The JSON of `vllm bench serve --save-result --save-detailed`: its objects, typed and checked."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from sgengine.errors import FormatError
from sgengine.readers.faults import one_line
from sgengine.readers.files import BOM
from sgengine.readers.typed import Int64

# Between two JSON values that follow each other there is no comma, as there is inside one; and a
# line break inside a string is escaped. So this can only be the seam of two appended objects.
_SEAM = re.compile(rb"\}[ \t\r]*\n\s*(?=\{)")

_OFFSET = re.compile(r"\(byte (\d+)\)")
_NOT_JSON = re.compile(rb"-?Infinity|NaN")
_DETAILS = ("input_lens", "output_lens", "ttfts", "itls", "errors")


class Run(msgspec.Struct, gc=False):
    """One object of a file: one run. Times in seconds; arrays are parallel, in order of issue.

    Everything else in the object, above all the generated texts, is passed over unread. ``itls``
    stay JSON until a request's turn comes, for as Python numbers they would fill the memory.
    """

    input_lens: list[int] | None = None
    output_lens: list[int] | None = None
    ttfts: list[float] | None = None
    itls: list[msgspec.Raw] | None = None
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
