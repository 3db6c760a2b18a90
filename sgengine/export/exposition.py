"""Prometheus' text exposition format, version 0.0.4: families of samples as lines.

A figure that is undefined has no sample: never 0, never NaN.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

Labels = Mapping[str, str]

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_]+")
_UNITS = {"s": "seconds"}
_INFINITE = "+Inf"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One line: the family's name with ``suffix`` behind it, labels and a finite value."""

    labels: Labels
    value: float
    suffix: str = ""


@dataclass(frozen=True, kw_only=True)
class Family:
    """One metric: its name, type (gauge, summary or histogram), meaning and samples."""

    name: str
    kind: str
    doc: str
    samples: tuple[Sample, ...]


def prometheus_name(name: str, unit: str) -> str:
    """An OpenTelemetry name in Prometheus: dots become underscores, the unit in words a suffix."""
    stem = _NOT_IN_NAMES.sub("_", name).strip("_")
    suffix = _UNITS.get(unit, unit)
    return stem if not suffix or stem.endswith(f"_{suffix}") else f"{stem}_{suffix}"


def histogram_samples(
    labels: Labels, bounds: Sequence[float], upto: Sequence[int], count: int, total: float
) -> Iterator[Sample]:
    """A classic histogram: ``upto`` values are at most each of ``bounds``, ``count`` in all."""
    for bound, at_most in zip(bounds, upto, strict=True):
        yield Sample(labels={**labels, "le": number(bound)}, value=at_most, suffix="_bucket")
    yield Sample(labels={**labels, "le": _INFINITE}, value=count, suffix="_bucket")
    yield Sample(labels=labels, value=total, suffix="_sum")
    yield Sample(labels=labels, value=count, suffix="_count")


def render(families: Iterable[Family]) -> str:
    """All families that have a sample, in order."""
    return "".join(f"{line}\n" for family in families if family.samples for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    doc = family.doc.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {family.name} {doc}"
    yield f"# TYPE {family.name} {family.kind}"
    for sample in family.samples:
        labels = ",".join(f'{name}="{_escaped(text)}"' for name, text in sample.labels.items())
        braced = f"{{{labels}}}" if labels else ""
        yield f"{family.name}{sample.suffix}{braced} {number(sample.value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def number(value: float) -> str:
    """The shortest text that reads back as ``value``; whole numbers without a point, as Go has them.

    ``le`` is compared as text by Prometheus 2: 1 and 1.0 would be two buckets.
    """
    if value == int(value) and abs(value) < 2**53:
        return str(int(value))
    return repr(float(value))
