"""The commit: side tables first, then one transaction on requests that everything hangs on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from sgengine.errors import DataError
from sgengine.schema import NIGHTS
from sgengine.store.entries import (
    add_actions,
    add_columns,
    append,
    input_app,
    remove_actions,
    retried,
    seal_app,
    seq_app,
    write_entry,
)
from sgengine.store.guard import APP, damaged, open_table
from sgengine.store.layout import COMMIT_POINT, SIDES, STORE_TABLES
from sgengine.store.night import Commit, Night, NightConflict, NightFacts
from sgengine.store.place import Place, told
from sgengine.store.seal import Sealed, moved, seal
from sgengine.store.snapshot import DataFile, load_requests
from sgengine.store.staging import COUNTED, Staging
from sgengine.store.steps import step
from sgengine.store.writers import Staged

StagedFiles = Mapping[str, Sequence[Staged]]
"""The files of a commit by table."""


@told
def make_commit(place: Place, staging: Staging, facts: NightFacts) -> Commit:
    """Commit what ``staging`` holds, in place of all that the store has of its nights.

    The files are on disk before a log names them; the side tables name theirs before requests does.
    Raises NightConflict, with nothing visible, if one of the nights was committed since the ticket.
    """
    if not staging.days:
        raise DataError(f"job {staging.ticket.job} has no request with a day: give it with --day")
    swap = Swap(place, staging, facts)
    name = COMMIT_POINT.name
    swap.refuse_conflict(open_table(place.uri(name), name, options=place.options), swap.nights)
    staged = _finish(staging, facts, swap)
    place.sync_folders(file.path for files in staged.values() for file in files)
    step("staged")
    staging.is_published = True
    for table in SIDES:
        if staged[table.name]:
            append(place, table, staging.commit_id, staged[table.name])
    requests = staged[COMMIT_POINT.name]
    version = swap.run(staged)
    return Commit(
        commit_id=staging.commit_id,
        version=version,
        nights=swap.nights,
        requests=sum(file.rows for file in requests),
        files=len(requests),
    )


class Swap:
    """Replaces the nights of a commit in requests, against what the ticket saw of them."""

    def __init__(self, place: Place, staging: Staging, facts: NightFacts) -> None:
        self.nights = tuple(Night(staging.ticket.job, day) for day in staging.days)
        self._place, self._staging = place, staging
        self._ticket = staging.ticket
        self._digest = -1 if facts.input_digest is None else facts.input_digest
        self._seen: DeltaTable | None = None
        self._tried: int | None = None

    def seq(self, night: Night) -> int:
        """How often the night was committed when the ticket was taken."""
        if night.day in self._ticket.committed:
            return self._ticket.committed[night.day].seq
        if self._seen is None:
            uri, version = self._place.uri(COMMIT_POINT.name), self._ticket.version
            options = self._place.options
            self._seen = open_table(uri, COMMIT_POINT.name, version=version, options=options)
        return self._seen.transaction_version(seq_app(night)) or 0

    def refuse_conflict(self, requests: DeltaTable, nights: Sequence[Night]) -> None:
        """NightConflict if a night was committed since the ticket was taken."""
        for night in nights:
            if (requests.transaction_version(seq_app(night)) or 0) != self.seq(night):
                raise NightConflict(
                    f"{night} was committed by another run since this one began: nothing of this run "
                    "was kept; run it again to replace that"
                )

    def run(self, staged: StagedFiles) -> int:
        """Make the commit; the version that it made."""
        version = retried(lambda: self._attempt(staged), f"commit {self._staging.commit_id}")
        step("durable")
        self._verify(staged)
        step("verified")
        return version

    def _attempt(self, staged: StagedFiles) -> int | None:
        """One try: the version in which the commit is live, be it by an earlier try that failed late.

        None to try again, with the table's new columns.
        """
        requests, live = load_requests(self._place)
        if any(file.commit_id == self._staging.commit_id for file in live):
            return self._synced(requests.version())
        schemas = [file.schema for file in staged[COMMIT_POINT.name]]
        if add_columns(self._place, requests, COMMIT_POINT, schemas):
            return None
        nights = self._replaced(live)
        self.refuse_conflict(requests, nights)
        gone = [file for file in live if file.night in nights]
        actions: list[AddAction | RemoveAction] = [
            *add_actions(staged[COMMIT_POINT.name]),
            *remove_actions(gone),
        ]
        apps = self._apps(requests, nights, staged)
        commit_id = self._staging.commit_id
        self._tried = requests.version() + 1
        step("swap")
        version = write_entry(self._place, requests, COMMIT_POINT, actions, commit_id, apps)
        step("committed")
        return self._synced(version)

    def _synced(self, version: int) -> int:
        """``version``, with the entries that may be ours on disk."""
        for number in range(version if self._tried is None else self._tried, version + 1):
            self._place.sync_entry(COMMIT_POINT.name, number)
        return version

    def _replaced(self, live: Sequence[DataFile]) -> tuple[Night, ...]:
        """The nights of this commit, and for a whole job all that the store has of it."""
        if not self._ticket.whole_job:
            return self.nights
        held = {file.night for file in live if file.night.job == self._ticket.job}
        return tuple(sorted(held | set(self.nights)))

    def _apps(
        self, requests: DeltaTable, nights: Sequence[Night], staged: StagedFiles
    ) -> dict[str, int]:
        """The transactions of the commit: counts and digests of its nights, seals of every table."""
        apps = {seq_app(night): self.seq(night) + 1 for night in nights}
        apps |= {input_app(night): self._digest for night in nights}
        for table in STORE_TABLES:
            mine = {night: seal(_sealed(staged[table], night)) for night in nights}
            before = [requests.transaction_version(seal_app(night, table)) or 0 for night in nights]
            apps |= {seal_app(night, table): share for night, share in mine.items()}
            apps[APP + table] = moved(
                requests.transaction_version(APP + table) or 0,
                without=sum(before),
                added=sum(mine.values()),
            )
        return apps

    def _verify(self, staged: StagedFiles) -> None:
        """DataError unless the store has exactly our files of our nights, or a later commit's."""
        requests, live = load_requests(self._place)
        for night in self.nights:
            if requests.transaction_version(seq_app(night)) != self.seq(night) + 1:
                continue
            found = {file.sealed for file in live if file.night == night}
            if found != set(_sealed(staged[COMMIT_POINT.name], night)):
                raise damaged(COMMIT_POINT.name, f"{night} is not what was committed")


