"""Jobs over event logs of several days, and what their stores hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sgengine.nightly import Entry, Outcome, Report, due, load_job, run_job
from sgengine.nightly.days import midnight_ns
from sgengine.store import Store
from tests.events import make

Row = dict[str, Any]
S = 10**9
HOUR = 3600 * S
DAY = date(2026, 3, 2)
NEXT = DAY + timedelta(days=1)
BEFORE = DAY - timedelta(days=1)
START = midnight_ns(DAY, UTC)

CONFIG = """
[store]
path = "store"

[job]
name = "prod"
grace = "{grace}s"
{job}

[[source]]
name = "gateway"
files = "logs/{{day}}.jsonl"
{source}
"""


def config(
    folder: Path, *, grace: int = 60, job: str = "", source: str = "", more: str = ""
) -> Path:
    """A configuration in ``folder`` whose one source has a log a day."""
    path = folder / "sgengine.toml"
    path.write_text(CONFIG.format(grace=grace, job=job, source=source) + more)
    (folder / "logs").mkdir(exist_ok=True)
    return path


def request(name: str, at: int, *, chunks: int = 3, gap: int = S, **more: Any) -> list[Row]:
    """The events of a request that arrives at ``at`` ns and has a chunk each ``gap`` after it."""
    about = {"request_id": name}
    found = [about | {"event": "arrival", "time_ns": at} | more]
    times = [at + gap * (k + 1) for k in range(chunks)]
    found += [about | {"event": "chunk", "time_ns": time, "tokens": 1} for time in times]
    return [*found, about | {"event": "end", "time_ns": times[-1] if times else at}]


def write_logs(folder: Path, events: Sequence[Row]) -> None:
    """The events in a file a day (UTC), by the time of the event."""
    days: dict[str, list[Row]] = {}
    for event in events:
        day = DAY + timedelta(days=(event["time_ns"] - START) // (24 * HOUR))
        days.setdefault(str(day), []).append(event)
    for day, rows in days.items():
        make.write(folder / "logs" / f"{day}.jsonl", rows, "jsonl")


class Told:
    """The log of a run."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def __call__(self, entry: Entry) -> None:
        self.entries.append(entry)

    def events(self) -> list[str]:
        return [entry.event for entry in self.entries]

    def texts(self, event: str) -> list[str]:
        return [entry.text for entry in self.entries if entry.event == event]


def run(path: Path, *days: date, told: Told | None = None, **more: Any) -> Report:
    """A run of the job for these days, by name."""
    job = load_job(str(path))
    nights = due(job, *days) if len(days) == 1 else due(job, since=days[0], until=days[-1])
    return run_job(job, nights, told or Told(), **more)


def one(path: Path, day: date = DAY, told: Told | None = None, **more: Any) -> Outcome:
    """What became of one night."""
    (outcome,) = run(path, day, told=told, **more).nights
    return outcome


def stored(root: Path, table: str = "requests") -> list[Row]:
    """All rows of a table that count, with their partition columns."""
    snapshot = Store.open(root).snapshot()
    names = {
        "requests": ("job", "day", "system", "workload"),
        "gaps": ("job", "day", "system", "workload"),
    }
    found: list[Row] = []
    for file in snapshot.files[table]:
        values = dict(zip(names.get(table, ("job", "day")), file.values, strict=True))
        rows = pq.ParquetFile(root / file.path).read().to_pylist()
        found += [row | values for row in rows]
    return found


def requests(root: Path, day: date | None = None) -> dict[str, Row]:
    """The stored requests by id, of a day or of all; no id comes twice."""
    rows = [row for row in stored(root) if day is None or row["day"] == str(day)]
    found = {row["request_id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def statuses(root: Path, day: date | None = None) -> dict[str, str]:
    return {name: row["status"] for name, row in requests(root, day).items()}


def files(root: Path, day: date) -> set[str]:
    """The live files of a night, of all tables."""
    snapshot = Store.open(root).snapshot()
    return {f.path for table in snapshot.files.values() for f in table if f.values[1] == str(day)}


def json_lines(text: str) -> list[dict[str, Any]]:
    """A log in JSON; every line is one object."""
    return [json.loads(line) for line in text.splitlines()]
