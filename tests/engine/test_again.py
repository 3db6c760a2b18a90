"""A trace whose gaps drift: a second look at the tokens, and the figures of a trace that is held."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sgengine.aggregate import GapPool, SummarySettings, parse_trim
from sgengine.analyze import AnalyzeSettings, analyze
from sgengine.analyze.again import Again
from sgengine.analyze.partition import Gather
from sgengine.executors import Serial, Threads
from tests.engine.make import EPOCH, plain_row, write

REQUESTS, GAPS = 900, 120
MAKE = GapPool.__init__


@pytest.fixture(scope="module")
def drifting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Requests of two tenants one after the other; the gaps of one double half way."""
    rng = np.random.default_rng(5)
    rows = []
    for k in range(REQUESTS):
        tenant = "xy"[k % 2]
        scale = 2.0 if tenant == "x" and k > REQUESTS // 2 else 1.0
        gaps = np.rint(rng.gamma(4, 5e6 * scale, GAPS + 1)).astype(int).tolist()
        more = {"tenant": tenant, "arrival_ns": EPOCH + k * 10**9}
        more["status"] = "ok" if k % 7 else "failed"
        rows.append(plain_row(k, list(accumulate(gaps)), **more))
    folder = tmp_path_factory.mktemp("drift")
    return write(folder / "drift.parquet", rows, dimensions=("tenant",), group=30)


def hold(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """Groups of up to so many gaps are held."""
    monkeypatch.setattr(GapPool, "__init__", lambda pool, **more: MAKE(pool, **more | {"few": few}))


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sketches that begin early; the partitions that were gone over again, by what for."""
    hold(monkeypatch, 5_000)
    monkeypatch.setattr("sgengine.aggregate.pool._PIECE", 2_000)
    monkeypatch.setattr("sgengine.analyze.settings._LARGEST_BATCH", 30_000)
    found: list[str] = []
    for work in (Again, Gather):
        whole = work.__call__

        def counted(self: Any, partition: Any, stop: Any, whole: Any = whole) -> Any:
            found.append(type(self).__name__)
            return whole(self, partition, stop)

        monkeypatch.setattr(work, "__call__", counted)
    return found


@pytest.mark.parametrize("executor", [Serial(), Threads(workers=2)])
@pytest.mark.parametrize("by", [(), ("tenant",)])
@pytest.mark.parametrize("population", ["ok", "defined"])
def test_figures_are_those_of_one_look_at_all_that_is_held(
    drifting: Path,
    passes: list[str],
    monkeypatch: pytest.MonkeyPatch,
    executor: Any,
    by: tuple[str, ...],
    population: str,
) -> None:
    summary = SummarySettings(by=by, population=population, selection=parse_trim("10s,60s"))
    settings = AnalyzeSettings(summary=summary, executor=executor)
    found = analyze([str(drifting)], settings)
    assert set(passes) == {"Again"}
    assert 10 < len(passes) <= REQUESTS // 30
    hold(monkeypatch, 1 << 40)
    passes.clear()
    assert analyze([str(drifting)], settings).groups == found.groups
    assert passes == []
