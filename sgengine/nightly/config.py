"""Reads a job from its TOML file, and says in one line what is wrong with it."""

from __future__ import annotations

import os
from datetime import tzinfo
from pathlib import Path
from typing import Any

from sgengine.aggregate import SummarySettings
from sgengine.analyze import DEFAULT_MEMORY, AnalyzeSettings
from sgengine.compute import MeasureSettings
from sgengine.errors import UsageError
from sgengine.executors import choose_executor
from sgengine.nightly.config_objectives import objectives_in
from sgengine.nightly.patterns import NEEDED, is_pattern
from sgengine.nightly.settings import Job, JobOutput, JobSource
from sgengine.objectives import parse_duration_ns
from sgengine.objectives.sizes import parse_size
from sgengine.readers import FORMATS, ReadOptions
from sgengine.readers.timestamps import zone_of
from sgengine.readers.toml_section import Section, read_toml
from sgengine.schema.enums import ITL_RULES, ORIGINS

DEFAULT_GRACE = "900s"
OUTPUTS = ("parquet", "csv", "json", "duckdb", "prometheus")
MISSING = ("error", "allowed")
WINDOWS = ("night", "run")
MOST_NIGHTS = 366


def load_job(path: str, store: str | None = None) -> Job:
    """The job in a file; ``store`` replaces the one it names. UsageError says which key is wrong."""
    given, _ = read_toml(path, "the configuration")
    top = Section(f"the configuration {path}:", "", given)
    base = Path(path).absolute().parent
    found = _job(top, base, path, store, given)
    top.done()
    return found


def _job(top: Section, base: Path, path: str, store: str | None, given: dict[str, Any]) -> Job:
    job = _needed_table(top, "job")
    named = _store(top, base)
    zone_name = job.text("zone") or "UTC"
    zone = _zone(job, zone_name)
    rule = job.choice("itl_rule", ITL_RULES) or "chunk"
    objectives, classes = objectives_in(top, rule)
    found = Job(
        path=path,
        store=store or named or _missing(top, "store.path", "name the folder of the store"),
        name=_job_name(job),
        zone=zone,
        zone_name=zone_name,
        grace_ns=_duration(job, "grace", DEFAULT_GRACE),
        nights=_count(job, "nights"),
        is_window=(job.choice("window", WINDOWS) or "night") == "night",
        allows_rejects=job.choice("rejected", MISSING) == "allowed",
        settings=_settings(job, objectives, rule),
        sources=_sources(top, base, zone),
        classes=classes,
        outputs=_outputs(top, base),
        given=given,
    )
    job.done()
    return found


def _needed_table(top: Section, name: str) -> Section:
    found = top.table(name)
    if found is None:
        raise top.fail(f"[{name}] is missing; give it, with name")
    return found


def _missing(section: Section, name: str, what: str) -> str:
    raise section.fail(f"{section.key(name)} is missing; {what}")


def _store(top: Section, base: Path) -> str | None:
    section = top.table("store")
    if section is None:
        return None
    path = section.text("path")
    section.done()
    return None if path is None else _beside(base, path)


def _beside(base: Path, path: str) -> str:
    """A path of the configuration: from its folder, not from where the job happens to start."""
    if "://" in path:
        return path
    return os.path.normpath(base / Path(path).expanduser())


def _job_name(job: Section) -> str:
    name = job.text("name")
    return name or _missing(job, "name", "name the job: its nights are stored under it")


def _zone(section: Section, name: str) -> tzinfo:
    try:
        return zone_of(name)
    except ValueError as error:
        raise section.wrong("zone", name, "UTC, +02:00 or a name like Europe/Berlin") from error


def _duration(section: Section, name: str, default: str) -> int:
    value = section.take(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise section.wrong(name, value, "a duration, as in 900s, or a number of ms")
    try:
        return parse_duration_ns(str(default if value is None else value), name)
    except UsageError as error:
        raise section.fail(f"{section.key(name)}: {error}") from error


def _count(job: Section, name: str) -> int:
    value = job.take(name)
    if value is None:
        return 1
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_NIGHTS:
        raise job.wrong(name, value, f"a whole number from 1 to {MOST_NIGHTS}")
    return value


def _settings(job: Section, objectives: SummarySettings, rule: str) -> AnalyzeSettings:
    memory, on = job.text("memory"), job.text("on")
    try:
        return AnalyzeSettings(
            measure=MeasureSettings(reader=objectives.reader, itl_rule=rule),
            summary=objectives,
            executor=choose_executor(on),
            memory_bytes=DEFAULT_MEMORY if memory is None else parse_size(memory),
        )
    except UsageError as error:
        raise job.fail(f"job: {error}") from error


def _sources(top: Section, base: Path, zone: tzinfo) -> tuple[JobSource, ...]:
    found = tuple(_source(section, base, zone) for section in top.tables("source"))
    if not found:
        raise top.fail("[[source]] is missing; give one or more, with files")
    names = [source.name for source in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise top.fail(
            f"source.name {twice[0]!r} is given {names.count(twice[0])} times; name each once"
        )
    return found


def _source(section: Section, base: Path, zone: tzinfo) -> JobSource:
    own_zone = section.text("zone")
    found = JobSource(
        name=section.text("name") or _missing(section, "name", "runs and systems are named by it"),
        files=_files(section, base),
        zone=zone if own_zone is None else _zone(section, own_zone),
        is_required=section.choice("missing", MISSING) != "allowed",
        read=_read_options(section, base),
    )
    section.done()
    return found


def _read_options(section: Section, base: Path) -> ReadOptions:
    families = ("deliveries", "events")
    mapping = section.text("mapping")
    return ReadOptions(
        format=section.choice("format", (*families, *(item.name for item in FORMATS))),
        system=section.text("system"),
        workload=section.text("workload"),
        run=section.text("run"),
        origin=section.choice("origin", ORIGINS),
        mapping=None if mapping is None else _beside(base, mapping),
    )


def _files(section: Section, base: Path) -> tuple[str, ...]:
    value = section.take("files")
    texts = [value] if isinstance(value, str) else value
    if value is None:
        raise section.fail(f"{section.key('files')} is missing; give {NEEDED}")
    if not isinstance(texts, list) or not texts:
        raise section.wrong("files", value, NEEDED)
    for text in texts:
        if not isinstance(text, str) or not is_pattern(text):
            raise section.wrong("files", text, NEEDED)
    return tuple(_beside(base, text) for text in texts)


def _outputs(top: Section, base: Path) -> tuple[JobOutput, ...]:
    return tuple(_output(section, base) for section in top.tables("output"))


def _output(section: Section, base: Path) -> JobOutput:
    kind, path = section.choice("format", OUTPUTS), section.text("path")
    if kind is None:
        raise section.fail(f"{section.key('format')} is missing; allowed are {', '.join(OUTPUTS)}")
    if path is None or not is_pattern(path):
        raise section.wrong("path", path, "a file or folder, with {day} for one a night")
    section.done()
    return JobOutput(format=kind, path=_beside(base, path))
