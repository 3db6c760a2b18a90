"""Results stores looked at: what ``Store.verify`` names, as findings with what to do about each."""

from __future__ import annotations

from collections.abc import Sequence

from sgengine.check.checked import Checked, together
from sgengine.check.findings import Example, Finding, finding
from sgengine.errors import DataError, UsageError
from sgengine.store import Damage, Store, Verified


def check_stores(roots: Sequence[str]) -> Checked:
    """Look at the stores at ``roots``: every log entry, and every byte of every live file.

    A finding a store and kind; it has the first place, by name, for an example and counts them all.
    """
    return together(map(_check, roots))


def _check(root: str) -> Checked:
    try:
        verified = Store.open(root).verify()
    except DataError as error:  # not even its layout can be read
        found = finding("layout_unreadable", 1, str(error), example=Example(source=root))
        return Checked(findings=(found,), sources=1, runs=0, rows=0, requests=0)
    return Checked(
        findings=_findings(root, verified),
        sources=1,
        runs=verified.runs,
        rows=verified.rows,
        requests=verified.requests,
    )


def _findings(root: str, verified: Verified) -> tuple[Finding, ...]:
    by_kind: dict[str, list[Damage]] = {}
    for damage in verified.damages:
        by_kind.setdefault(damage.kind, []).append(damage)
    return tuple(_first(root, kind, damages) for kind, damages in by_kind.items())


def _first(root: str, kind: str, damages: Sequence[Damage]) -> Finding:
    """One finding for all of a kind; the same of the same store, in whatever order files are listed."""
    first = min(damages, key=lambda damage: damage.place)
    return finding(
        kind, len(damages), first.found, example=Example(source=root, request=first.place)
    )


def mend(inputs: Sequence[str]) -> tuple[Example, ...]:
    """Set aside what the stores among ``inputs`` can do without; where each of it was.

    UsageError if none of them is a store.
    """
    roots = [given for given in inputs if Store.is_store(given)]
    if not roots:
        raise UsageError(f"--mend is for stores, and none of {', '.join(inputs)} is one")
    return tuple(
        Example(source=root, request=damage.place)
        for root in roots
        for damage in Store.open(root).mend()
    )
