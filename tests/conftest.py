"""Hypothesis profiles and the fixtures that all tests share."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.s3 import s3, s3_server

__all__ = ["s3", "s3_server"]  # fixtures

REPO = Path(__file__).resolve().parent.parent

# No deadline: the first example of a kernel may compile it. A slow strategy is seen in the
# durations of the tests, and a loaded machine is no reason to fail.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", max_examples=20, derandomize=True, **_COMMON)
settings.register_profile("dev", max_examples=50, **_COMMON)
# As many as at home: 200 would take the suite from three minutes to twelve on two cores.
settings.register_profile("ci", max_examples=50, derandomize=True, **_COMMON)
settings.register_profile("nightly", max_examples=5000, **_COMMON)
settings.load_profile(
    os.environ.get("SGENGINE_HYPOTHESIS") or ("ci" if os.environ.get("CI") else "dev")
)


def pytest_collection_finish() -> None:
    """Keep what is there for good, libraries and tests, out of all later garbage collections."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Let Python free it at its end, else nanobind tells of leaks."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def repo() -> Path:
    """Return the root of the repository."""
    return REPO


@pytest.fixture(scope="session")
def shared_dir(repo: Path) -> Path:
    """Return the folder of real traces beside the repository, which not every clone has."""
    folder = repo.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"no real traces beside the repository ({folder.name}/)")
    return folder
