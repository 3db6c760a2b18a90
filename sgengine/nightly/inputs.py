"""The files of a night: its own, those of later days within its grace, and what is missing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sgengine.analyze import Night, Planned
from sgengine.errors import DataError
from sgengine.executors import Executor
from sgengine.nightly.days import days_of
from sgengine.nightly.patterns import filled, has_day, matches
from sgengine.nightly.report import WARNING, Entry, Log
from sgengine.nightly.settings import Job, JobSource
from sgengine.readers import Source, SourcePlan, find, is_log, plan
from sgengine.readers.files import content_hash
from sgengine.record import code_version

_NO_PART = ("memory", "nights", "on", "rejected")
"""Keys of [job] on which no committed value depends."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The files of one source for one night; ``missing``: patterns that no file matches."""

    source: JobSource
    own: tuple[str, ...]
    later: tuple[str, ...]
    missing: tuple[str, ...]


def inputs_of(job: Job, night: Night) -> tuple[Inputs, ...]:
    """The files of every source. DataError for one that is required and missing, or in two sources."""
    found = tuple(_inputs(source, night) for source in job.sources)
    for inputs in found:
        if inputs.missing and inputs.source.is_required:
            raise DataError(
                f"source {inputs.source.name}: {inputs.missing[0]} is missing; bring it and run the "
                'night again, or say missing = "allowed"'
            )
    owners: dict[str, str] = {}
    for inputs in found:
        for path in (*inputs.own, *inputs.later):
            name = inputs.source.name
            if owners.setdefault(os.path.realpath(path), name) != name:
                other = owners[os.path.realpath(path)]
                raise DataError(f"{path} is in source {other} and in {name}: name every file once")
    return found


def _inputs(source: JobSource, night: Night) -> Inputs:
    own_days = days_of(night.start_ns, night.end_ns, source.zone)
    later_days = [
        day for day in days_of(night.end_ns, night.cut_ns, source.zone) if day not in own_days
    ]
    own: dict[str, None] = {}
    missing: list[str] = []
    for pattern in source.files:
        for path in dict.fromkeys(filled(pattern, day) for day in own_days):
            matched = matches(path)
            own |= dict.fromkeys(matched)
            if not matched:
                missing.append(path)
    later = [
        path
        for pattern in filter(has_day, source.files)
        for day in later_days
        for path in matches(filled(pattern, day))
        if path not in own
    ]
    return Inputs(
        source=source,
        own=tuple(own),
        later=tuple(dict.fromkeys(later)),
        missing=tuple(missing),
    )


def digest_of(job: Job, night: Night, found: Sequence[Inputs], executor: Executor) -> int:
    """63 bits of all that the night's values depend on: contents, configuration, code."""
    paths = [
        (inputs.source.name, path) for inputs in found for path in (*inputs.own, *inputs.later)
    ]
    mappings = {source.read.mapping for source in job.sources} - {None}
    paths += [("mapping", str(path)) for path in sorted(map(str, mappings))]
    hashes = executor.run(lambda item, _: content_hash(item[1]), paths)
    own = {key: value for key, value in job.given["job"].items() if key not in _NO_PART}
    said = {key: job.given.get(key) for key in ("objectives", "source", "class")} | {"job": own}
    parts = (
        code_version(),
        (night.start_ns, night.end_ns, night.cut_ns),
        json.dumps(said, sort_keys=True, default=str),
        [(*item, digest) for item, digest in zip(paths, hashes, strict=True)],
    )
    return int.from_bytes(hashlib.sha256(repr(parts).encode(errors="replace")).digest()[:8]) >> 1


def planned(found: Sequence[Inputs], batch_bytes: int, log: Log) -> tuple[Planned, frozenset[str]]:
    """All sources of a night planned as one, and which files are of later days.

    DataError for a file of the night that cannot be read; of a later day's it costs at most what came
    late, which a later run brings in: those are left out, and said.
    """
    plans: list[SourcePlan] = []
    later: set[str] = set()
    for inputs in found:
        for path in inputs.own:
            if not _size(path):
                log(Entry(event="empty_file", text=f"{path} is empty", fields={"file": path}))
        source = inputs.source
        options = replace(source.read, batch_bytes=batch_bytes)
        readable = list(_readable(inputs, log))
        own = [path for path in inputs.own if _size(path)]
        if not own and not readable:
            continue
        for item in find([*own, *readable], options).sources:
            try:
                made = plan(_named(item, source), options)
            except DataError as error:
                if item.path in own:
                    raise
                _left_out(item.path, str(error), log)
                continue
            if item.path in own:
                plans.append(made)
            elif all(part.clock == "unix" for part in made.partitions):
                plans.append(made)
                later.add(item.path)
            else:
                _left_out(item.path, f"{item.path} has a clock that tells no day", log)
    return Planned(tuple(plans)), frozenset(later)


def _readable(inputs: Inputs, log: Log) -> Iterator[str]:
    """The files of later days that are traces so far; today's may be half written."""
    for path in inputs.later:
        try:
            if _size(path):
                find([path], inputs.source.read)
                yield path
        except DataError as error:
            _left_out(path, str(error), log)


def _left_out(path: str, error: str, log: Log) -> None:
    log(
        Entry(
            event="later_file_left_out",
            text=f"what came late is not read yet: {error}",
            level=WARNING,
            fields={"file": path},
        )
    )


def _named(item: Source, source: JobSource) -> Source:
    """All files of a log are one run, named by the source; others are runs of their own below it."""
    name = source.name if is_log(item) else f"{source.name}/{item.name}"
    return replace(item, name=name, label=source.name)


def _size(path: str) -> int:
    return Path(path).stat().st_size


def missing_of(found: Iterable[Inputs]) -> tuple[str, ...]:
    """All patterns that no file matches."""
    return tuple(path for inputs in found for path in inputs.missing)
