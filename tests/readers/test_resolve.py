from __future__ import annotations

import pytest

from sgengine import readers
from sgengine.errors import DataError, FormatError, UsageError
from tests.readers import make

OPTIONS = readers.ReadOptions()


@pytest.fixture
def trace(tmp_path):
    return make.parquet(tmp_path / "x.parquet", make.deliveries_table())


def names(sources):
    return [source.name for source in sources]


def test_a_file_is_one_source_named_after_its_stem(trace):
    (source,) = readers.resolve([str(trace)], OPTIONS)
    assert source == readers.Source(path=str(trace), format="deliveries-parquet", name="x")


def test_a_label_is_kept_with_its_path(trace):
    (source,) = readers.resolve([f"new={trace}"], OPTIONS)
    assert (source.label, source.path) == ("new", str(trace))


def test_a_path_that_exists_wins_over_reading_it_as_a_label(tmp_path):
    path = make.parquet(tmp_path / "a=b.parquet", make.deliveries_table())
    (source,) = readers.resolve([str(path)], OPTIONS)
    assert (source.label, source.name) == (None, "a=b")


def test_a_folder_is_searched_recursively_in_sorted_order(tmp_path):
    for place in ("b/z", "b/a", "a/y"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        make.parquet(tmp_path / f"{place}.parquet", make.deliveries_table())
    assert names(readers.resolve([str(tmp_path)], OPTIONS)) == ["y", "a", "z"]


def test_a_glob_is_expanded_in_sorted_order_and_may_match_folders(tmp_path, trace):
    (tmp_path / "sub").mkdir()
    make.parquet(tmp_path / "sub" / "a.parquet", make.deliveries_table())
    assert names(readers.resolve([str(tmp_path / "*")], OPTIONS)) == ["a", "x"]
    assert names(readers.resolve([str(tmp_path / "**")], OPTIONS)) == ["a", "x"]


def test_files_of_a_folder_that_are_no_traces_are_reported(tmp_path, trace):
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty.json").touch()
    (tmp_path / ".hidden").write_text("left out")
    make.aiperf_summary(tmp_path / "profile_export_aiperf.json")
    found = readers.find([str(tmp_path)], OPTIONS)
    assert names(found.sources) == ["x"]
    reasons = {item.path.rpartition("/")[2]: item.reason for item in found.skipped}
    assert set(reasons) == {
        "notes.txt",
        "empty.json",
        "profile_export_aiperf.json",
    }
    assert reasons["empty.json"].startswith("is empty")
    assert "summary" in reasons["profile_export_aiperf.json"]


def test_a_named_file_that_is_no_trace_is_an_error(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(FormatError, match=r"notes\.txt is not a trace"):
        readers.resolve([str(path)], OPTIONS)


def test_a_folder_without_traces_is_an_error_that_says_why(tmp_path):
    with pytest.raises(DataError, match="holds no files"):
        readers.resolve([str(tmp_path)], OPTIONS)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"holds no trace; 1 file was .*notes\.txt is not"):
        readers.resolve([str(tmp_path)], OPTIONS)


@pytest.mark.parametrize("given", ["missing.json", "*.nothing", "label=missing", "=x", "x=", "\0"])
def test_what_leads_nowhere_is_a_usage_error_of_one_line(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="give") as caught:
        readers.resolve([given], OPTIONS)
    assert "\n" not in str(caught.value)


def test_no_input_is_a_usage_error():
    with pytest.raises(UsageError, match="no input"):
        readers.resolve([], OPTIONS)


def test_the_same_file_twice_is_a_usage_error(tmp_path, trace):
    link = tmp_path / "link.parquet"
    link.symlink_to(trace)
    for inputs in ([trace, trace], [f"a={trace}", f"b={trace}"], [trace, link], [tmp_path]):
        with pytest.raises(UsageError, match="given 2 times"):
            readers.resolve([str(given) for given in inputs], OPTIONS)


def test_equal_stems_are_told_apart_by_the_path_below_their_common_folder(tmp_path):
    paths = [tmp_path / "load1" / "r" / "p.parquet", tmp_path / "load2" / "r" / "p.parquet"]
    for path in paths:
        path.parent.mkdir(parents=True)
        make.parquet(path, make.deliveries_table())
    lone = make.parquet(tmp_path / "q.parquet", make.deliveries_table())
    sources = readers.resolve([*map(str, paths), str(lone)], OPTIONS)
    assert names(sources) == ["load1/r/p", "load2/r/p", "q"]


def test_equal_stems_in_one_folder_are_told_apart_by_their_suffix(tmp_path):
    make.parquet(tmp_path / "p.parquet", make.deliveries_table())
    make.ipc_file(tmp_path / "p.arrow", make.deliveries_table())
    assert names(readers.resolve([str(tmp_path)], OPTIONS)) == ["p.arrow", "p.parquet"]


def test_the_format_option_overrules_detection_for_named_files(tmp_path):
    path = make.json_lines(tmp_path / "x", {"no": "trace"})
    (source,) = readers.resolve([str(path)], readers.ReadOptions(format="aiperf"))
    assert source.format == "aiperf"


def test_the_format_option_selects_files_of_a_folder(tmp_path, trace):
    make.vllm(tmp_path / "v.json", make.vllm_result())
    options = readers.ReadOptions(format="vllm")
    found = readers.find([str(tmp_path)], options)
    assert names(found.sources) == ["v"]
    assert "is deliveries-parquet, not vllm" in f"is {found.skipped[0].reason}"


def test_the_deliveries_family_stands_for_its_three_formats(tmp_path, trace):
    options = readers.ReadOptions(format="deliveries")
    assert names(readers.resolve([str(trace)], options)) == ["x"]
    other = make.vllm(tmp_path / "v.json", make.vllm_result())
    with pytest.raises(DataError, match="is vllm, not deliveries"):
        readers.resolve([str(other)], options)


@pytest.mark.parametrize(
    "options",
    [{"format": "csv"}, {"origin": "guessed"}, {"batch_bytes": 0}, {"system": ""}],
)
def test_option_values_that_are_not_allowed_are_usage_errors(trace, options):
    with pytest.raises(UsageError):
        readers.resolve([str(trace)], readers.ReadOptions(**options))


def test_names_follow_option_then_label_then_stem(trace):
    def called(given, **options):
        (fact,) = make.read_back(given, **options).facts
        return fact.run, fact.system, fact.workload

    assert called(trace) == ("x", "x", "default")
    assert called(f"new={trace}") == ("x", "new", "default")
    assert called(f"new={trace}", system="s", workload="w", run="r") == ("r", "s", "w")
