"""The generic mapper: what mappings may say, values of every file kind, round trips, damage."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgengine import readers
from sgengine.compute import MeasureSettings, compute
from sgengine.errors import FormatError, UsageError
from sgengine.readers import mapping_toml
from sgengine.readers.timestamps import UNITS
from tests import strategies
from tests.effort import FEWER
from tests.readers import damage, make

RELATIVE = """
request_id = "id"
output_tokens = "n"
[arrival]
field = "at"
unit = "ns"
[chunks]
times = "t"
unit = "ms"
from = "arrival"
sizes = "c"
"""
ROW = {
    "id": "a",
    "at": 1_800_000_000_000_000_001,
    "t": [1.5, 2],
    "c": [1, 2],
    "n": 3,
    "x": "y" * 99,
}


def mapping(folder, text=RELATIVE):
    path = folder / "m.toml"
    path.write_text(text)
    return str(path)


def json_rows(folder, text, *rows, **options):
    path = make.json_lines(folder / "x", *rows)
    return make.read_back(path, mapping=mapping(folder, text), **options)


def csv_rows(folder, text, content, **options):
    (folder / "x").write_text(content, newline="")
    return make.read_back(folder / "x", mapping=mapping(folder, text), **options)


def parquet_rows(folder, text, **columns):
    path = make.parquet(folder / "x", pa.table(columns))
    return make.read_back(path, mapping=mapping(folder, text))


# --- The page ------------------------------------------------------------------------------------


def test_the_example_of_the_page_is_true(tmp_path, repo):
    page = (repo / "docs" / "mapping.md").read_text("utf-8")
    log, text = (
        re.search(rf"```{kind}\n(.*?)```", page, re.DOTALL)[1] for kind in ("json", "toml")
    )
    (tmp_path / "gateway.jsonl").write_text(log)
    got = make.read_back(tmp_path / "gateway.jsonl", mapping=mapping(tmp_path, text))
    assert got.rejects == []
    table = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| r")]
    head, *body = [cells for cells in table if cells[0].startswith(("request_id", "r-"))]
    shown = [{**row, "output_tokens": row["output_tokens"] or "NULL"} for row in got.rows]
    shown[2]["output_tokens"] = got.rows[2]["output_tokens"]
    assert body == [[str(row[name]) for name in head] for row in shown]
    assert set(got.column("origin")) == {"accepted"}
    assert set(got.column("system")) == {"gateway"}
    (fact,) = got.facts
    assert (fact.clock, fact.origin, fact.system, fact.notes) == ("unix", "accepted", "gateway", ())


# --- What a mapping may say ----------------------------------------------------------------------

ARRIVAL = '[arrival]\nfield = "at"\nunit = "ns"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no times; give [arrival]"),
        ("a = ", "is no TOML"),
        ("[" * 2000, "is no TOML"),
        ('colour = "red"\n' + ARRIVAL, "colour is unknown; allowed are csv, file, request_id"),
        ("request_id = 5\n" + ARRIVAL, "request_id is 5; allowed is a field's name"),
        ('request_id = ""\n' + ARRIVAL, "request_id is ''"),
        ('request_id = "a..b"\n' + ARRIVAL, "request_id is 'a..b'"),
        ('request_id = ["a", 1]\n' + ARRIVAL, "request_id is ['a', 1]"),
        ("request_id = '\"'\n" + ARRIVAL, "request_id is"),
        ('file = "xml"\n' + ARRIVAL, "file is 'xml'; allowed are csv, json, parquet"),
        ('[arrival]\nfield = "at"\n', "arrival.unit is missing; allowed are iso, ns, us, ms, s"),
        ('[arrival]\nfield = "at"\nunit = "min"', "arrival.unit is 'min'; allowed are iso, ns, us"),
        ('[arrival]\nunit = "s"', "arrival.field is missing"),
        (ARRIVAL + 'zone = "UTC"', "arrival.zone is for unit iso"),
        ('[arrival]\nfield = "at"\nunit = "iso"\nzone = "Mars"', "arrival.zone is 'Mars'; allowed"),
        (ARRIVAL + 'from = "clock"', "arrival.from is unknown; allowed are arrival.field"),
        ("arrival = 5", "arrival is 5; allowed is a table"),
        ('[chunks]\ntimes = "t"\nunit = "s"', "chunks.from is missing; allowed are arrival, clock"),
        ('[chunks]\ntimes = "t"\nunit = "s"\nfrom = "x"', "chunks.from is 'x'"),
        ('[chunks]\ntimes = "t"\nunit = "iso"\nfrom = "arrival"', "iso times are on the clock"),
        ('[chunks]\ntimes = "t"\nunit = "s"\nfrom = "clock"', "times on the clock need [arrival]"),
        ('[chunks]\nunit = "s"', "chunks.times is missing"),
        (
            '[chunks]\ntimes = "t"\nunit = "s"\nfrom = "arrival"\nfirst = "f"',
            "chunks.first is for gaps",
        ),
        ('[end]\nfield = "e"\nunit = "s"\nfrom = "previous"', "end.from is 'previous'"),
        ('[end]\nfield = "e"\nunit = "s"\nfrom = "arrival"\nsize = 1', "end.size is unknown"),
        ('clock = { value = "sundial" }\n' + ARRIVAL, "clock.value is 'sundial'; allowed are unix"),
        ("run = {}\n" + ARRIVAL, "run.value is missing"),
        ('run = { name = "x" }\n' + ARRIVAL, "run.name is unknown"),
        (ARRIVAL + '[status]\nfield = "s"\nother = "bad"', "status.other is 'bad'; allowed are ok"),
        (ARRIVAL + '[status]\nfield = "s"\n[status.values]\n"200" = "fine"', "status.values.200"),
        (ARRIVAL + '[status]\nvalues = { a = "ok" }', "status.field is missing"),
        (ARRIVAL + '[dimensions]\nttft_ns = "x"', "dimensions.ttft_ns is a column of its own"),
        (
            ARRIVAL + '[dimensions]\nx = { field = "y", type = "date" }',
            "dimensions.x.type is 'date'",
        ),
        (ARRIVAL + '[csv]\ndelimiter = ",,"', "csv.delimiter is ',,'; allowed is one ASCII"),
        ('error = "at.x"\n' + ARRIVAL, "at and at.x are one inside the other"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_said_in_one_line(tmp_path, text, says):
    path = mapping(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        mapping_toml.load(path)
    said = str(caught.value)
    assert says in said
    assert said.startswith(f"the mapping {path}")
    assert "\n" not in said


def test_a_mapping_that_is_not_there_or_no_text_is_a_wrong_call(tmp_path):
    path = make.json_lines(tmp_path / "x", ROW)
    with pytest.raises(UsageError, match="cannot be read"):
        make.read_back(path, mapping=str(tmp_path / "none.toml"))
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        make.read_back(path, mapping=str(tmp_path / "b.toml"))
    with pytest.raises(UsageError, match="needs a mapping"):
        make.read_back(path, format="mapped")
    with pytest.raises(UsageError, match="leave one out"):
        make.read_back(path, format="vllm", mapping=mapping(tmp_path))


def test_without_a_mapping_nothing_is_guessed(tmp_path):
    with pytest.raises(FormatError, match="not a trace"):
        make.read_back(make.json_lines(tmp_path / "x", ROW))


def test_in_folders_a_mapping_reads_what_it_fits_if_the_format_says_so(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    make.json_lines(folder / "a", ROW)
    make.json_lines(folder / "b", {"other": 1})
    make.json_lines(folder / "c", make.aiperf_line())
    options = {"mapping": mapping(tmp_path)}
    plain = readers.find([str(folder)], readers.ReadOptions(**options))
    assert [source.format for source in plain.sources] == ["aiperf"]
    wanted = readers.find([str(folder)], readers.ReadOptions(format="mapped", **options))
    assert [source.name for source in wanted.sources] == ["a"]
    assert {skipped.path[-1] for skipped in wanted.skipped} == {"b", "c"}


# --- Values --------------------------------------------------------------------------------------


def test_json_rows_and_arrays(tmp_path):
    (row,) = json_rows(tmp_path, RELATIVE, ROW).rows
    assert row["arrival_ns"] == 1_800_000_000_000_000_001
    assert row["chunk_times_ns"] == [1_500_000, 2_000_000]
    assert (row["chunk_tokens"], row["output_tokens"], row["timing"]) == ([1, 2], 3, "chunk")
    for document in ([ROW, ROW], {"data": [ROW, ROW], "page": 1}):
        (tmp_path / "y").write_text(json.dumps(document, indent=1))
        got = make.read_back(tmp_path / "y", mapping=mapping(tmp_path))
        assert got.column("chunk_times_ns") == [[1_500_000, 2_000_000]] * 2


def test_paths_lead_into_objects_and_names_may_have_dots(tmp_path):
    text = 'request_id = ["a.b", "c"]\nerror = "e.f.g"\n' + ARRIVAL
    rows = [
        {"a.b": {"c": 7}, "at": 1, "e": {"f": {"g": "broke"}}},
        {"a.b": {"c": "8"}, "at": 2, "e": {"f": None}},
        {"a.b": {"c": True}, "at": 3},
    ]
    got = json_rows(tmp_path, text, *rows)
    assert got.column("request_id") == ["7", "8", "true"]
    assert got.column("error") == ["broke", None, None]
    assert got.column("status") == ["failed", "ok", "ok"]
    assert got.column("timing") == ["none"] * 3


def test_epochs_keep_every_digit(tmp_path):
    text = '[arrival]\nfield = "at"\nunit = "s"\n[end]\nfield = "e"\nunit = "s"\nfrom = "clock"'
    line = '{"at": 1782187865.739901397, "e": "1782187866.739901398"}'
    (row,) = json_rows(tmp_path, text, line).rows
    assert (row["arrival_ns"], row["end_ns"]) == (1782187865739901397, 1_000_000_001)


def test_gaps_follow_the_first_time(tmp_path):
    text = '[chunks]\ntimes = "g"\nunit = "us"\nfrom = "previous"\n'
    with_first = text + 'first = "f"'
    rows = [{"g": [1, 2], "f": 10}, {"g": [], "f": 5}, {"g": [], "f": None}, {"g": [1], "f": None}]
    got = json_rows(tmp_path, with_first, *rows)
    assert got.column("chunk_times_ns") == [[10_000, 11_000, 13_000], [5_000], []]
    assert "null beside gaps" in got.rejects[0].detail
    assert json_rows(tmp_path, text, *rows).column("chunk_times_ns")[0] == [1_000, 3_000]
    assert got.facts[0].clock == "none"


def test_first_and_last_serve_where_there_is_no_list(tmp_path):
    text = """
    output_tokens = "n"
    reasoning_tokens = "r"
    [chunks]
    times = "t"
    unit = "s"
    from = "arrival"
    [first_token]
    field = "f"
    unit = "s"
    from = "arrival"
    [last_token]
    field = "l"
    unit = "s"
    from = "arrival"
    [first_visible_token]
    field = "v"
    unit = "s"
    from = "arrival"
    """
    rows = [{"t": [1, 2], "f": 9, "l": 9, "r": 1}, {"f": 1, "l": 3, "n": 3, "v": 2}, {"n": 3}]
    got = json_rows(tmp_path, text, *rows)
    assert got.column("timing") == ["chunk", "first_last", "first_last"]
    assert got.column("ttft_ns") == [None, 10**9, None]
    assert got.column("last_ns") == [None, 3 * 10**9, None]
    assert got.column("reasoning_tokens") == [1, None, None]
    assert got.column("ttft_visible_ns") == [None, 2 * 10**9, None]


def test_statuses_are_translated(tmp_path):
    text = (
        ARRIVAL
        + '[status]\nfield = "s"\n[status.values]\n200 = "ok"\ntrue = "ok"\nlate = "timeout"\n'
    )
    values = [200, True, "late", None, "cancelled", "weird"]
    rows = [{"at": n, "s": value} for n, value in enumerate(values)]
    got = json_rows(tmp_path, text, *rows)
    assert got.column("status") == ["ok", "ok", "timeout", "ok", "cancelled", "weird"]
    breaches = compute(got.batches[0].deliveries, MeasureSettings()).breaches
    assert [breach.rule for breach in breaches] == ["unknown_value"]
    other = text.replace('"s"\n', '"s"\nother = "failed"\n')
    assert json_rows(tmp_path, other, *rows).column("status")[-2:] == ["failed", "failed"]


def test_dimensions_have_types(tmp_path):
    text = (
        ARRIVAL
        + """
    [dimensions]
    model = "m"
    turn = { field = "t", type = "int" }
    rate = { field = "r", type = "float" }
    cached = { field = "c", type = "bool" }
    """
    )
    rows = [
        {"at": 1, "m": 7, "t": "3", "r": 1.5, "c": True},
        {"at": 2, "m": None, "t": None, "r": 2, "c": "false"},
        {"at": 3, "t": 1.5},
        {"at": 4, "r": "fast"},
        {"at": 5, "c": "perhaps"},
        {"at": 6, "m": [1]},
    ]
    got = json_rows(tmp_path, text, *rows)
    assert got.column("model") == ["7", None]
    assert got.column("turn") == [3, None]
    assert got.column("rate") == [1.5, 2.0]
    assert got.column("cached") == [True, False]
    assert [reject.place for reject in got.rejects] == [f"line {n}" for n in (3, 4, 5, 6)]


def test_labels_are_fields_or_the_same_for_all_rows_and_options_win(tmp_path):
    text = 'run = "r"\nsystem = { value = "s" }\nclock = { value = "monotonic" }\n' + ARRIVAL
    rows = [{"r": "one", "at": 1}, {"r": 2, "at": 2}, {"r": None, "at": 3}]
    got = json_rows(tmp_path, text, *rows)
    assert got.column("run") == ["one", "2", "x"]
    assert set(got.column("system")) == {"s"}
    assert set(got.column("clock")) == {"monotonic"}
    assert got.facts == []
    forced = json_rows(tmp_path, text, *rows, run="mine", system="t")
    assert set(forced.column("run")) == {"mine"}
    assert forced.facts[0].system == "t"
    assert forced.facts[0].clock == "monotonic"


def test_local_times_need_a_zone(tmp_path):
    text = '[arrival]\nfield = "at"\nunit = "iso"\n'
    rows = [{"at": "2026-07-01T12:00:00.5"}, {"at": "2026-07-01T12:00:00.5+02:00"}]
    got = json_rows(tmp_path, text, *rows)
    assert got.places == [2]
    assert "names no zone" in got.rejects[0].detail
    zoned = json_rows(tmp_path, text + 'zone = "Europe/Berlin"', *rows)
    assert zoned.column("arrival_ns") == [1782900000500000000] * 2


def test_csv_lists_are_json_or_separated(tmp_path):
    content = 'id,at,t,c,n\r\na,5,"[1.5, 2]",1|2,3\r\nb,6,1.5|2 |3,,\r\nc,7,[],[],0\r\nd,8,,,'
    text = RELATIVE + '[csv]\nseparator = "|"'
    got = csv_rows(tmp_path, text, content)
    assert got.column("chunk_times_ns") == [
        [1_500_000, 2 * 10**6],
        [1_500_000, 2 * 10**6, 3 * 10**6],
        [],
        None,
    ]
    assert got.column("chunk_tokens") == [[1, 2], None, [], None]
    assert got.column("output_tokens") == [3, None, 0, None]
    assert got.column("timing") == ["chunk", "chunk", "chunk", "none"]
    plain = csv_rows(tmp_path, RELATIVE, content)
    assert [reject.place for reject in plain.rejects] == ["row 1", "row 2"]
    assert "csv.separator" in plain.rejects[1].detail


def test_csv_rows_of_other_widths_and_bytes_are_rejects(tmp_path):
    content = b"\xef\xbb\xbfid;at;t;c;n\na;1;;;\nb;2\n\nc;3;;;\n\xff;4;;;\nd;5;;;;;\ne;6;;;\n"
    (tmp_path / "x").write_bytes(content)
    text = RELATIVE + '[csv]\ndelimiter = ";"'
    got = make.read_back(tmp_path / "x", mapping=mapping(tmp_path, text))
    assert got.column("request_id") == ["a", "c", "e"]
    assert got.places == [1, 3, 6]
    assert sorted(reject.place for reject in got.rejects) == ["row 2", "row 4", "row 5"]


@pytest.mark.parametrize(
    "content", ["id,at,t\n1,2,3\n", "id,at,t,c,n,n\n", "nothing\n", "\x00\xff\n"]
)
def test_a_header_without_the_mapped_columns_is_refused(tmp_path, content):
    with pytest.raises(FormatError, match=r"column [cin]"):
        csv_rows(tmp_path, RELATIVE, content)


def test_fields_that_no_json_row_has_are_refused_or_noted(tmp_path):
    with pytest.raises(FormatError, match="no row with t; name the fields"):
        json_rows(tmp_path, RELATIVE, {"id": 1, "at": 2})
    got = json_rows(tmp_path, 'error = "why"\n' + RELATIVE, ROW)
    assert got.facts[0].notes == ("No row has these fields of the mapping: why.",)
    with pytest.raises(FormatError, match="no row that is a JSON object"):
        json_rows(tmp_path, RELATIVE, "{")


def test_parquet_columns_of_many_types(tmp_path):
    times = pa.array([[1, 2], [3], None, []], pa.large_list(pa.int32()))
    got = parquet_rows(
        tmp_path,
        RELATIVE,
        id=pa.array(["a", "b", "c", "d"]).dictionary_encode(),
        at=pa.array([1, 2, 3, None], pa.uint32()),
        t=times,
        c=pa.array([[1, 1], [1], None, []], pa.list_(pa.uint8())),
        n=pa.array([2.0, None, 5.0, 0.0]),
    )
    assert got.column("chunk_times_ns") == [[10**6, 2 * 10**6], [3 * 10**6], None, []]
    assert got.column("arrival_ns") == [1, 2, 3, None]
    assert got.column("output_tokens") == [2, None, 5, 0]
    assert got.column("request_id") == ["a", "b", "c", "d"]


def test_parquet_floats_stand_for_their_shortest_text(tmp_path):
    text = '[arrival]\nfield = "at"\nunit = "s"\n[chunks]\ntimes = "t"\nunit = "s"\nfrom = "clock"'
    got = parquet_rows(tmp_path, text, at=[1782187865.7399], t=[[1782187865.74, 1782187865.7401]])
    assert got.column("arrival_ns") == [1782187865739900000]
    assert got.column("chunk_times_ns") == [[100_000, 200_000]]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_timestamps_and_durations_have_their_unit(tmp_path, unit):
    text = f"""
    [arrival]
    field = "log.at"
    unit = "iso"
    zone = "Europe/Berlin"
    [chunks]
    times = "log.t"
    unit = "iso"
    [end]
    field = "e"
    unit = "{unit}"
    from = "arrival"
    """
    zoned = pa.timestamp(unit, "Asia/Tokyo")
    moments = [datetime(2026, 7, 1, 10, 0, second, tzinfo=UTC) for second in (1, 2)]
    at = pa.array([datetime(2026, 7, 1, 12, 0, 0)], pa.timestamp(unit))  # noqa: DTZ001 - naive
    log = pa.StructArray.from_arrays([at, pa.array([moments], pa.list_(zoned))], ["at", "t"])
    got = parquet_rows(tmp_path, text, log=log, e=pa.array([3], pa.duration(unit)))
    (row,) = got.rows
    assert row["arrival_ns"] == 1782900000 * 10**9
    assert row["chunk_times_ns"] == [10**9, 2 * 10**9]
    assert row["end_ns"] == 3 * 10 ** UNITS[unit]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[arrival]\nfield = "at"\nunit = "ms"', r"timestamp\[us\]; write unit = 'iso'"),
        ('[arrival]\nfield = "at"\nunit = "iso"', "without a zone"),
        ('[arrival]\nfield = "log.at"\nunit = "s"', "no column log.at"),
        ('[arrival]\nfield = "none"\nunit = "s"', r"no column none \(it has: at\)"),
    ],
)
def test_parquet_columns_that_do_not_fit_are_refused(tmp_path, text, says):
    at = pa.array([0], pa.timestamp("us"))
    with pytest.raises(FormatError, match=says):
        parquet_rows(tmp_path, text, at=at)


def test_parquet_values_of_other_types_are_rejects(tmp_path):
    got = parquet_rows(
        tmp_path,
        RELATIVE,
        id=[b"\xff", None, b"c", b"d"],
        at=[1, 2, 3, 4],
        t=[[b"1"], [None], [], [b"1.5"]],
        c=[None, [None], [], ["1"]],
        n=["1", "2", "3", "4"],
    )
    assert got.rows == []
    assert [reject.place for reject in got.rejects] == [f"row {n}" for n in (1, 2, 3, 4)]


def test_numbers_beyond_the_columns_are_rejects(tmp_path):
    rows = [
        ROW | {"at": 2**70},
        ROW | {"t": [2**62]},
        ROW | {"t": [1e300]},
        ROW | {"t": [True]},
        ROW | {"t": ["soon"]},
        ROW | {"t": 5},
        ROW | {"c": [2**40, 1]},
        ROW | {"c": [1.5, 1]},
        ROW | {"n": 1e300},
        ROW | {"n": True},
        ROW | {"id": {"a": 1}},
        '{"id": "a", "at": ' + "9" * 5000 + "}",
    ]
    got = json_rows(tmp_path, RELATIVE, *rows, ROW)
    assert got.places == [len(rows) + 1]
    assert len(got.rejects) == len(rows)
    assert {reject.reason for reject in got.rejects} == {"wrong_type"}


def test_parts_of_a_large_file_are_read_alone(tmp_path):
    table = pa.table(
        {
            "id": list(range(50)),
            "at": list(range(50)),
            "t": [[1]] * 50,
            "c": [[1]] * 50,
            "n": [1] * 50,
        }
    )
    path = make.parquet(tmp_path / "x", table, row_group_size=10)
    options = readers.ReadOptions(mapping=mapping(tmp_path), batch_bytes=64)
    (source,) = readers.resolve([str(path)], options)
    plan = readers.plan(source, options)
    assert len(plan.partitions) == 5
    (tmp_path / "m.toml").unlink()
    rows = [
        row
        for part in reversed(plan.partitions)
        for b in readers.read(part)
        for row in b.deliveries.to_pylist()
    ]
    assert sorted(int(row["request_id"]) for row in rows) == list(range(50))


# --- Round trips ---------------------------------------------------------------------------------


class Style(NamedTuple):
    """How a log writes times: unit, what they count from."""

    unit: str
    since: str

    def write(self, ns, arrival=0):
        """``ns`` since arrival as a value of the log."""
        if ns is None:
            return None
        moment = ns + (arrival or 0) * (self.since == "clock")
        if self.unit == "iso":
            seconds, fraction = divmod(moment, 10**9)
            return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09}Z"
        if self.unit == "ns":
            return moment
        return Decimal(moment).scaleb(-UNITS[self.unit])


STYLES = [
    Style(unit, since)
    for since in ("arrival", "clock", "previous")
    for unit in ("ns", "us", "ms", "s", "iso")
    if unit != "iso" or since == "clock"
]
LABELS = ("run", "system", "workload", "clock", "origin", "timing")


def style_mapping(style):
    bare = "arrival" if style.since == "previous" else style.since
    labels = "".join(f'{name} = "{name}"\n' for name in LABELS)
    first = 'first = "log.first"\n' if style.since == "previous" else ""
    moments = "".join(
        f'[{name}]\nfield = "{name}"\nunit = "{style.unit}"\nfrom = "{bare}"\n'
        for name in ("first_token", "last_token", "end")
    )
    return f"""
    request_id = "request_id"
    input_tokens = "input_tokens"
    output_tokens = "output_tokens"
    error = "error"
    {labels}
    [status]
    field = "status"
    [arrival]
    field = "arrival"
    unit = "{style.unit}"
    [chunks]
    times = "log.times"
    unit = "{style.unit}"
    from = "{style.since}"
    sizes = "log.sizes"
    {first}
    {moments}
    """


def style_row(style, row):
    """The row as a log of this style has it."""
    arrival, times = row["arrival_ns"], row["chunk_times_ns"]
    found = {name: row[name] for name in (*LABELS, "request_id", "status", "error")}
    found |= {name: row[name] for name in ("input_tokens", "output_tokens")}
    bare = Style(style.unit, "arrival" if style.since == "previous" else style.since)
    found["arrival"] = Style(style.unit, "clock").write(arrival)
    ends = {"first_token": "ttft_ns", "last_token": "last_ns", "end": "end_ns"}
    found |= {name: bare.write(row[given], arrival) for name, given in ends.items()}
    first = times[0] if times and style.since == "previous" else None
    if times is not None and style.since == "previous":
        times = [after - before for before, after in pairwise(times)]
    written = None if times is None else [style.write(time, arrival) for time in times]
    found["log.first"] = bare.write(first)
    found["log.times"], found["log.sizes"] = written, row["chunk_tokens"]
    return found


def write_json(path, rows):
    def nested(row):
        plain = {key: value for key, value in row.items() if "." not in key}
        return plain | {"log": {k.partition(".")[2]: v for k, v in row.items() if "." in k}}

    encoder = msgspec.json.Encoder(decimal_format="number")
    path.write_bytes(b"\n".join(encoder.encode(nested(row)) for row in rows))


def write_csv(path, rows):
    def cell(value):
        if isinstance(value, list):
            return msgspec.json.Encoder(decimal_format="number").encode(value).decode()
        return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)

    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(rows[0])
        writer.writerows([cell(value) for value in row.values()] for row in rows)


def write_parquet(path, rows):
    kinds = {int: pa.int64(), Decimal: pa.decimal128(38, 9), str: pa.string()}

    def column(name):
        values = [row[name] for row in rows]
        items = [v for value in values for v in (value if isinstance(value, list) else [value])]
        kind = kinds[next((type(item) for item in items if item is not None), int)]
        return pa.array(
            values, pa.list_(kind) if any(isinstance(v, list) for v in values) else kind
        )

    pq.write_table(pa.table({name: column(name) for name in rows[0]}), path, row_group_size=3)


WRITERS = {"json": write_json, "csv": write_csv, "parquet": write_parquet}


@st.composite
def logged(draw):
    """A style, and rows that a log of the style can hold."""
    style = draw(st.sampled_from(STYLES))
    rows = draw(strategies.deliveries(min_size=1))
    if style.since == "clock":  # a moment beyond the year 2116 is none, and needs an arrival
        rows = [row | {"arrival_ns": row["arrival_ns"] or 5} for row in rows]
        latest = 10**18
        for row in rows:
            for name in ("ttft_ns", "last_ns", "end_ns"):
                row[name] = None if row[name] is None else min(row[name], latest)
            times = row["chunk_times_ns"]
            row["chunk_times_ns"] = None if times is None else [min(t, latest) for t in times]
    return style, rows


def requests_of(batches):
    found = [compute(batch, MeasureSettings()) for batch in batches]
    assert all(measured.breaches == () for measured in found)
    return [row for measured in found for row in measured.requests.to_pylist()]


@pytest.mark.parametrize("kind", list(WRITERS))
@FEWER
@given(logged())
def test_deliveries_written_in_any_style_give_the_same_requests(tmp_path_factory, kind, given):
    style, rows = given
    folder = tmp_path_factory.mktemp("log")
    WRITERS[kind](folder / "x", [style_row(style, row) for row in rows])
    got = make.read_back(folder / "x", mapping=mapping(folder, style_mapping(style)))
    assert got.rejects == []
    table = strategies.deliveries_table(rows)
    expected = requests_of(table.to_batches())
    assert requests_of([batch.deliveries for batch in got.batches]) == expected


# --- Damage --------------------------------------------------------------------------------------


def test_no_damage_loses_a_json_row(tmp_path):
    rows = [ROW, ROW | {"id": "b", "t": ["1.5"], "c": None}]
    options = {"mapping": mapping(tmp_path)}
    data = make.json_lines(tmp_path / "x", *rows).read_bytes()
    for damaged in [*damage.cuts(data), *damage.flips(data), *damage.swaps(rows)]:
        got = damage.survive(tmp_path / "x", damaged, **options)
        if got:
            assert damage.counted(got) == damage.lines_in(damaged)


def test_damaged_csv_and_parquet_are_refused_or_read(tmp_path):
    options = {"mapping": mapping(tmp_path)}
    content = b'id,at,t,c,n\na,5,"[1.5, 2]","[1, 2]",3\nb,6,"[1.5]",,1\nc,7,[],[],0\n'
    for damaged in [*damage.cuts(content), *damage.flips(content, 300)]:
        damage.survive(tmp_path / "x", damaged, **options)
    table = pa.table({"id": ["a"], "at": [1], "t": [[1.5, 2]], "c": [[1, 2]], "n": [3]})
    data = make.parquet(tmp_path / "y", table).read_bytes()
    for damaged in [*damage.cuts(data, 60), *damage.flips(data, 200)]:
        damage.survive(tmp_path / "x", damaged, **options)


def test_damaged_mappings_are_wrong_calls(tmp_path):
    path = make.json_lines(tmp_path / "x", ROW)
    data = RELATIVE.encode()
    for damaged in [*damage.cuts(data), *damage.flips(data, 300)]:
        (tmp_path / "m.toml").write_bytes(damaged)
        damage.survive(path, path.read_bytes(), mapping=str(tmp_path / "m.toml"))
