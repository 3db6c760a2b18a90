"""The options that choose nights of a store, and the store itself as an argument."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sgengine.cli.commands import option
from sgengine.errors import UsageError
from sgengine.objectives import parse_day

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

    def refuse(self) -> None:
        """Raise UsageError if any of them is chosen: traces have no nights."""
        for field in fields(self):
            if getattr(self, field.name) is not None:
                raise UsageError(
                    f"--{field.name} chooses nights of a store, and the inputs are traces: leave it out"
                )

    def unit(self) -> date | None:
        """The night that is written, None for those that requests arrive in; UsageError for a range."""
        if self.since is not None or self.until is not None:
            raise UsageError(
                "--since and --until choose nights to read: with --store leave them out"
            )
        return None if self.day is None else parse_day(self.day)

    def wanted(self, *, system: str | None = None, workload: str | None = None) -> Wanted:
        """The rows of these nights, of one system or workload if named; UsageError for a wrong day."""
        from sgengine.api.stored import wanted_nights

        found = wanted_nights(job=self.job, day=self.day, since=self.since, until=self.until)
        return replace(found, system=system, workload=workload)


_JOB = "Of a store: the nights of this job alone."
_DAY = "Of a store: this night alone, as in 2026-01-31."
_READ = {"--job": f"{_JOB}  [default: all jobs]", "--day": f"{_DAY}  [default: all nights]"}
_WRITTEN = {
    "--job": f"{_JOB} With --store: the job to commit under.  [default: all jobs; a job of its own, "
    "named by the inputs]",
    "--day": f"{_DAY} With --store: the night of all requests.  [default: all nights; the UTC day of "
    "each arrival]",
}
_RANGE = {
    "--since": "Of a store: this night and later ones.  [default: from the first]",
    "--until": "Of a store: this night and earlier ones.  [default: to the last]",
}


def selection_options(verb: Function) -> Function:
    """Give a verb the options that choose nights; it gets them as one ``Selection``, ``nights``."""
    return _with(_READ | _RANGE, verb)


def committing_options(verb: Function) -> Function:
    """The same for a verb that has ``--store``, too, and commits a night there."""
    return _with(_WRITTEN | _RANGE, verb)


def _with(helps: Mapping[str, str], verb: Function) -> Function:
    @wraps(verb)
    def call(**given: Any) -> Any:
        chosen = Selection(**{field.name: given.pop(field.name) for field in fields(Selection)})
        return verb(nights=chosen, **given)

    decorated: Function = call
    for name, text in reversed(list(helps.items())):
        metavar = "NAME" if name == "--job" else "D"
        decorated = option(STORE, name, metavar=metavar, help=text)(decorated)
    return decorated


def one_store(inputs: Sequence[str]) -> str | None:
    """The store that a verb's inputs name; None if they are traces. UsageError for a store among others."""
    stores = [path for path in inputs if _may_be_store(path) and _is_store(path)]
    if stores and len(inputs) > 1:
        raise UsageError(
            f"{stores[0]} is a store, and there are other inputs: give one store alone, or traces"
        )
    return stores[0] if stores else None


def _may_be_store(path: str) -> bool:
    """Without a heavy import: whether it is worth asking."""
    return "://" in path or any(Path(path, name).exists() for name in ("_sgengine", "requests"))


def _is_store(path: str) -> bool:
    from sgengine.store import Store

    return Store.is_store(path)


def store_argument(verb: Function) -> Function:
    """Give a verb the argument STORE, named ``store``."""
    return click.argument("store", metavar="STORE")(verb)
