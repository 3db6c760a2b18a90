"""Reads a mapping from TOML, and says in one line what is wrong with it."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from sgengine.readers.mapping import (
    ARRIVAL,
    CLOCK,
    COUNTS,
    FILES,
    ISO,
    LABELS,
    PREVIOUS,
    TIMES,
    TYPES,
    Carried,
    Chunks,
    Field,
    Label,
    Moment,
    Status,
    TraceMapping,
)
from sgengine.readers.timestamps import UNITS, zone_of
from sgengine.readers.toml_section import Section, parse_toml, read_toml, shown
from sgengine.schema import DELIVERIES
from sgengine.schema.enums import STATUSES

_WHAT = "the mapping"
_RESERVED = (*DELIVERIES.names, "reasoning_tokens", "ttft_visible_ns")


def load(path: str) -> TraceMapping:
    """The mapping in a file. Raises ``UsageError`` that says which key is wrong and what is allowed."""
    found, text = read_toml(path, _WHAT)
    return _mapping(_Section(f"{_WHAT} {path}:", "", found), text)


def parse(text: str, path: str = "mapping") -> TraceMapping:
    """The mapping that a TOML text spells; ``path`` is named in errors."""
    found = parse_toml(text, path, _WHAT)
    return _mapping(_Section(f"{_WHAT} {path}:", "", found), text)


class _Section(Section):
    """A table whose keys may name fields of the log."""

    def field(self, name: str) -> Field | None:
        value = self.take(name)
        return None if value is None else self.as_field(name, value)

    def as_field(self, name: str, value: Any) -> Field:
        """A field: keys joined by dots, or a list of keys."""
        keys = value.split(".") if isinstance(value, str) else value
        if not isinstance(keys, list) or not keys or not all(_is_key(key) for key in keys):
            raise self.fail(
                f"{self.key(name)} is {shown(value)}; allowed is a field's name, inner fields "
                "after a dot, or a list of names"
            )
        return Field(name=".".join(keys), keys=tuple(keys))

    def needed(self, name: str) -> Field:
        found = self.field(name)
        if found is None:
            raise self.fail(f"{self.key(name)} is missing; name the field")
        return found


def _is_key(key: object) -> bool:
    return isinstance(key, str) and key != "" and not set(key) & set('"\\') and key.isprintable()


def _mapping(top: _Section, text: str) -> TraceMapping:
    csv = top.table("csv")
    found = TraceMapping(
        text=text,
        file=top.choice("file", FILES),
        delimiter=_character(csv, "delimiter") or ",",
        separator=_character(csv, "separator"),
        request_id=top.field("request_id"),
        error=top.field("error"),
        labels=_labels(top),
        counts=_counts(top),
        arrival=_moment(top.table("arrival"), (CLOCK,)),
        chunks=_chunks(top.table("chunks")),
        moments=_moments(top),
        status=_status(top.table("status")),
        dimensions=_dimensions(top.table("dimensions")),
    )
    if csv is not None:
        csv.done()
    top.done()
    _check(top, found)
    return found


def _character(section: _Section | None, name: str) -> str | None:
    value = section.text(name) if section else None
    if section and value is not None and (len(value) != 1 or value in '"\r\n' or ord(value) > 127):
        raise section.fail(f"{section.key(name)} is {value!r}; allowed is one ASCII character")
    return value


def _labels(top: _Section) -> tuple[Label, ...]:
    found = []
    for column, allowed in LABELS.items():
        value = top.take(column)
        if isinstance(value, dict):
            inner = _Section(top.where, column, value)
            fixed = inner.choice("value", allowed) if allowed else inner.text("value")
            inner.done()
            if fixed is None:
                raise top.fail(f"{column}.value is missing; give the value of all rows")
            found.append(Label(column=column, value=fixed))
        elif value is not None:
            found.append(Label(column=column, field=top.as_field(column, value)))
    return tuple(found)


def _counts(top: _Section) -> tuple[tuple[str, Field], ...]:
    found = ((name, top.field(name)) for name in COUNTS)
    return tuple((name, field) for name, field in found if field is not None)


def _moments(top: _Section) -> tuple[tuple[str, Moment], ...]:
    found = ((name, _moment(top.table(name), (ARRIVAL, CLOCK))) for name in TIMES)
    return tuple((name, moment) for name, moment in found if moment is not None)


def _moment(section: _Section | None, since: tuple[str, ...], name: str = "field") -> Moment | None:
    """The time that a section says; ``name`` is the key of its field, ``since`` what it may count from."""
    if section is None:
        return None
    field = section.needed(name)
    unit = section.choice("unit", (ISO, *UNITS))
    if unit is None:
        raise section.fail(
            f"{section.key('unit')} is missing; allowed are {', '.join((ISO, *UNITS))}"
        )
    origin = section.choice("from", since) if since != (CLOCK,) else CLOCK
    zone = _zone(section, unit)
    if unit == ISO and origin in (ARRIVAL, PREVIOUS):
        raise section.fail(f"{section.key('from')} is {origin!r}, but iso times are on the clock")
    if origin is None and unit != ISO:
        raise section.fail(f"{section.key('from')} is missing; allowed are {', '.join(since)}")
    section.done()
    return Moment(field=field, unit=unit, since=origin or CLOCK, zone=zone)


def _zone(section: _Section, unit: str) -> tzinfo | None:
    name = section.text("zone")
    if name is None:
        return None
    if unit != ISO:
        raise section.fail(f"{section.key('zone')} is for unit iso; numbers have no zone")
    try:
        return zone_of(name)
    except ValueError as error:
        raise section.fail(
            f"{section.key('zone')} is {name!r}; allowed are UTC, +02:00 and names like Europe/Berlin"
        ) from error


def _chunks(section: _Section | None) -> Chunks | None:
    if section is None:
        return None
    sizes, first = section.field("sizes"), section.field("first")
    times = _moment(section, (ARRIVAL, CLOCK, PREVIOUS), "times")
    assert times is not None
    if first is not None and times.since != PREVIOUS:
        raise section.fail('chunks.first is for gaps; give from = "previous", or leave it out')
    return Chunks(times=times, sizes=sizes, first=first)


def _status(section: _Section | None) -> Status | None:
    if section is None:
        return None
    field, other = section.needed("field"), section.choice("other", STATUSES)
    values = section.table("values")
    section.done()
    pairs = values.rest() if values else {}
    for name, meaning in pairs.items():
        if meaning not in STATUSES:
            raise section.fail(
                f"status.values.{name} is {shown(meaning)}; allowed are {', '.join(STATUSES)}"
            )
    return Status(field=field, values=tuple(pairs.items()), other=other)


def _dimensions(section: _Section | None) -> tuple[Carried, ...]:
    given = section.rest() if section else {}
    return tuple(_carried(section, name, value) for name, value in given.items() if section)


def _carried(section: _Section, name: str, value: Any) -> Carried:
    if name in _RESERVED:
        raise section.fail(f"{section.key(name)} is a column of its own; give another name")
    if not isinstance(value, dict):
        return Carried(column=name, field=section.as_field(name, value), type="text")
    inner = _Section(section.where, section.key(name), value)
    kind = inner.choice("type", TYPES)
    field = inner.needed("field")
    inner.done()
    return Carried(column=name, field=field, type=kind or "text")


def _check(top: _Section, found: TraceMapping) -> None:
    """What no key alone can tell."""
    times = found.times()
    if not times:
        raise top.fail("no times; give [arrival], and [chunks] or [first_token] and [last_token]")
    if found.arrival is None and any(moment.since == CLOCK for moment in times):
        raise top.fail("times on the clock need [arrival], which they are counted from")
    keys = [field.keys for field in found.fields()]
    for inner in keys:
        for outer in keys:
            if outer != inner and inner[: len(outer)] == outer:
                raise top.fail(f"{'.'.join(outer)} and {'.'.join(inner)} are one inside the other")
