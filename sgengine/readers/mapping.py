"""A mapping: which fields of a team's own log hold what, and what they mean. See docs/mapping.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from sgengine.schema.enums import CLOCKS, LISTED_TIMINGS, ORIGINS

FILES = ("csv", "json", "parquet")
ISO = "iso"
ARRIVAL, CLOCK, PREVIOUS = "arrival", "clock", "previous"
TYPES = ("text", "int", "float", "bool")
COUNTS = ("input_tokens", "output_tokens", "reasoning_tokens")
LABELS = {
    "run": (),
    "system": (),
    "workload": (),
    "clock": CLOCKS,
    "origin": ORIGINS,
    "timing": LISTED_TIMINGS,
}
"""Keys that take a field, or one value for all rows; and the values allowed there, if not any."""

TIMES = ("first_token", "last_token", "end", "first_visible_token")
"""Tables that say where one time of a request is."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """Where a value is: the keys from the outermost in. ``name`` is how the mapping spells it."""

    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Label:
    """A column that is the same for all rows (``value``) or a field of the row."""

    column: str
    field: Field | None = None
    value: str | None = None


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A time: its field, the unit of its numbers or ``iso``, and what it counts from.

    ``since`` is ``arrival``; ``clock`` for the clock of the arrival; ``previous`` for gaps between
    chunks. ``zone`` is that of texts which name none.
    """

    field: Field
    unit: str
    since: str
    zone: tzinfo | None = None


@dataclass(frozen=True, kw_only=True)
class Chunks:
    """The list of chunk times, the list of their sizes, and the first time where gaps follow it."""

    times: Moment
    sizes: Field | None = None
    first: Field | None = None


@dataclass(frozen=True, kw_only=True)
class Status:
    """The field of the status, what its values mean, and what all others mean."""

    field: Field
    values: tuple[tuple[str, str], ...] = ()
    other: str | None = None


@dataclass(frozen=True, kw_only=True)
class Carried:
    """A dimension: its column, field and type."""

    column: str
    field: Field
    type: str


@dataclass(frozen=True, kw_only=True)
class TraceMapping:
    """Everything a mapping says; ``text`` is the file's own text."""

    text: str
    file: str | None
    delimiter: str
    separator: str | None
    request_id: Field | None
    error: Field | None
    labels: tuple[Label, ...]
    counts: tuple[tuple[str, Field], ...]
    arrival: Moment | None
    chunks: Chunks | None
    moments: tuple[tuple[str, Moment], ...]
    status: Status | None
    dimensions: tuple[Carried, ...]

    def moment(self, name: str) -> Moment | None:
        """The time of this section, of those but arrival and chunks."""
        return dict(self.moments).get(name)

    def label(self, column: str) -> Label | None:
        """What the mapping says of a label column."""
        return next((label for label in self.labels if label.column == column), None)

    def fields(self) -> tuple[Field, ...]:
        """All fields that are read, each once."""
        found = [self.request_id, self.error, self.status.field if self.status else None]
        found += [label.field for label in self.labels] + [field for _, field in self.counts]
        found += [moment.field for moment in self.times()]
        found += [self.chunks.sizes, self.chunks.first] if self.chunks else []
        found += [carried.field for carried in self.dimensions]
        return tuple({field.keys: field for field in found if field is not None}.values())

    def times(self) -> tuple[Moment, ...]:
        """Everything that holds times."""
        chunks = (self.chunks.times,) if self.chunks else ()
        arrival = (self.arrival,) if self.arrival else ()
        return (*arrival, *chunks, *(moment for _, moment in self.moments))

    def needed(self) -> tuple[Field, ...]:
        """The fields without which the mapping does not fit a file."""
        arrival = self.arrival.field if self.arrival else None
        chunks = self.chunks.times.field if self.chunks else None
        return tuple(field for field in (self.request_id, arrival, chunks) if field is not None)
