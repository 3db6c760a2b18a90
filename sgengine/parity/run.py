"""``parity``: from inputs to rows of stated, recomputed and own figures."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath

import numpy as np

from sgengine.errors import DataError, FormatError
from sgengine.parity.compare import rows
from sgengine.parity.evidence import Evidence
from sgengine.parity.inputs import Given, files_of
from sgengine.parity.ours import Ours, figures_of
from sgengine.parity.recognise import CLIENTS, Client, recognise
from sgengine.parity.result import LeftOut, Parity, RunParity
from sgengine.readers.faults import FOREIGN, one_line

Inputs = str | PathLike[str] | Sequence[str | PathLike[str]]

_BROKEN = (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What numbers that contradict each other may raise on the way."""


def parity(inputs: Inputs) -> Parity:
    """Recompute the figures that clients state in ``inputs`` by the clients' own rules.

    ``inputs``: files, folders or globs; what wrote a file is told by its content, and its summary is
    looked for beside it. Raises UsageError for a path that is not there, DataError if no input states
    a client's figures.
    """
    given = [inputs] if isinstance(inputs, str | PathLike) else list(inputs)
    found = files_of([fspath(item) for item in given])
    runs: list[RunParity] = []
    skipped: list[LeftOut] = []
    failures: list[LeftOut] = []
    for file in found:
        _take(file, runs, skipped, failures)
    if not runs:
        _nothing(found, skipped, failures)
    return Parity(runs=tuple(runs), skipped=tuple(skipped), failures=tuple(failures))


def _nothing(
    found: Sequence[Given], skipped: Sequence[LeftOut], failures: Sequence[LeftOut]
) -> None:
    """Nothing to compare is an error, told by the first file."""
    if failures:
        raise DataError(failures[0].reason)
    first = skipped[0]
    if len(found) == 1:
        raise DataError(f"{first.path} {first.reason}")
    raise DataError(
        f"none of {len(found)} files states figures of a client that parity knows; the first: "
        f"{first.path} {first.reason}"
    )


def _unknown(left: LeftOut) -> str:
    return (
        f"{left.path} {left.reason}; parity takes result files of "
        f"{', '.join(client.name for client in CLIENTS)}"
    )


def _take(
    file: Given, runs: list[RunParity], skipped: list[LeftOut], failures: list[LeftOut]
) -> None:
    try:
        found = _recognised(file)
        if isinstance(found, LeftOut):
            skipped.append(found)
        else:
            runs.extend(_runs(file.path, found))
    except DataError as error:
        failures.append(LeftOut(path=file.path, reason=str(error)))


def _recognised(file: Given) -> Client | LeftOut:
    """The client of a file, or why it is left out."""
    try:
        found = recognise(file.path)
    except FormatError as error:
        if not file.is_named:
            return LeftOut(path=file.path, reason=one_line(error))
        raise
    except (*FOREIGN, ValueError) as error:
        if not file.is_named:
            return LeftOut(path=file.path, reason="cannot be read, or is empty")
        raise FormatError(f"{file.path} cannot be read: {one_line(error)}") from error
    if found.client is not None:
        return found.client
    left = LeftOut(path=file.path, reason=found.reason)
    if file.is_named and found.beside is None:
        raise DataError(_unknown(left))
    return left


def _runs(path: str, client: Client) -> list[RunParity]:
    with np.errstate(all="ignore"):
        evidence = _evidence(path, client)
        slo = next((run.slo for run in evidence if run.slo), ())
        ours = figures_of(path, slo)
        count = 1 + max((run.place or 0 for run in evidence), default=0)
        return [_run(path, run, ours, count) for run in evidence]


def _evidence(path: str, client: Client) -> list[Evidence]:
    try:
        return client.evidence(path)
    except (*FOREIGN, *_BROKEN) as error:
        raise FormatError(
            f"{path} is damaged: its values contradict each other ({one_line(error, 100)}); take it "
            "from the client again"
        ) from error


def _run(path: str, evidence: Evidence, ours: Ours, runs: int) -> RunParity:
    group = ours.of(evidence.place, runs)
    note = ours.note or (
        "no figures of ours: the rows do not say their stage"
        if evidence.place is None
        else "no figures of ours: its runs are not told apart as the client's are"
    )
    return RunParity(
        source=path,
        summary=evidence.summary_path or path,
        run=evidence.run,
        client=evidence.profile.client,
        version=evidence.version or evidence.profile.versions,
        rows=rows(evidence, group),
        note=note if group is None else None,
    )
