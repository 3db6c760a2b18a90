"""How a client makes its figures, as data: one profile a client and version, one row a figure.

``at`` is where the file states a figure: keys joined by ``/``. In it ``{s}`` stands for the statistic
as the client spells it, another ``{name}`` for any key, ``*`` for any key that does not matter, and a
final ``**`` for everything below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from sgengine.parity.statistics import LINEAR, statistic_named


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far a recomputed figure may lie from the stated one, and why it may.

    ``relative`` to the larger of the two, ``percentiles`` the same for them where it differs;
    ``absolute`` in the figure's unit.
    """

    reason: str
    relative: float = 1e-9
    percentiles: float | None = None
    absolute: float = 0.0

    def share(self, statistic: str | None) -> float:
        """The relative part for a statistic."""
        is_percentile = (statistic or "").startswith("p")
        return self.percentiles if is_percentile and self.percentiles else self.relative


ROUNDING = Tolerance(reason="the same numbers added in another order")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure, or a family of them that differ in the statistic alone.

    ``name`` is the client's; ``doc`` says what is measured. ``source``: the samples or the number of
    the evidence that it is made of, where names of ``at`` stand for themselves. ``ours``: the figure
    of ``sgengine analyze`` beside it (``ours_of``: for these statuses alone), ``scale`` one of ours in
    the client's unit. ``why``: one line on
    why the two differ. ``empty``: what the client prints for no values; None: nothing. ``headline``:
    whether the table for people shows it.
    """

    name: str
    at: tuple[str, ...]
    doc: str
    source: str
    why: str
    population: str = "successful requests"
    percentile: str = LINEAR
    ddof: int = 0
    weighting: str = ""
    denominator: str = ""
    window: str = ""
    tolerance: Tolerance = ROUNDING
    ours: str | None = None
    ours_of: tuple[str, ...] = ()
    scale: float = 1.0
    empty: float | None = None
    headline: bool = True

    @property
    def is_family(self) -> bool:
        """Whether it is stated in several statistics."""
        return any("{s}" in pattern for pattern in self.at)

    @cached_property
    def patterns(self) -> tuple[re.Pattern[str], ...]:
        """``at``, compiled."""
        return tuple(compiled(pattern) for pattern in self.at)


@dataclass(frozen=True, kw_only=True)
class Closed:
    """Figures that a file states and nothing in it allows to recompute, and the reason."""

    at: tuple[str, ...]
    reason: str

    @cached_property
    def patterns(self) -> tuple[re.Pattern[str], ...]:
        """``at``, compiled."""
        return tuple(compiled(pattern) for pattern in self.at)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Numbers of a file that are no figures: what the run was asked to do, identities, times of day."""

    at: tuple[str, ...]

    @cached_property
    def patterns(self) -> tuple[re.Pattern[str], ...]:
        """``at``, compiled."""
        return tuple(compiled(pattern) for pattern in self.at)


Rule = Figure | Closed | Settings


@dataclass(frozen=True, kw_only=True)
class Profile:
    """All rules of one client in some versions; the first that fits a place in the file applies.

    ``files``: where the detail and the summary are. ``spellings``: statistics that this client calls
    otherwise than all others, with what they are.
    """

    client: str
    versions: str
    files: str
    rules: tuple[Rule, ...]
    spellings: tuple[tuple[str, str], ...] = ()

    def statistic(self, word: str) -> str | None:
        """The statistic that the client spells ``word``; None if it is none."""
        return dict(self.spellings).get(word) or statistic_named(word)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The rules that recompute something."""
        return tuple(rule for rule in self.rules if isinstance(rule, Figure))

    @property
    def closed(self) -> tuple[Closed, ...]:
        """The rules for what cannot be recomputed."""
        return tuple(rule for rule in self.rules if isinstance(rule, Closed))


_PART = re.compile(r"\{(\w+)\}|\*\*|\*")


def compiled(pattern: str) -> re.Pattern[str]:
    """The regular expression of a place."""
    parts, end = [], 0
    for found in _PART.finditer(pattern):
        parts.append(re.escape(pattern[end : found.start()]))
        if found[1]:
            parts.append(f"(?P<{found[1]}>[^/]+)")
        else:
            parts.append(".+" if found[0] == "**" else "[^/]+")
        end = found.end()
    parts.append(re.escape(pattern[end:]))
    return re.compile("".join(parts))


def placed(rule: Rule, path: str) -> dict[str, str] | None:
    """The names within ``path`` if the rule covers it, else None."""
    for pattern in rule.patterns:
        found = pattern.fullmatch(path)
        if found is not None:
            return found.groupdict()
    return None
