"""The nightly job: each request in one night, once, whatever is run again and whatever comes late."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from sgengine.errors import UsageError
from sgengine.nightly import due, load_job
from sgengine.nightly.days import day_of, midnight_ns, night_ns
from sgengine.store import Store
from tests.engine.make import plain_row, write
from tests.events import make
from tests.nightly.support import (
    BEFORE,
    DAY,
    HOUR,
    NEXT,
    START,
    S,
    Told,
    config,
    files,
    one,
    request,
    requests,
    run,
    statuses,
    stored,
    write_logs,
)

END = START + 24 * HOUR

OVER_MIDNIGHT = [
    *request("early", START + S),
    *request("over", END - S, chunks=5),
    *request("long", END - 2 * S, chunks=5, gap=40 * S),
    *request("next", END + S),
]
"""One request within the night, one that ends within the grace, one that does not, one of the next."""


def test_a_request_is_of_the_night_that_it_arrives_in(tmp_path):
    path = config(tmp_path)
    write_logs(tmp_path, OVER_MIDNIGHT)
    report = run(path, DAY, NEXT)
    assert (report.exit_code, [night.status for night in report.nights]) == (0, ["committed"] * 2)
    store = tmp_path / "store"
    assert statuses(store, DAY) == {"early": "ok", "over": "ok", "long": "incomplete"}
    assert statuses(store, NEXT) == {"next": "ok"}
    assert requests(store)["long"]["n_chunks"] == 1
    first, second = report.nights
    assert (first.requests, first.incomplete, first.rows_faulty) == (3, 1, 0)
    # Rows read = rows measured + rows that are another night's: tails, and what comes after the cut.
    for night in report.nights:
        assert night.rows_in == night.rows_measured + night.rows_rejected
        assert night.rows_rejected == night.rows_outside
    assert second.rows_outside == 12  # five chunks and an end, twice
    assert [row["run"] for row in stored(store, "runs")] == ["gateway"] * 2
    assert {row["system"] for row in stored(store)} == {"gateway"}


def test_what_did_not_change_is_skipped_and_what_did_replaces_its_night_alone(tmp_path):
    path = config(tmp_path)
    write_logs(tmp_path, OVER_MIDNIGHT)
    run(path, DAY, NEXT)
    store = tmp_path / "store"
    version, before = Store.open(store).snapshot().version, files(store, NEXT)
    told = Told()
    again = run(path, DAY, NEXT, told=told)
    assert [night.status for night in again.nights] == ["unchanged"] * 2
    assert told.events() == ["night_unchanged"] * 2
    assert Store.open(store).snapshot().version == version
    write_logs(tmp_path, [*OVER_MIDNIGHT, *request("more", START + HOUR)])
    changed = run(path, DAY, NEXT)
    assert [night.status for night in changed.nights] == ["committed", "unchanged"]
    assert set(requests(store, DAY)) == {"early", "over", "long", "more"}
    assert files(store, NEXT) == before
    write_logs(tmp_path, OVER_MIDNIGHT)
    one(path)
    assert set(requests(store, DAY)) == {"early", "over", "long"}
    assert one(path, is_forced=True).status == "committed"
    assert [row["seq"] for row in stored(store, "nights")] == [4, 1]


def test_late_data_heals_its_night(tmp_path):
    path = config(tmp_path)
    write_logs(tmp_path, OVER_MIDNIGHT)
    later = tmp_path / "logs" / f"{NEXT}.jsonl"
    came = later.read_text()
    later.unlink()
    assert (one(path).incomplete, one(path).status) == (2, "unchanged")
    later.write_text(came)
    assert one(path).incomplete == 1
    assert statuses(tmp_path / "store")["over"] == "ok"
    wider = config(tmp_path, grace=600)
    assert one(wider).incomplete == 0
    assert requests(tmp_path / "store")["long"]["n_chunks"] == 5


def test_a_later_file_may_be_half_written(tmp_path):
    """Today's log grows while yesterday is measured: its torn line is today's to tell."""
    path = config(tmp_path)
    write_logs(tmp_path, OVER_MIDNIGHT)
    later = tmp_path / "logs" / f"{NEXT}.jsonl"
    whole = later.read_text()
    later.write_text(whole + '{"request_id": "x", "eve')
    outcome = one(path)
    assert (outcome.status, outcome.rows_faulty, outcome.incomplete) == ("committed", 0, 1)
    assert one(path, NEXT).rows_faulty == 1
    later.write_text('{"reques')
    told = Told()
    assert one(path, told=told).incomplete == 2
    (text,) = told.texts("later_file_left_out")
    assert str(later) in text


def test_a_missing_input_is_an_error_and_stops_no_other_night(tmp_path):
    path = config(tmp_path)
    write_logs(tmp_path, request("a", START) + request("b", END + 24 * HOUR))
    after = NEXT + timedelta(days=1)
    report = run(path, DAY, after)
    assert [night.status for night in report.nights] == ["committed", "failed", "committed"]
    assert report.exit_code == 1
    assert f"{NEXT}.jsonl is missing" in str(report.nights[1].error)
    assert set(requests(tmp_path / "store")) == {"a", "b"}
    assert "2 committed" in report.closing()
    assert "1 failed; exit code 1" in report.closing()


def test_a_missing_input_may_be_allowed(tmp_path):
    path = config(tmp_path, source='missing = "allowed"')
    write_logs(tmp_path, request("a", START))
    report = run(path, DAY, NEXT)
    assert (report.exit_code, [night.requests for night in report.nights]) == (0, [1, 0])
    assert [len(night.missing) for night in report.nights] == [0, 1]
    nights = {row["day"]: row for row in stored(tmp_path / "store", "nights")}
    assert [nights[str(day)]["sources_missing"] for day in (DAY, NEXT)] == [0, 1]
    write_logs(tmp_path, request("b", END))
    assert run(path, DAY, NEXT).nights[1].requests == 1


def test_a_damaged_input_fails_its_night_and_leaves_what_was_committed(tmp_path):
    path = config(tmp_path)
    write_logs(tmp_path, OVER_MIDNIGHT)
    one(path)
    log = tmp_path / "logs" / f"{DAY}.jsonl"
    log.write_text("this is no log\n")
    outcome = one(path)
    assert outcome.status == "failed"
    assert str(log) in str(outcome.error)
    assert len(requests(tmp_path / "store", DAY)) == 3


def test_damaged_rows_are_committed_beside_and_told(tmp_path):
    path = config(tmp_path)
    write_logs(tmp_path, OVER_MIDNIGHT)
    log = tmp_path / "logs" / f"{DAY}.jsonl"
    log.write_text(log.read_text() + "{}\n")
    told = Told()
    report = run(path, DAY, told=told)
    assert (report.exit_code, report.nights[0].rows_faulty) == (1, 1)
    assert len(told.texts("rows_rejected")) == 1
    assert "1 rows not measured" in report.closing()
    rejects = stored(tmp_path / "store", "rejects")
    counts: Counter[str] = Counter()
    for row in rejects:
        counts[row["reason"]] += row["count"]
    assert counts == {"missing_request_id": 1, "outside_window": 10}
    lenient = config(tmp_path, job='rejected = "allowed"')
    assert run(lenient, DAY).exit_code == 0


def test_an_empty_file_is_a_quiet_day(tmp_path):
    path = config(tmp_path)
    (tmp_path / "logs" / f"{DAY}.jsonl").write_text("")
    told = Told()
    outcome = one(path, told=told)
    assert (outcome.status, outcome.requests) == ("committed", 0)
    assert "empty_file" in told.events()


def test_a_file_of_two_sources_is_refused(tmp_path):
    path = config(tmp_path, more='[[source]]\nname = "again"\nfiles = "logs/*"\n')
    write_logs(tmp_path, request("a", START))
    assert "is in source gateway and in again" in str(one(path).error)


def test_a_plain_glob_is_read_for_every_night(tmp_path):
    path = config(tmp_path)
    path.write_text(path.read_text().replace("{day}", "*"))
    write_logs(tmp_path, OVER_MIDNIGHT)
    report = run(path, BEFORE, NEXT)
    assert [night.requests for night in report.nights] == [0, 3, 1]
    assert statuses(tmp_path / "store", DAY)["long"] == "incomplete"


def test_nights_of_a_zone_over_files_of_utc_days(tmp_path):
    """Berlin's 29 March 2026 has 23 hours, and lies in the files of two UTC days."""
    zone = ZoneInfo("Europe/Berlin")
    day = DAY.replace(day=29)
    start, end = night_ns(day, zone)
    events = request("first", start) + request("last", end - S) + request("after", end)
    events += request("before", start - 10 * S)
    path = config(tmp_path, job='zone = "Europe/Berlin"', source='zone = "UTC"')
    write_logs(tmp_path, events)
    assert one(path, day).status == "committed"
    assert set(requests(tmp_path / "store")) == {"first", "last"}
    (night,) = stored(tmp_path / "store", "nights")
    assert (night["zone"], night["until_ns"] - night["from_ns"]) == ("Europe/Berlin", 23 * HOUR)
    (row,) = stored(tmp_path / "store", "runs")
    assert (row["window_start_ns"], row["window_end_ns"]) == (start, end)


