"""Which run, system and workload the rows of a source belong to."""

from __future__ import annotations

from dataclasses import dataclass

from sgengine.readers.base import DEFAULT_WORKLOAD, ReadOptions, Source

NAMED = ("run", "system", "workload")


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names for rows that have none, and which of them replace those that rows have."""

    run: str
    system: str
    workload: str
    forced: tuple[str, ...]


def names(
    source: Source,
    options: ReadOptions,
    *,
    system: str | None = None,
    suffix: str = "",
) -> Names:
    """Names by precedence: option, what the file says (``system``), label, the source's name.

    ``suffix`` tells several runs of one file apart.
    """
    return Names(
        run=(options.run or source.name) + suffix,
        system=options.system or system or source.label or source.name,
        workload=options.workload or DEFAULT_WORKLOAD,
        forced=tuple(name for name in NAMED if getattr(options, name) is not None),
    )
