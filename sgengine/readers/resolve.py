"""INPUT to sources: files, folders, globs and ``label=PATH``.

A file that is named must be a trace. In folders (searched recursively, hidden names left out) and
globs, files that are no traces are skipped and reported.
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sgengine.errors import DataError, UsageError
from sgengine.readers import mapped_files
from sgengine.readers.aiperf_twins import without_twins
from sgengine.readers.base import Found, ReadOptions, Skipped, Source
from sgengine.readers.detect import beginning, detect
from sgengine.readers.event_runs import one_run_each
from sgengine.readers.formats import FAMILIES, FORMAT_NAMES, accepts
from sgengine.schema.enums import ORIGINS


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    path: str
    label: str | None
    is_named: bool


def resolve(inputs: Sequence[str], options: ReadOptions) -> tuple[Source, ...]:
    """The traces of these inputs, in order; see ``find`` for those left out.

    Raises ``UsageError`` for a missing path or a file given twice, ``DataError`` for an input
    that is or holds no trace.
    """
    return find(inputs, options).sources


def find(inputs: Sequence[str], options: ReadOptions) -> Found:
    """The traces of these inputs, in order, and the files of folders and globs left out."""
    check_options(options)
    if not inputs:
        raise UsageError("no input was given; give a file, a folder, a glob or label=PATH")
    sources: list[Source] = []
    skipped: list[Skipped] = []
    given_as: dict[str, str] = {}
    for given in inputs:
        found = _find_one(given, options)
        sources.extend(found.sources)
        given_as |= dict.fromkeys((source.path for source in found.sources), _split(given)[1])
        skipped.extend(found.skipped)
    _check_once(sources)
    kept = without_twins(sources, {_split(given)[1] for given in inputs})
    named = one_run_each(_told_apart(kept.sources), given_as)
    return Found(sources=named, skipped=(*skipped, *kept.skipped))


def check_options(options: ReadOptions) -> None:
    """Raise ``UsageError`` for option values that are not allowed."""
    allowed = (*FORMAT_NAMES, *FAMILIES)
    if options.format is not None and options.format not in allowed:
        raise UsageError(f"unknown format {options.format!r}; allowed are {', '.join(allowed)}")
    if options.origin is not None and options.origin not in ORIGINS:
        raise UsageError(f"unknown origin {options.origin!r}; allowed are {', '.join(ORIGINS)}")
    if options.batch_bytes < 1:
        raise UsageError(f"batch_bytes is {options.batch_bytes}; allowed is 1 or more")
    for name in ("system", "workload", "run"):
        if getattr(options, name) == "":
            raise UsageError(f"{name} is empty; give a name, or leave it out to keep the file's")


def _find_one(given: str, options: ReadOptions) -> Found:
    _check_text(given)
    sources: list[Source] = []
    skipped: list[Skipped] = []
    for candidate in _candidates(given):
        try:
            sources.append(_source(candidate, options))
        except DataError as error:
            if candidate.is_named:
                raise
            reason = str(error).removeprefix(candidate.path).strip()
            skipped.append(Skipped(path=candidate.path, reason=reason))
    if not sources:
        raise DataError(_none_found(given, skipped))
    return Found(sources=tuple(sources), skipped=tuple(skipped))


def _check_text(given: str) -> None:
    """An input is a name that tables and messages can hold."""
    if not given:
        raise UsageError("an input is empty; give a file, a folder, a glob or label=PATH")
    try:
        given.encode()
    except UnicodeEncodeError as error:
        shown = given.encode("utf-8", "backslashreplace").decode()
        raise UsageError(f"the path {shown} is no UTF-8; give the file a name that is") from error


def _none_found(given: str, skipped: Sequence[Skipped]) -> str:
    if not skipped:
        return f"{given} holds no files; give a folder with traces in it"
    first = skipped[0]
    what = "1 file was" if len(skipped) == 1 else f"{len(skipped)} files were"
    return f"{given} holds no trace; {what} skipped: {first.path} {first.reason}"


def _source(candidate: _Candidate, options: ReadOptions) -> Source:
    found = _format(candidate, options)
    name = Path(candidate.path).stem
    return Source(path=candidate.path, format=found, name=name, label=candidate.label)


def _format(candidate: _Candidate, options: ReadOptions) -> str:
    """The detected format; a format option overrules it for files named one by one."""
    wanted = options.format
    if options.mapping is not None and (candidate.is_named or wanted == "mapped"):
        return _mapped(candidate, options)
    if wanted in FORMAT_NAMES and candidate.is_named:
        beginning(candidate.path)
        return str(wanted)
    found = detect(candidate.path)
    if wanted is not None and not accepts(wanted, found):
        raise DataError(f"{candidate.path} is {found}, not {wanted}; leave --format out to read it")
    return found


def _mapped(candidate: _Candidate, options: ReadOptions) -> str:
    """The format of a file that a mapping is given for; one that it does not fit is an error."""
    if options.format not in (None, "mapped"):
        raise UsageError(f"--mapping reads files as mapped, not {options.format}; leave one out")
    beginning(candidate.path)
    mapped_files.check(candidate.path, options)
    return "mapped"


def _candidates(given: str) -> Iterator[_Candidate]:
    """The files an input stands for; a path that exists wins over every other reading of it."""
    label, path = _split(given)
    if _exists(path):
        if Path(path).is_dir():
            for file in _files(path):
                yield _Candidate(path=file, label=label, is_named=False)
        elif Path(path).is_file():
            yield _Candidate(path=path, label=label, is_named=True)
        else:
            raise UsageError(f"{given} is neither a file nor a folder; copy it to a file first")
        return
    matches = _glob(path)
    if not matches:
        raise UsageError(_missing(given, path))
    yield from _matched(matches, label)


def _glob(pattern: str) -> list[str]:
    if not glob.has_magic(pattern):
        return []
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - Path.glob refuses /a/*


def _matched(matches: Sequence[str], label: str | None) -> Iterator[_Candidate]:
    """Files that a glob matched, and those in folders it matched; ``**`` may match a file twice."""
    inside = {path for match in matches for path in _files(match)}
    files = {match for match in matches if Path(match).is_file()}
    for path in sorted(files | inside):
        yield _Candidate(path=path, label=label, is_named=False)


def _missing(given: str, path: str) -> str:
    if "://" in path:
        return (
            f"{given} is no store, and traces are read from files: give a file, a folder or a glob"
        )
    what = "matches no file" if glob.has_magic(path) else "does not exist"
    return f"{given}: {path} {what}; give a file, a folder, a glob or label=PATH"


def _split(given: str) -> tuple[str | None, str]:
    """Label and path of an input."""
    if _exists(given) or "=" not in given:
        return None, given
    label, path = given.split("=", 1)
    if not label or not path:
        raise UsageError(f"{given!r} lacks a label or a path; give label=PATH")
    return label, path


def _exists(path: str) -> bool:
    try:
        return os.path.exists(path)  # noqa: PTH110 - Path("") would be the current folder
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path!r} is no path: {error}; give a file, a folder or a glob"
        ) from error


def _files(folder: str) -> list[str]:
    """The files in a folder and its folders, sorted by path, hidden names left out."""
    found: list[str] = []
    for inner, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = [str(Path(inner) / name) for name in names if not name.startswith(".")]
        found.extend(path for path in paths if Path(path).is_file())
    return sorted(found)


def _check_once(sources: Sequence[Source]) -> None:
    counts = Counter(os.path.realpath(source.path) for source in sources)
    twice = [path for path, count in counts.items() if count > 1]
    if twice:
        raise UsageError(f"{twice[0]} was given {counts[twice[0]]} times; give every file once")


def _told_apart(sources: Sequence[Source]) -> tuple[Source, ...]:
    """Sources of one stem get their path below their common folder as name, so that runs differ."""
    groups: dict[str, list[str]] = {}
    for source in sources:
        groups.setdefault(source.name, []).append(source.path)
    named = {path: name for group in groups.values() for path, name in _names(group).items()}
    return tuple(replace(source, name=named[source.path]) for source in sources)


def _names(paths: Sequence[str]) -> dict[str, str]:
    if len(paths) == 1:
        return {paths[0]: Path(paths[0]).stem}
    absolute = {path: Path(path).absolute() for path in paths}
    common = os.path.commonpath([whole.parent for whole in absolute.values()])
    below = {path: whole.relative_to(common) for path, whole in absolute.items()}
    short = {path: whole.with_suffix("").as_posix() for path, whole in below.items()}
    if len(set(short.values())) == len(paths):
        return short
    # The same stem twice in one folder: only the suffix tells them apart.
    return {path: whole.as_posix() for path, whole in below.items()}