def test_many_requests_over_days_are_all_there_once(tmp_path):
    """Every request of three days and their nights is in the store once, in the night of its arrival."""
    zone = "America/New_York"
    rng = Random(zone)
    rows = {f"r{k}": START + rng.randrange(60 * HOUR) for k in range(80)}
    events = [e for name, at in rows.items() for e in request(name, at, gap=rng.randrange(90 * S))]
    path = config(
        tmp_path, grace=600, job=f'zone = "{zone}"', source='zone = "UTC"\nmissing = "allowed"'
    )
    write_logs(tmp_path, events)
    report = run(path, BEFORE, DAY + timedelta(days=2))
    assert report.exit_code == 0, report.nights
    tz = ZoneInfo(zone)
    for day in (BEFORE + timedelta(days=k) for k in range(4)):
        mine = {name for name, at in rows.items() if day_of(at, tz) == day}
        assert set(requests(tmp_path / "store", day)) == mine
    assert set(statuses(tmp_path / "store").values()) == {"ok"}


def test_clocks_that_tell_no_day_need_one(tmp_path):
    path = config(tmp_path, source='format = "deliveries"')
    path.write_text(path.read_text().replace("{day}.jsonl", "*.parquet"))
    rows = [plain_row(k, [S], arrival_ns=k * S, clock="monotonic") for k in range(3)]
    write(tmp_path / "logs" / "x.parquet", rows)
    job = load_job(str(path))
    from sgengine.nightly import run_job

    yesterday = due(job, now_ns=END + HOUR)
    for nights in (yesterday, due(job, since=DAY, until=NEXT)):
        failed = run_job(job, nights, Told()).nights[0]
        assert failed.status == "failed"
        assert "name the day that it is of, as in --day" in str(failed.error)
    assert one(path).requests == 3


