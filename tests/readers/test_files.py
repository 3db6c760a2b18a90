"""A file's digest, made beside something else."""

from __future__ import annotations

import hashlib

import pytest

from sgengine.readers import files


def test_a_digest_made_meanwhile_is_that_of_the_bytes(tmp_path):
    path = tmp_path / "some"
    for size in (0, 1, files._HASHED, 3 * files._HASHED + 5):
        data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        path.write_bytes(data)
        with files.hashing(str(path)) as digest:
            assert digest() == hashlib.sha256(data).hexdigest() == files.content_hash(str(path))


def test_who_leaves_early_does_not_wait_for_it(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(2**40)  # an hour's hashing
    with pytest.raises(ValueError, match="enough"), files.hashing(str(path)):
        raise ValueError("enough")


def test_a_file_that_is_gone_is_said_by_who_asks(tmp_path):
    with files.hashing(str(tmp_path / "none")) as digest, pytest.raises(FileNotFoundError):
        digest()