def _sealed(files: Sequence[Staged], night: Night) -> list[Sealed]:
    """What seals cover of those files that belong to a night."""
    day = str(night.day)
    return [
        Sealed(file.path.rpartition("/")[2], file.size, file.rows, tuple(file.values.values()))
        for file in files
        if file.values["day"] == day
    ]


def _finish(staging: Staging, facts: NightFacts, swap: Swap) -> dict[str, list[Staged]]:
    """Every file of the commit, written and on disk."""
    requests = staging.finish_requests()
    files = Counter(file.values["day"] for file in requests)
    nights = _nights_table(staging, facts, swap, files)
    return {COMMIT_POINT.name: requests, **staging.finish_sides(nights)}


def _nights_table(
    staging: Staging, facts: NightFacts, swap: Swap, files: Mapping[str, int]
) -> pa.Table:
    """The rows of NIGHTS: what was counted, and what the job says."""
    said = vars(facts)
    rows = []
    for night in swap.nights:
        counts = staging.counts[night.day]
        rows.append(
            {name: said.get(name) for name in NIGHTS.names}
            | dict(facts.settings_row)
            | {name: counts[name] for name in COUNTED}
            | {
                "commit_id": staging.commit_id,
                "job": night.job,
                "day": night.day,
                "seq": swap.seq(night) + 1,
                "committed_at_ns": time.time_ns(),
                "files": files[str(night.day)],
            }
        )
    return pa.Table.from_pylist(rows, schema=NIGHTS.schema())