def test_later_files_of_a_clock_that_tells_no_day_are_left_to_their_day(tmp_path):
    path = config(tmp_path, source="")
    path.write_text(path.read_text().replace("{day}.jsonl", "{day}.parquet"))
    for k, day in enumerate((DAY, NEXT)):
        rows = [plain_row(k, [S], arrival_ns=S, clock="monotonic", run=f"run-{k}")]
        write(tmp_path / "logs" / f"{day}.parquet", rows)
    told = Told()
    assert [one(path, day, told=told).requests for day in (DAY, NEXT)] == [1, 1]
    assert len(told.texts("later_file_left_out")) == 1


def test_deliveries_are_runs_of_their_files_and_systems_of_their_source(tmp_path):
    path = config(tmp_path)
    path.write_text(path.read_text().replace("{day}.jsonl", "{day:%Y/%m%d}/*.jsonl"))
    folder = tmp_path / "logs" / f"{DAY:%Y}" / f"{DAY:%m%d}"
    folder.mkdir(parents=True)
    for name in ("a", "b"):
        line = f'{{"request_id": "1", "arrival_ns": {START}, "chunk_times_ns": [1, 2]}}\n'
        (folder / f"{name}.jsonl").write_text(line)
    assert one(path).requests == 2
    rows = stored(tmp_path / "store")
    assert sorted(row["run"] for row in rows) == ["gateway/a", "gateway/b"]
    assert {row["system"] for row in rows} == {"gateway"}


