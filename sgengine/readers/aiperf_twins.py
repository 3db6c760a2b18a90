"""AIPerf writes the same requests twice, as records and raw: in a folder with both, one is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from sgengine.errors import UsageError
from sgengine.readers.base import Skipped, Source
from sgengine.readers.files import mapped
from sgengine.readers.json_lines import REFUSALS, lines

_LINES = 32


class _Metadata(msgspec.Struct, gc=False):
    x_request_id: str | None = None


class _Record(msgspec.Struct, gc=False):
    metadata: _Metadata


class Kept(NamedTuple):
    """The sources without those that another one repeats, and these."""

    sources: tuple[Source, ...]
    skipped: tuple[Skipped, ...]


def without_twins(sources: Sequence[Source], named: Collection[str]) -> Kept:
    """Leave out raw exports whose requests are in another source; that one is the lighter to read.

    Raises ``UsageError`` for a raw export that is among the ``named`` paths: what was asked for by
    name is not left out.
    """
    twins = {raw.path: twin for raw in sources if (twin := _twin(raw, sources)) is not None}
    for path, twin in twins.items():
        if path in named:
            raise UsageError(
                f"{path} holds the same requests as {twin.path}; give one of them, lest they "
                "count twice"
            )
    return Kept(
        sources=tuple(source for source in sources if source.path not in twins),
        skipped=tuple(
            Skipped(path=path, reason=f"holds the same requests as {twin.path}")
            for path, twin in twins.items()
        ),
    )


def _twin(raw: Source, sources: Sequence[Source]) -> Source | None:
    """The export of records, beside a raw export or one folder up, that has its first request."""
    if raw.format != "aiperf-raw":
        return None
    folders = {Path(raw.path).absolute().parent, Path(raw.path).absolute().parent.parent}
    records = (source for source in sources if source.format == "aiperf")
    near = (source for source in records if Path(source.path).absolute().parent in folders)
    return next((source for source in near if _is_same(raw.path, source.path)), None)


def _is_same(raw: str, records: str) -> bool:
    try:
        request = next(_requests(raw), None)
        if request is None:
            return Path(raw).with_name(f"{Path(records).stem}_raw.jsonl") == Path(raw)
        return mapped(records).find(f'"{request}"'.encode()) >= 0
    except (OSError, ValueError):
        return False


def _requests(path: str) -> Iterator[str]:
    """The ids of the first requests of a file."""
    decoder = msgspec.json.Decoder(_Record)
    for line in islice(lines(path), _LINES):
        try:
            found = decoder.decode(line.text).metadata.x_request_id
        except REFUSALS:
            continue
        if found:
            yield found
