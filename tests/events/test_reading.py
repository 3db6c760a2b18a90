"""Event logs as files: units of time, types of columns, JSON that Arrow refuses, damaged bytes."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sgengine
from sgengine import readers
from sgengine.analyze import Analysis, analyze
from sgengine.errors import FormatError, SgengineError
from sgengine.readers import events_jsonl
from tests.effort import fuzzed
from tests.events import make

EPOCH = 1_784_000_000 * 10**9


def columns(**more: Any) -> dict[str, Any]:
    return {"request_id": ["a", "a", "a"], "event": ["arrival", "chunk", "end"]} | more


def times(path: Path) -> tuple[int, list[int], str]:
    (row,) = sgengine.read(str(path)).deliveries.to_pylist()
    return row["arrival_ns"], [*row["chunk_times_ns"], row["end_ns"]], row["clock"]


def parquet(folder: Path, **more: Any) -> Path:
    path = folder / "log.parquet"
    pq.write_table(pa.table(columns(**more)), path)
    return path


def jsonl(folder: Path, key: str, *texts: str) -> Path:
    path = folder / "log.jsonl"
    lines = [
        f'{{"request_id":"a","event":"{kind}","{key}":{text}}}'
        for kind, text in zip(("arrival", "chunk", "end"), texts, strict=True)
    ]
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("encoding", ["DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"])
def test_texts_in_the_encodings_of_parquet_2(tmp_path: Path, encoding: str) -> None:
    path, table = tmp_path / "log.parquet", pa.table(columns(time_ns=[5, 8, 9]))
    encodings = dict.fromkeys(("request_id", "event"), encoding)
    pq.write_table(table, path, use_dictionary=False, column_encoding=encodings)
    assert times(path) == (5, [3, 4], "monotonic")


UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("stem", ["time", "timestamp", "ts"])
def test_whole_numbers_of_a_unit(tmp_path: Path, unit: str, stem: str) -> None:
    start = EPOCH // UNITS[unit]
    path = parquet(tmp_path, **{f"{stem}_{unit}": [start, start + 3, start + 7]})
    assert times(path) == (EPOCH, [3 * UNITS[unit], 7 * UNITS[unit]], "unix")
    path = jsonl(tmp_path, f"{stem}_{unit}", *map(str, (start, start + 3, start + 7)))
    assert times(path) == (EPOCH, [3 * UNITS[unit], 7 * UNITS[unit]], "unix")


@pytest.mark.parametrize("unit", UNITS)
def test_timestamps(tmp_path: Path, unit: str) -> None:
    start = EPOCH // UNITS[unit]
    for zone in (None, "UTC", "+02:00"):
        column = pa.array([start, start + 3, start + 7], pa.timestamp(unit, zone))
        path = parquet(tmp_path, time=column)
        assert times(path) == (EPOCH, [3 * UNITS[unit], 7 * UNITS[unit]], "unix")


def test_iso_texts_of_any_zone(tmp_path: Path) -> None:
    texts = [
        '"2026-07-14T03:33:20Z"',
        '"2026-07-14T05:33:20.123456789+02:00"',
        '"2026-07-14T03:33:21Z"',
    ]
    assert times(jsonl(tmp_path, "timestamp", *texts)) == (EPOCH, [123456789, 10**9], "unix")
    naive = [text.replace("Z", "").replace("+02:00", "") for text in texts]
    naive[1] = naive[1].replace("05:", "03:")
    assert times(jsonl(tmp_path, "time", *naive)) == (EPOCH, [123456789, 10**9], "unix")
    mixed = [texts[0], naive[1], texts[2]]
    assert times(jsonl(tmp_path, "ts", *mixed)) == (EPOCH, [123456789, 10**9], "unix")


def test_decimals_of_seconds_are_exact(tmp_path: Path) -> None:
    texts = ["1784000000.000000001", "1784000000.123456789", "1784000001.5"]
    assert times(jsonl(tmp_path, "time_s", *texts)) == (
        EPOCH + 1,
        [123456788, 1_499_999_999],
        "unix",
    )
    decimals = pa.array([Decimal(text) for text in texts], pa.decimal128(20, 9))
    assert times(parquet(tmp_path, time_s=decimals))[:2] == (EPOCH + 1, [123456788, 1_499_999_999])


def test_decimals_beyond_nanoseconds_are_rounded_half_to_even(tmp_path: Path) -> None:
    few = ["0.0000000005", "0.0000000015", "0.0000000025000000001"]
    assert times(jsonl(tmp_path, "time_s", *few)) == (0, [2, 3], "monotonic")
    many = [*few[:2], "0.00000000250000000000000000000000000000001"]
    assert times(jsonl(tmp_path, "time_s", *many)) == (0, [2, 3], "monotonic")


def test_floats_keep_what_they_have(tmp_path: Path) -> None:
    path = parquet(tmp_path, time_s=[1784000000.0, 1784000000.25, 1784000001.0])
    assert times(path) == (EPOCH, [250_000_000, 10**9], "unix")
    path = parquet(tmp_path, time_ms=[0.5, 0.75, 1.000001])
    assert times(path)[:2] == (500_000, [250_000, 500_001])


def test_the_time_with_a_unit_counts(tmp_path: Path) -> None:
    path = parquet(tmp_path, time=["x", "y", "z"], time_us=[1, 2, 3])
    assert times(path)[:2] == (1000, [1000, 2000])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"time": [1, 2, 3]}, "allowed is a number if its name ends in its unit"),
        ({"time_ns": ["1", "2", "3"]}, "time_ns is string"),
        ({"time_ns": [1, 2, 3], "tokens": [0.5, 1.0, 1.0]}, "tokens is double"),
        ({"time_ns": [1, 2, 3], "status": [[1], [2], [3]]}, "status is list"),
    ],
)
def test_types_that_cannot_be(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(FormatError, match=said):
        sgengine.read(str(parquet(tmp_path, **more)))


def test_numbers_without_a_unit_in_json(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="name the column ts_ns, ts_us"):
        sgengine.read(str(jsonl(tmp_path, "ts", "1", "2", "3")))


def test_times_that_are_none(tmp_path: Path) -> None:
    path = parquet(tmp_path, time_ns=[1, None, 2**62])
    found = analyze([str(path)])
    assert [(r.reason, r.count) for r in found.rejected] == [("wrong_type", 2)]
    path = jsonl(tmp_path, "time_s", "1", "null", "1e30")
    found = analyze([str(path)])
    assert sum(r.count for r in found.rejected) == 2


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.int32()])
def test_ids_of_any_type(tmp_path: Path, kind: pa.DataType) -> None:
    texts = kind != pa.int32()
    ids = pa.array(["7", "8", "7", "7"] if texts else [7, 8, 7, 7], kind)
    table = pa.table(
        {
            "request_id": ids,
            "event": ["arrival", "arrival", "chunk", "end"],
            "time_ns": [1, 2, 3, 4],
        }
    )
    with pa.ipc.new_file(tmp_path / "log.arrow", table.schema) as writer:
        writer.write_table(table)
    rows = sgengine.read(str(tmp_path / "log.arrow")).deliveries.to_pylist()
    assert [(r["request_id"], r["chunk_times_ns"]) for r in rows] == [("7", [2]), ("8", [])]


def test_dictionaries_with_repeats_and_nulls(tmp_path: Path) -> None:
    ids = pa.DictionaryArray.from_arrays([0, 1, 2, 3, None], ["a", "b", "a", None])
    event = pa.DictionaryArray.from_arrays([0, 0, 1, 1, 1], ["arrival", "chunk"])
    table = pa.table({"request_id": ids, "event": event, "time_ns": range(5)})
    with pa.ipc.new_file(tmp_path / "log.arrow", table.schema) as writer:
        writer.write_table(table)
    found = analyze([str(tmp_path / "log.arrow")], keep_requests=True)
    assert found.requests is not None
    assert found.requests["request_id"].to_pylist() == ["a", "b"]
    assert [(r.reason, r.count) for r in found.rejected] == [("missing_request_id", 2)]


def test_columns_that_are_no_dimensions_are_left_out_and_named(tmp_path: Path) -> None:
    path = parquet(tmp_path, time_ns=[1, 2, 3], tags=[["x"], [], []], arrival_ns=[9, 9, 9])
    trace = sgengine.read(str(path))
    assert "tags" not in trace.deliveries.column_names
    assert trace.deliveries["arrival_ns"].to_pylist() == [1]
    assert "tags, arrival_ns" in trace.plans[0].facts[0].notes[0]


# --- JSON Lines -------------------------------------------------------------------------------------


def lines(path: Path, *texts: str) -> Path:
    path.write_text("\n".join(texts) + "\n")
    return path


GOOD = (
    '{"request_id":"a","event":"arrival","time_ns":1,"model":"m","tags":[1,{"x":2}]}',
    '{"request_id":"a","event":"chunk","time_ns":2,"tokens":1,"text":"' + "x" * 1000 + '"}',
    '{"request_id":"a","event":"end","time_ns":3,"status":"ok","cost":0.5}',
)


def test_bad_lines_are_told_from_good_ones(tmp_path: Path) -> None:
    bad = [
        "nonsense",
        '{"request_id":"a","event":"chunk","time_ns":"2"}',
        '{"request_id":"a","event":"chunk","time_ns":2.5}',
        '{"request_id":"a","event":"chunk","time_ns":2,"tokens":"1"}',
        '{"request_id":"a","event":"chunk","time_ns":2,"tokens":4294967296}',
        '{"request_id":["a"],"event":"chunk","time_ns":2}',
        '{"request_id":"a","event":"chunk"}',
        '{"event":"chunk","time_ns":2}',
        "[1]",
        '{"request_id":"a","event":"chunk","time_ns":2',
        '{"request_id":"a","event":"chunk","time_ns":2}{"request_id":"a","event":"chunk"}',
    ]
    path = lines(tmp_path / "log.jsonl", GOOD[0], *bad, "", "  ", *GOOD[1:])
    found = analyze([str(path)], keep_requests=True)
    assert found.requests is not None
    (row,) = found.requests.to_pylist()
    assert (row["n_chunks"], row["model"], row["cost"], row["status"]) == (1, "m", 0.5, "ok")
    assert sum(reject.count for reject in found.rejected) == len(bad)
    assert found.runs["rows_in"].to_pylist() == [len(bad) + 3]
    assert any("line 2:" in reject.line() for reject in found.rejected)


def test_both_ways_of_reading_json_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row for k in range(20) for row in request(k)]
    path = make.write(tmp_path / "log.jsonl", rows, "jsonl")
    fast = sgengine.read(str(path)).deliveries
    monkeypatch.setattr(events_jsonl, "_fast", lambda block, partition: None)
    slow = sgengine.read(str(path)).deliveries
    assert fast.num_rows == 20
    order = sorted(fast.column_names)
    assert slow.select(order).to_pylist() == fast.select(order).to_pylist()


def request(k: int) -> list[dict[str, Any]]:
    about = {"request_id": f"r{k}"}
    return [
        about | {"event": "arrival", "time_ns": EPOCH + k, "model": "m", "tier": k, "vip": k > 3},
        *(about | {"event": "chunk", "time_ns": EPOCH + k + i, "tokens": i} for i in range(1, 9)),
        about | {"event": "end", "time_ns": EPOCH + k + 9, "output_tokens": 36, "cost": k / 3},
    ]


def test_ids_that_are_numbers_are_their_digits(tmp_path: Path) -> None:
    texts = [text.replace('"a"', "7") for text in GOOD]
    path = lines(tmp_path / "log.jsonl", *texts, GOOD[0].replace('"a"', '"7"'))
    rows = sgengine.read(str(path)).deliveries.to_pylist()
    assert [row["request_id"] for row in rows] == ["7"]


def test_pieces_and_blocks_of_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row for k in range(50) for row in request(k)]
    path = make.write(tmp_path / "log.jsonl", rows, "jsonl")
    whole = sgengine.read(str(path)).deliveries
    monkeypatch.setattr(events_jsonl, "PIECE_BYTES", 1000)
    monkeypatch.setattr(events_jsonl, "_FEW_BYTES", 300)
    options = readers.ReadOptions(batch_bytes=1)
    (source,) = readers.resolve([str(path)], options)
    plan = readers.plan(source, options)
    assert len(plan.partitions) > 20
    assert [p.first_row for p in plan.partitions][:1] == [1]
    starts = [part.start for part in plan.partitions]
    assert starts == [0, *(part.stop for part in plan.partitions[:-1])]
    text = path.read_bytes()
    for part in plan.partitions:
        assert part.first_row == 1 + text[: part.start].count(b"\n")
    assert sgengine.read(str(path)).deliveries.equals(whole)


def test_a_byte_order_mark_and_windows_ends_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(GOOD).encode())
    assert times(path)[:2] == (1, [1, 2])


# --- Damage -----------------------------------------------------------------------------------------


def analysed(path: Path) -> Analysis | None:
    """The analysis, or None where the file is refused in one line."""
    try:
        return analyze([str(path)])
    except SgengineError as error:
        said = str(error)
    assert "\n" not in said
    return None


@pytest.mark.parametrize("kind", make.FORMATS)
def test_damaged_files_end_in_one_line(tmp_path: Path, kind: str) -> None:
    rows = [row for k in range(8) for row in request(k)]
    whole = make.write(tmp_path / "whole", rows, kind).read_bytes()
    path = tmp_path / f"log.{kind}"
    rng = random.Random(5)
    for _ in range(fuzzed(150)):
        data = bytearray(whole)
        if rng.random() < 0.3:
            del data[rng.randrange(len(data)) :]
        for _ in range(rng.randrange(1, 6)):
            if data:
                data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(bytes(data))
        found = analysed(path)
        if found is None:
            continue
        for run in found.runs.to_pylist():
            assert run["rows_in"] == run["rows_measured"] + run["rows_rejected"]
            if kind == "jsonl":
                count = len([line for line in data.split(b"\n") if line.strip()])
                assert sum(r["rows_in"] for r in found.runs.to_pylist()) == count


def test_fields_that_change_their_type(tmp_path: Path) -> None:
    values = [None, True, -1, 2**63, 2**70, 0.5, "x", "", [1], {"a": 1}, 10**400 // 10**90]
    rng = random.Random(6)
    path = tmp_path / "log.jsonl"
    for _ in range(fuzzed(150)):
        rows = [row for k in range(3) for row in request(k)]
        for _ in range(4):
            row = rng.choice(rows)
            name = rng.choice([*row, "seq", "run", "status", "error", "input_tokens"])
            row[name] = rng.choice(values)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        found = analysed(path)
        if found is None:
            continue
        assert sum(run["rows_in"] for run in found.runs.to_pylist()) == len(rows)
