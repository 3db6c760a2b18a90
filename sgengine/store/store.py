"""The results store as one object."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from os import PathLike, fspath

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from sgengine.errors import DataError, UsageError
from sgengine.store.columns import delta_schema
from sgengine.store.commit import make_commit
from sgengine.store.damage import Damage
from sgengine.store.entries import input_app, seq_app
from sgengine.store.guard import first_line
from sgengine.store.layout import LAYOUT, MARKER, OWN, STORE_TABLES, VIEWS, StoreTable
from sgengine.store.mend import mend
from sgengine.store.night import Commit, Committed, Night, NightFacts, Ticket, checked_job
from sgengine.store.place import Place, told
from sgengine.store.places import is_store, place_of
from sgengine.store.snapshot import Snapshot, load, load_requests
from sgengine.store.staging import MEMORY_BYTES, Staging
from sgengine.store.steps import step
from sgengine.store.vacuum import RETENTION, vacuum
from sgengine.store.verify import Verified, verify
from sgengine.store.versions import checked_version

_CONFIGURATION: dict[str, str | None] = {
    "delta.checkpointInterval": "10",  # the logs of a year open in half the time that 100 takes
    "delta.deletedFileRetentionDuration": "interval 30 days",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.enableExpiredLogCleanup": "false",
}


class Store:
    """The results of many nights in one place: committed once, whatever happens, and open to readers.

    ``with store.stage(store.begin(nights)) as staging: ...; store.commit(staging, facts)``.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    @property
    def root(self) -> str:
        """Where it is."""
        return self._place.root

    @classmethod
    @told
    def create(cls, root: str | PathLike[str]) -> Store:
        """The store at ``root``, made if there is none; safe when several do it at once."""
        place = place_of(fspath(root))
        if not is_store(root):
            _refuse_others(place)
            for table in STORE_TABLES.values():
                _create_table(place, table)
                step(f"created {table.name}")
            marker = json.dumps({"layout": LAYOUT})
            place.publish(MARKER, marker.encode())
            step("created store")
        return cls.open(root)

    @classmethod
    def open(cls, root: str | PathLike[str]) -> Store:
        """The store at ``root``; UsageError if there is none, DataError if it is of another layout."""
        place = place_of(fspath(root))
        try:
            marker = json.loads(place.read(MARKER))
            layout = marker["layout"]
        except (FileNotFoundError, NotADirectoryError):
            if is_store(root):
                raise DataError(f"store '{fspath(root)}' lost its {MARKER}") from None
            raise UsageError(
                f"'{fspath(root)}' is no store: give one, or make one by sgengine analyze --store"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{place.uri(MARKER)} cannot be read: {first_line(error)}") from error
        if layout != LAYOUT:
            raise DataError(
                f"store '{fspath(root)}' has layout {layout}, and this sgengine knows {LAYOUT}: "
                "use the version that wrote it"
            )
        return cls(place)

    @staticmethod
    def is_store(path: str | PathLike[str]) -> bool:
        """Whether there is a store at ``path``."""
        return is_store(path)

    def snapshot(self, at: int | datetime | None = None) -> Snapshot:
        """The files to read now, at a version, or as they were at a time; DataError if damaged."""
        return load(self._place, None if at is None else checked_version(self._place, at))[1]

    def begin(self, nights: Sequence[Night]) -> Ticket:
        """Leave to replace ``nights``, which are of one job."""
        jobs = {night.job for night in nights}
        if len(jobs) != 1:
            raise UsageError(f"a commit is of one job, and here are {len(jobs)}: {sorted(jobs)}")
        requests, _ = load_requests(self._place)
        return Ticket(
            job=checked_job(jobs.pop()),
            version=requests.version(),
            columns=pa.schema(requests.schema().to_arrow()),
            committed={night.day: _committed(requests, night) for night in nights},
        )

    def begin_job(self, job: str, *, whole: bool = True) -> Ticket:
        """Leave to replace the days of a job that its rows will tell; ``whole``: and all others."""
        requests, _ = load_requests(self._place)
        return Ticket(
            job=checked_job(job),
            version=requests.version(),
            columns=pa.schema(requests.schema().to_arrow()),
            committed={},
            any_day=True,
            whole_job=whole,
        )

    def stage(self, ticket: Ticket, *, memory_bytes: int = MEMORY_BYTES) -> Staging:
        """A place for the rows of the commit; no reader sees them yet."""
        return Staging(self._place, ticket, memory_bytes)

    def commit(self, staging: Staging, facts: NightFacts) -> Commit:
        """Make the rows of ``staging`` what the store has of its nights, all of them at once."""
        return make_commit(self._place, staging, facts)

    @told
    def vacuum(self, *, retention: timedelta = RETENTION, dry_run: bool = False) -> tuple[str, ...]:
        """Remove the files that no version of the last ``retention`` reaches; their paths.

        ``dry_run`` removes none. With a short retention let no job run beside it: files that a job
        staged longer ago than that would go.
        """
        return vacuum(self._place, retention=retention, dry_run=dry_run)

    def lock(self, wait_s: float) -> AbstractContextManager[None]:
        """Wait for other writers, at most so long: two jobs then follow each other.

        It spares work; what keeps commits apart is the commit.
        """
        return self._place.lock(wait_s)

    def verify(self) -> Verified:
        """Look at every log entry and every byte of every live file; what is damaged, by name."""
        return verify(self._place)

    def mend(self) -> tuple[Damage, ...]:
        """Set aside newest log entries that are empty or cut, and damaged checkpoints."""
        return mend(self._place)

    @told
    def publish_views(self, text: str) -> None:
        """Replace views.sql, which shells of DuckDB open the store with."""
        self._place.publish(VIEWS, text.encode())
        step("views")


def _create_table(place: Place, table: StoreTable) -> None:
    """An empty table, unless another process makes it first."""
    uri, options = place.uri(table.name), dict(place.options) or None
    try:
        DeltaTable.create(
            uri,
            schema=delta_schema(table),
            partition_by=list(table.partitions),
            mode="ignore",
            configuration=_CONFIGURATION,
            storage_options=options,
        )
    except (DeltaError, OSError) as error:
        if not DeltaTable.is_deltatable(uri, options):
            raise DataError(f"no store can be made at {place.root}: {first_line(error)}") from error
    place.sync_entry(table.name, 0)


def _committed(requests: DeltaTable, night: Night) -> Committed:
    digest = requests.transaction_version(input_app(night))
    return Committed(
        seq=requests.transaction_version(seq_app(night)) or 0,
        input_digest=None if digest is None or digest < 0 else digest,
    )


def _refuse_others(place: Place) -> None:
    """UsageError for a folder that holds anything but a store, or what is being made one."""
    others = sorted(place.names() - {OWN, *STORE_TABLES})
    if others:
        raise UsageError(
            f"'{place.root}' holds {others[0]} and is no store: give a new or an empty folder"
        )
