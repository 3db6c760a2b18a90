"""Two clients of a store against a model: begin, stage, commit, abandon, vacuum and read, in any order."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sgengine.errors import DataError, UsageError
from sgengine.store import Night, NightConflict, Staging, Store, Ticket
from tests.effort import faults
from tests.store import rows
from tests.store.actors import FACTS
from tests.store.conftest import MEMORY, has_room
from tests.store.oracle import expected, read, read_delta
from tests.store.rows import Told, day

JOBS = ("nightly", "job/2 ü%")
TURNS = st.integers(0, 1)
"""Which of the clients that can do a thing does it."""

DIMENSIONS = st.sampled_from([{}, {}, {"model": "m"}, {"tenant": "t", "Region": "eu"}])


@dataclass(eq=False)
class Client:
    """One client on its way: its ticket, what the store held of each night then, what it staged."""

    ticket: Ticket
    seqs: dict[Night, int]
    days: tuple[date, ...]
    whole_job: bool
    staging: Staging | None = None
    nights: tuple[Told, ...] = ()
    dimensions: tuple[str, ...] = ()


class Clients(RuleBasedStateMachine):
    """The model: what each night holds, how often it was committed, what each version held."""

    @initialize(two=st.booleans(), whole=st.booleans())
    def make(self, two: bool, whole: bool) -> None:
        """An empty store, or one on which two clients have staged the same night."""
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if has_room(MEMORY) else None))
        self.root = self.folder / "store"
        self.store = Store.create(self.root)
        self.held: dict[Night, Told] = {}
        self.seqs: dict[Night, int] = {}
        self.dimensions: set[str] = set()
        self.versions: dict[int, dict[Night, Told]] = {0: {}}
        self.clients: list[Client] = []
        self.revision = 0
        for turn in range(2 * two):
            self.begin(JOBS[0], {0}, whole and turn == 0, True, {})

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        try:
            for client in self.staged:
                client.staging.__exit__(None, None, None)
            self.finish()
        finally:
            shutil.rmtree(self.folder)

    def finish(self) -> None:
        joined = [told for told in self.held.values() if told.requests]  # by their rows
        assert read_delta(self.root) == expected(joined)
        frame = pl.scan_delta(str(self.root / "requests")).collect()
        assert frame.height == sum(told.requests for told in self.held.values())
        assert self.dimensions <= {*frame.columns}
        kinds = {damage.kind for damage in self.store.verify().damages}
        assert kinds <= {"orphan_file", "views_stale"}

    @precondition(lambda self: len(self.clients) < 2)
    @rule(
        job=st.sampled_from(JOBS),
        days=st.sets(st.integers(0, 2), min_size=1),
        whole=st.booleans(),
        at_once=st.booleans(),
        dimensions=DIMENSIONS,
    )
    def begin(
        self, job: str, days: set[int], whole: bool, at_once: bool, dimensions: dict[str, str]
    ) -> None:
        chosen = tuple(day(number) for number in sorted(days))
        nights = [Night(job, each) for each in chosen]
        ticket = self.store.begin_job(job) if whole else self.store.begin(nights)
        if not whole:
            assert {night: ticket.committed[night.day].seq for night in nights} == {
                night: self.seqs.get(night, 0) for night in nights
            }
        client = Client(ticket, dict(self.seqs), chosen, whole)
        self.clients.append(client)
        if at_once:
            self.fill(client, dimensions, is_empty=False)

    @property
    def unstaged(self) -> list[Client]:
        return [client for client in self.clients if client.staging is None]

    @property
    def staged(self) -> list[Client]:
        return [client for client in self.clients if client.staging is not None]

    @precondition(lambda self: self.unstaged)
    @rule(turn=TURNS, dimensions=DIMENSIONS, is_empty=st.booleans())
    def stage(self, turn: int, dimensions: dict[str, str], is_empty: bool) -> None:
        self.fill(self.unstaged[turn % len(self.unstaged)], dimensions, is_empty)

    def fill(self, client: Client, dimensions: dict[str, str], is_empty: bool) -> None:
        self.revision += 1
        size = 0 if is_empty and not client.whole_job else None
        client.nights = tuple(
            Told(revision=self.revision, job=client.ticket.job, day=each, rows=size)
            for each in client.days
        )
        client.staging = self.store.stage(client.ticket).__enter__()
        client.dimensions = () if is_empty else tuple(dimensions)
        for told in client.nights:
            client.staging.write(rows.requests(told, **dimensions), day=told.day)
            client.staging.gaps(rows.gaps(told), day=told.day)
            client.staging.rejects(rows.rejects(told), day=told.day)
            client.staging.runs(rows.runs(told), day=told.day)

    @precondition(lambda self: self.staged)
    @rule(turn=TURNS)
    def commit(self, turn: int) -> None:
        client = self.staged[turn % len(self.staged)]
        self.clients.remove(client)
        assert client.staging is not None
        mine = {Night(told.job, told.day): told for told in client.nights}
        job = client.ticket.job
        replaced = {night for night in self.held if client.whole_job and night.job == job} | {*mine}
        with client.staging:
            if any(self.seqs.get(night, 0) != client.seqs.get(night, 0) for night in replaced):
                with pytest.raises(NightConflict):
                    self.store.commit(client.staging, FACTS)
                return
            made = self.store.commit(client.staging, FACTS)
        assert {*made.nights} == {*mine}
        for night in replaced:
            self.held.pop(night, None)
            self.seqs[night] = self.seqs.get(night, 0) + 1
        self.held |= mine
        self.dimensions |= {*client.dimensions}
        for version in range(max(self.versions) + 1, made.version):
            self.versions[version] = self.versions[version - 1]  # columns were added
        self.versions[made.version] = dict(self.held)

    @precondition(lambda self: self.clients)
    @rule(turn=TURNS, really=st.sampled_from([False, False, True]))
    def abandon(self, turn: int, really: bool) -> None:
        if not really:
            return
        client = self.clients.pop(turn % len(self.clients))
        if client.staging is not None:
            client.staging.__exit__(None, None, None)

    @precondition(lambda self: not self.clients)
    @rule()
    def vacuum(self) -> None:
        before = self.store.snapshot().version
        gone = self.store.vacuum(retention=timedelta(0), dry_run=False)
        assert not any((self.root / path).exists() for path in gone)
        after = self.store.snapshot()
        files = {
            str(path.relative_to(self.root)) for path in self.root.glob("*/job=*/**/*.parquet")
        }
        assert files == {f.path for table in after.files.values() for f in table}
        if gone:
            self.versions = {v: dict(self.held) for v in range(before, after.version + 1)}

    @rule(data=st.data())
    def read_at(self, data: st.DataObject) -> None:
        version = data.draw(st.integers(0, max(self.versions) + 1))
        if version in self.versions:
            assert read(self.root, version) == expected(self.versions[version].values())
        else:
            with pytest.raises((DataError, UsageError)):
                self.store.snapshot(version)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        if hasattr(self, "root"):
            assert read(self.root) == expected(self.held.values())


def test_clients_against_a_model() -> None:
    effort = hypothesis_settings(
        max_examples=faults(6, 300), stateful_step_count=faults(12, 40), deadline=None
    )
    run_state_machine_as_test(Clients, settings=effort)