def test_a_change_of_objectives_or_code_measures_again(tmp_path, monkeypatch):
    path = config(tmp_path)
    write_logs(tmp_path, OVER_MIDNIGHT)
    assert one(path).status == "committed"
    path.write_text(path.read_text() + '[objectives]\nspeed = 10\ngoodput = ["ttft:500"]\n')
    assert one(path).status == "committed"
    (night,) = stored(tmp_path / "store", "nights")
    assert (night["reader_pace_ns"], night["max_ttft_ns"]) == (S // 10, S // 2)
    path.write_text(path.read_text().replace("[job]", '[job]\nmemory = "512MiB"\nnights = 3'))
    assert one(path).status == "unchanged"
    monkeypatch.setattr("sgengine.nightly.inputs.code_version", lambda: "another")
    assert one(path).status == "committed"


def test_classes_are_committed_most_particular_first(tmp_path):
    classes = """
[objectives]
speed = 10
[[class]]
name = "rest"
[[class]]
name = "chat"
workload = "chat"
goodput = ["ttft:500"]
[[class]]
name = "north chat"
workload = "chat"
tenant = "north"
preset = "reader-20"
"""
    path = config(tmp_path, more=classes)
    write_logs(tmp_path, OVER_MIDNIGHT)
    one(path)
    rows = sorted(stored(tmp_path / "store", "classes"), key=lambda row: row["position"])
    assert [
        (row["name"], row["workload"], row["tenant"], row["reader_pace_ns"], row["max_ttft_ns"])
        for row in rows
    ] == [
        ("north chat", "chat", "north", S // 20, None),
        ("chat", "chat", None, S // 10, S // 2),
        ("rest", None, None, S // 10, None),
    ]


def test_a_night_may_leave_its_runs_their_own_windows(tmp_path):
    path = config(tmp_path, job='window = "run"')
    write_logs(tmp_path, OVER_MIDNIGHT)
    one(path)
    (night,) = stored(tmp_path / "store", "nights")
    assert (night["zone"], night["from_ns"], night["until_ns"]) == ("UTC", None, None)
    (row,) = stored(tmp_path / "store", "runs")
    assert row["window_start_ns"] is None


# --- Which nights are due ---------------------------------------------------------------------------


def test_the_nights_that_are_due(tmp_path):
    job = load_job(str(config(tmp_path, job='nights = 3\nzone = "Asia/Kathmandu"')))
    evening = midnight_ns(DAY, UTC) + 19 * HOUR  # half past midnight of the next day there
    days = due(job, now_ns=evening).days
    assert [str(day) for day in days] == ["2026-02-28", "2026-03-01", "2026-03-02"]
    assert not due(job).tells_day
    assert due(job, DAY).tells_day
    assert due(job, DAY).days == (DAY,)
    assert due(job, since=DAY, until=NEXT).days == (DAY, NEXT)
    for wrong in ({"day": DAY, "since": DAY}, {"since": DAY}, {"since": NEXT, "until": DAY}):
        with pytest.raises(UsageError):
            due(job, **wrong)


def test_a_night_whose_grace_is_not_over_is_said_to_be(tmp_path):
    path = config(tmp_path)
    told = Told()
    for day in (DAY.replace(year=2020), DAY.replace(year=2200)):
        make.write(tmp_path / "logs" / f"{day}.jsonl", request("a", midnight_ns(day, UTC)), "jsonl")
        one(path, day, told=told)
    (text,) = told.texts("grace_not_over")
    assert text.startswith("2200-03-02 is listened to for")


# --- Outputs ---------------------------------------------------------------------------------------------


def test_outputs_of_a_night_and_of_all(tmp_path):
    from sgengine.api.nightly import nightly

    more = """
[[output]]
format = "csv"
path = "out/{day}"
[[output]]
format = "prometheus"
path = "out/newest.prom"
"""
    path = config(tmp_path, more=more)
    write_logs(tmp_path, OVER_MIDNIGHT)
    job = load_job(str(path))

    def again(*days):
        nights = due(job, since=days[0], until=days[-1])
        return [night.outputs for night in nightly(job, nights, Told(), wait_s=1).nights]

    out = tmp_path / "out"
    assert again(DAY, NEXT) == [
        (str(out / str(DAY)),),
        (str(out / str(NEXT)), str(out / "newest.prom")),
    ]
    assert (out / str(DAY) / "by_night.csv").read_text().count(str(DAY)) > 0
    assert str(NEXT) not in (out / str(DAY) / "by_night.csv").read_text()
    assert again(DAY) == [()]
    (out / "newest.prom").unlink()
    assert again(DAY) == [(str(out / "newest.prom"),)]


def test_an_output_that_cannot_be_written_fails_the_night_that_is_committed(tmp_path):
    from sgengine.api.nightly import nightly

    path = config(tmp_path, more='[[output]]\nformat = "csv"\npath = "logs/{day}.jsonl"\n')
    write_logs(tmp_path, OVER_MIDNIGHT)
    job, told = load_job(str(path)), Told()
    (night,) = nightly(job, due(job, DAY), told, wait_s=1).nights
    assert (night.status, night.requests) == ("failed", 3)
    assert "output_failed" in told.events()
    assert len(requests(tmp_path / "store")) == 3


def test_what_is_no_error_of_ours_stops_no_other_night_either(tmp_path, monkeypatch):
    from sgengine.nightly import night

    path = config(tmp_path)
    write_logs(tmp_path, OVER_MIDNIGHT)
    real = night.record

    def record(*given, day, **more):
        if day == DAY:
            raise ZeroDivisionError("a bug")
        return real(*given, day=day, **more)

    monkeypatch.setattr(night, "record", record)
    report = run(path, DAY, NEXT)
    assert [found.status for found in report.nights] == ["failed", "committed"]
    assert report.nights[0].error == "ZeroDivisionError: a bug"
