"""The objectives of a configuration: of the whole job, and of its classes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from sgengine.aggregate import SummarySettings, settings_row
from sgengine.aggregate.spelling import resolve, summary_settings
from sgengine.errors import UsageError
from sgengine.nightly.settings import SloClass
from sgengine.readers.toml_section import Section
from sgengine.schema import CLASSES

_NUMBERS = ("speed", "alpha")
_DURATIONS = ("first_token", "unfinished_idle")
_TEXTS = ("preset", "penalty", "denominator")
_OF_THE_COMMIT = ("commit_id", "job", "day")


def objectives_in(top: Section, itl_rule: str) -> tuple[SummarySettings, tuple[SloClass, ...]]:
    """What ``[objectives]`` says, by the rules of the command line, and each ``[[class]]``.

    What a class leaves out is as in ``[objectives]``, unless it names a preset of its own. Classes come
    most particular first: a tenant's workload, a tenant, a workload, all.
    """
    section = top.table("objectives") or Section(top.where, "objectives", {})
    given = _given(section)
    section.done()
    objectives = _resolved(section, given, itl_rule)
    found = [_class(item, given, objectives, itl_rule) for item in top.tables("class")]
    _check_apart(top, found)
    ordered = sorted(found, key=lambda item: (item.tenant is None, item.workload is None))
    return objectives, tuple(ordered)


def _class(
    section: Section, inherited: dict[str, Any], base: SummarySettings, itl_rule: str
) -> SloClass:
    name = section.text("name")
    if name is None:
        raise section.fail(f"{section.key('name')} is missing; name the class")
    workload, tenant = section.text("workload"), section.text("tenant")
    given = _given(section)
    section.done()
    found = _resolved(section, given if "preset" in given else inherited | given, itl_rule)
    tokens = found.slo.tokens_reader if found.slo else None
    measured = (base.reader.first_ns, base.reader.pace_ns)
    if tokens is not None and (tokens.first_ns, tokens.pace_ns) != measured:
        raise section.fail(
            f"{section.key('goodput')} has a tokens clause, which holds for the reader of "
            "[objectives] alone; give that speed and first_token there"
        )
    return SloClass(name=name, workload=workload, tenant=tenant, objectives=found)


def _check_apart(top: Section, found: list[SloClass]) -> None:
    for what, of in (("name", _name), ("workload and tenant", _whom)):
        seen: set[object] = set()
        for item in found:
            if of(item) in seen:
                raise top.fail(
                    f"class {item.name!r}: its {what} is another class's; give each once"
                )
            seen.add(of(item))


def _name(item: SloClass) -> object:
    return item.name


def _whom(item: SloClass) -> object:
    return item.workload, item.tenant


def _given(section: Section) -> dict[str, Any]:
    """The keys of objectives that are there, each of the type it takes."""
    found: dict[str, Any] = {name: section.text(name) for name in _TEXTS}
    for name in (*_NUMBERS, *_DURATIONS):
        value = section.take(name)
        allowed = (int, float) if name in _NUMBERS else (int, float, str)
        if value is not None and (isinstance(value, bool) or not isinstance(value, allowed)):
            raise section.wrong(name, value, "a number" if name in _NUMBERS else "a duration")
        found[name] = value
    found["goodput"] = _clauses(section)
    return {name: value for name, value in found.items() if value is not None}


def _clauses(section: Section) -> list[str] | None:
    value = section.take("goodput")
    texts = [value] if isinstance(value, str) else value
    if texts is None or (isinstance(texts, list) and all(isinstance(t, str) for t in texts)):
        return texts
    raise section.wrong("goodput", value, 'a list of clauses, as in ["ttft:500", "tpot:50"]')


def _resolved(section: Section, given: dict[str, Any], itl_rule: str) -> SummarySettings:
    objectives = {name: value for name, value in given.items() if name != "denominator"}
    denominator = given.get("denominator", "all")
    try:
        return summary_settings(resolve(**objectives), denominator=denominator, itl_rule=itl_rule)
    except UsageError as error:
        raise section.fail(f"{section.name}: {error}") from error


def classes_table(classes: tuple[SloClass, ...]) -> pa.Table:
    """CLASSES, without the columns that a commit fills in."""
    rows = [
        {
            "position": position,
            "name": item.name,
            "workload": item.workload,
            "tenant": item.tenant,
            **settings_row(item.objectives),
        }
        for position, item in enumerate(classes)
    ]
    schema = pa.schema([field for field in CLASSES.schema() if field.name not in _OF_THE_COMMIT])
    return pa.Table.from_pylist(rows, schema=schema)
