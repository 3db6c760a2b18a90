"""The options that choose nights of a store, and the store itself as an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from sgengine.cli.commands import option
from sgengine.errors import UsageError

if TYPE_CHECKING:
    from sgengine.analyze.stored_files import Wanted

Function = Callable[..., Any]

STORE = "Store"
"""The heading of options that concern stores."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which nights, in the user's spelling."""

    job: str | None
    day: str | None
    since: str | None
    until: str | None

    @property
    def is_given(self) -> bool:
        """Whether any of them is chosen."""
        return any(getattr(self, field.name) is not None for field in fields(self))

    def bounds(self) -> tuple[date | None, date | None]:
        """The first and the last night; UsageError for what is no day, or both ways of saying it."""
        if self.day is not None and (self.since or self.until):
            raise UsageError("--day and --since or --until are given: give one night, or a range")
        since, until = self.since or self.day, self.until or self.day
        return (
            None if since is None else parse_day(since, "since" if self.since else "day"),
            None if until is None else parse_day(until, "until" if self.until else "day"),
        )

    def wanted(self, *, system: str | None = None, workload: str | None = None) -> Wanted:
        """The rows of these nights, of one system or workload if named."""
        from sgengine.analyze.stored_files import Wanted

        since, until = self.bounds()
        return Wanted(job=self.job, since=since, until=until, system=system, workload=workload)


def parse_day(text: str, what: str) -> date:
    """A day in ISO 8601; UsageError, naming the option ``what``, for anything else."""
    try:
        if len(text) != len("2026-01-31"):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--{what} is '{text}': give a day, as in 2026-01-31") from error


_OPTIONS = (
    option(
        STORE,
        "--job",
        metavar="NAME",
        help="Of a store: the nights of this job alone.  [default: all jobs]",
    ),
    option(
        STORE,
        "--day",
        metavar="D",
        help="Of a store: this night alone, as in 2026-01-31.  [default: all nights]",
    ),
    option(
        STORE,
        "--since",
        metavar="D",
        help="Of a store: this night and later ones.  [default: from the first]",
    ),
    option(
        STORE,
        "--until",
        metavar="D",
        help="Of a store: this night and earlier ones.  [default: to the last]",
    ),
)


def selection_options(verb: Function) -> Function:
    """Give a verb the options that choose nights; it gets them as one ``Selection``, ``nights``."""

    @wraps(verb)
    def call(**given: Any) -> Any:
        chosen = Selection(**{field.name: given.pop(field.name) for field in fields(Selection)})
        return verb(nights=chosen, **given)

    decorated: Function = call
    for decorator in reversed(_OPTIONS):
        decorated = decorator(decorated)
    return decorated


def store_argument(verb: Function) -> Function:
    """Give a verb the argument STORE, named ``store``."""
    return click.argument("store", metavar="STORE")(verb)
