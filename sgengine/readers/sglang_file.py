"""The JSON Lines of SGLang's bench_serving: its runs, a line each, typed and checked."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Sequence

import msgspec

from sgengine.errors import FormatError
from sgengine.readers.faults import one_line
from sgengine.readers.python_json import Decimal, Span, decode, everything
from sgengine.readers.typed import Int64

_NATIVE = frozenset({"sglang", "sglang-native"})
"""Backends by which the client reads SGLang's own stream, which counts tokens as it goes."""

_DETAILS = ("input_lens", "output_lens", "ttfts", "itls", "errors")

_BLANK = re.compile(rb"\s*+")

HINT = (
    "holds SGLang's summaries without the requests' times; run bench_serving again with "
    "--output-details"
)


class Run(msgspec.Struct, gc=False):
    """One line: one run. Times in seconds; arrays are parallel, in order of issue.

    The entries of arrays stay JSON until a request's turn comes. Everything else, above all the
    generated texts, is passed over unread.
    """

    input_lens: list[msgspec.Raw] | None = None
    output_lens: list[msgspec.Raw] | None = None
    ttfts: list[msgspec.Raw] | None = None
    itls: list[msgspec.Raw] | None = None
    errors: list[msgspec.Raw] | None = None
    cached_tokens: list[msgspec.Raw] | None = None
    backend: str | None = None
    tag: str | None = None
    dataset_name: str | None = None
    request_rate: Decimal = None
    max_concurrency: Int64 | None = None
    duration: Decimal = None
    completed: Int64 | None = None
    server_info: msgspec.Raw = msgspec.Raw(b"null")
    num_prompts: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def is_split(self) -> bool:
        """Whether the client divided the gap before a chunk over its tokens."""
        return self.backend in _NATIVE

    @property
    def has_details(self) -> bool:
        """Whether the run was saved with the requests' times, or with any part of them."""
        return any(getattr(self, name) is not None for name in _DETAILS)

    @property
    def length(self) -> int:
        """How many requests there are."""
        return len(self.ttfts or ())

    def entry(self, name: str, index: int) -> msgspec.Raw:
        """The JSON of one request in one of the arrays that ``checked`` runs have."""
        found: Sequence[msgspec.Raw] = getattr(self, name)
        return found[index]


class _Model(msgspec.Struct, gc=False):
    model_path: str | None = None


class _ServerInfo(msgspec.Struct, gc=False):
    model_path: str | None = None
    internal_states: list[_Model] = []


def lines(content: mmap.mmap) -> Iterator[tuple[int, Span]]:
    """The lines that are not blank: number from 1, and bytes."""
    start, end = everything(content)
    number = 0
    while start < end:
        number += 1
        found = content.find(b"\n", start)
        stop = end if found < 0 else found
        if _BLANK.fullmatch(content, start, stop) is None:
            yield number, Span(start, stop)
        start = stop + 1


def run_at(path: str, content: mmap.mmap, span: Span) -> Run:
    """The run of one line. Raises ``FormatError`` if it is damaged or its arrays are amiss."""
    run = decode(path, content, span, Run, "an SGLang result")
    if bytes(run.num_prompts) != b"null":
        raise FormatError(
            f"{path} has num_prompts, which vLLM's client writes and SGLang's does not; leave "
            "--format out to read it"
        )
    if run.has_details:
        _check_arrays(path, span, run)
    return run


def _check_arrays(path: str, span: Span, run: Run) -> None:
    missing = [name for name in _DETAILS if getattr(run, name) is None]
    if missing:
        raise FormatError(
            f"{path} has no {', '.join(missing)} (line at byte {span.start}); run bench_serving "
            "again with --output-details"
        )
    names = _DETAILS if run.cached_tokens is None else (*_DETAILS, "cached_tokens")
    for name in names:
        count = len(getattr(run, name))
        if count != run.length:
            raise FormatError(
                f"{path} has {run.length} ttfts but {count} {name} (line at byte {span.start}); "
                "the arrays of an SGLang result have one entry a request"
            )


def model(run: Run) -> str | None:
    """The path of the model that the server reports of itself."""
    try:
        info = msgspec.json.decode(run.server_info, type=_ServerInfo)
    except msgspec.DecodeError:
        return None
    states = [state.model_path for state in info.internal_states]
    return one_line(next((path for path in (info.model_path, *states) if path), "")) or None
