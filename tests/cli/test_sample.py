"""``sgengine sample``: the traces of data/, in a folder of the user's own."""

from __future__ import annotations

import pytest

from tests.cli.support import document, good, refused, run

FILES = [
    "chunked-prefill.parquet",
    "delayed.parquet",
    "prefill-first.parquet",
    "profile_export.jsonl",
    "speculative.parquet",
    "vllm-bench-serve.json",
]


def test_writes_the_files_and_says_which(tmp_path):
    folder = tmp_path / "new" / "traces"
    text = good("sample", folder)
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert sorted(line.partition(" (")[0] for line in text.splitlines()) == sorted(
        str(folder / name) for name in FILES
    )


def test_what_it_writes_can_be_analyzed(tmp_path):
    found = document("sample", tmp_path / "traces")
    assert sorted(file["path"] for file in found["files"]) == [
        str(tmp_path / "traces" / name) for name in FILES
    ]
    groups = document("analyze", tmp_path / "traces")["groups"]
    assert len(groups) == 10


def test_a_folder_that_holds_files_is_left_alone_unless_forced(tmp_path):
    mine = tmp_path / "profile_export.jsonl"
    mine.write_text("mine")
    refused(run("sample", tmp_path), 2, "--force")
    assert mine.read_text() == "mine"
    good("sample", tmp_path, "--force")
    assert mine.read_text() != "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


@pytest.mark.parametrize("folder", ["/proc/traces", "FILE", "FILE/traces"])
def test_a_folder_that_cannot_be_made(tmp_path, folder):
    (tmp_path / "file").write_text("")
    refused(run("sample", folder.replace("FILE", str(tmp_path / "file"))), 2, "cannot write")
