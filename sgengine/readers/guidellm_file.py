"""GuideLLM's benchmarks.json of every version seen: its benchmarks, and where the rows of each are.

The file is passed over once, and only what is named below is decoded of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

import msgspec

from sgengine.errors import FormatError
from sgengine.readers.faults import one_line
from sgengine.readers.json_document import Cursor, Cut, cut, keep, together
from sgengine.readers.typed import Int64

LISTS = ("successful", "incomplete", "errored")
"""The lists of rows, each of one status."""

_ABSENT = msgspec.Raw(b"null")


class Strategy(msgspec.Struct, gc=False):
    """How requests were issued; ``rate`` in requests/s."""

    type_: str | None = None
    rate: float | None = None
    streams: Int64 | None = None
    max_concurrency: Int64 | None = None


class _Model(msgspec.Struct, gc=False):
    model: str | None = None


class _Config(msgspec.Struct, gc=False):
    strategy: Strategy | None = None
    backend: _Model | None = None


class _Worker(msgspec.Struct, gc=False):
    backend_model: str | None = None


class _Loader(msgspec.Struct, gc=False):
    data: msgspec.Raw = _ABSENT


class _Made(msgspec.Struct, gc=False):
    total: Int64 | None = None


class _Counted(msgspec.Struct, gc=False):
    requests_made: _Made | None = None


class Head(msgspec.Struct, gc=False):
    """What a benchmark says of itself; times in unix seconds as they are written."""

    config: _Config | None = None
    args: _Config | None = None
    worker: _Worker | None = None
    request_loader: _Loader | None = None
    scheduler_metrics: _Counted | None = None
    run_stats: _Counted | None = None
    start_time: Decimal | None = None
    end_time: Decimal | None = None
    duration: Decimal | None = None

    @property
    def strategy(self) -> Strategy:
        """How requests were issued."""
        about = self.config or self.args or _Config()
        return about.strategy or Strategy()

    @property
    def model(self) -> str | None:
        """The model asked for."""
        if self.worker is not None and self.worker.backend_model:
            return self.worker.backend_model
        backend = (self.config or _Config()).backend
        return None if backend is None else backend.model

    @property
    def made(self) -> int | None:
        """Requests that were made, listed or not."""
        counted = (self.scheduler_metrics or self.run_stats or _Counted()).requests_made
        return None if counted is None else counted.total


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One benchmark: what it says of itself, and where its rows are, by list."""

    head: Head
    lists: dict[str, Cut]


@dataclass(frozen=True, kw_only=True)
class File:
    """A whole file. ``model`` and ``data`` are those asked for, ``None`` if it does not say."""

    version: str | None
    model: str | None
    data: str | None
    benchmarks: tuple[Benchmark, ...]


class _Version(msgspec.Struct, gc=False):
    guidellm_version: str | None = None


class _Root(msgspec.Struct, gc=False):
    """``args`` until 0.7, ``config.spec`` since."""

    data: msgspec.Raw = _ABSENT
    model: str | None = None
    backend: msgspec.Raw = _ABSENT


class _Spec(msgspec.Struct, gc=False):
    spec: _Root | None = None


class _Ends(msgspec.Struct, gc=False):
    metadata: _Version | None = None
    args: _Root | None = None
    config: _Spec | None = None


See = Callable[[int, str, bytes], None]
"""Is shown every row: the number of its benchmark from 0, its list, its text."""


def read_file(path: str, see: See) -> File:
    """Pass over the file. Raises ``FormatError`` where it is damaged or is none of GuideLLM's."""
    cursor = Cursor(path)
    found: list[Benchmark] = []
    kept: dict[str, bytes] = {}
    for key in cursor.members():
        if key == "benchmarks":
            for _ in cursor.elements():
                found.append(_benchmark(cursor, partial(see, len(found))))
        else:
            keep(cursor, key, _Ends, kept)
    cursor.finish()
    if not found:
        raise FormatError(f"{path} has no benchmarks; run `guidellm benchmark` again")
    return _file(together(kept, _Ends), found)


def _file(ends: _Ends, found: list[Benchmark]) -> File:
    root = ends.args or (ends.config or _Spec()).spec or _Root()
    backend = bytes(root.backend)
    nested = msgspec.json.decode(backend, type=_Model) if backend[:1] == b"{" else _Model()
    loader = found[0].head.request_loader or _Loader()
    return File(
        version=(ends.metadata or _Version()).guidellm_version,
        model=root.model or nested.model,
        data=described(bytes(root.data)) or described(bytes(loader.data)),
        benchmarks=tuple(found),
    )


def _benchmark(cursor: Cursor, see: Callable[[str, bytes], None]) -> Benchmark:
    lists: dict[str, Cut] = {}
    kept: dict[str, bytes] = {}
    is_there = False
    for key in cursor.members():
        if key == "requests" and cursor.peek() == b"{" and not is_there:
            lists = _lists(cursor, see)
            is_there = True
        else:
            keep(cursor, key, Head, kept)
    if not is_there:
        raise FormatError(
            f"{cursor.path} has a benchmark without requests (before byte {cursor.at}); save the "
            "requests too, as GuideLLM's benchmarks.json does"
        )
    return Benchmark(head=together(kept, Head), lists=lists)


def _lists(cursor: Cursor, see: Callable[[str, bytes], None]) -> dict[str, Cut]:
    found: dict[str, Cut] = {}
    rows = 0
    for key in cursor.members():
        if key in LISTS and key not in found:
            found[key] = cut(cursor, rows + 1, partial(_shown, see, key))
            rows += found[key].rows
        else:
            cursor.skip()
    return found


def _shown(see: Callable[[str, bytes], None], name: str, text: bytes, _: int) -> None:
    see(name, text)


def described(raw: bytes, limit: int = 120) -> str | None:
    """What the data were, in short: texts as they are, of objects what is set."""
    if raw[:1] not in (b'"', b"[", b"{"):
        return None
    return one_line(_told(msgspec.json.decode(raw)), limit) or None


def _told(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_told(item) for item in value)
    if isinstance(value, dict):
        pairs = ((key, item) for key, item in value.items() if isinstance(item, str | int | float))
        return " ".join(f"{key}={item}" for key, item in pairs)
    return str(value)
