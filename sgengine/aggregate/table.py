"""The columns of REQUESTS that group figures need, as numpy arrays with -1 for NULL."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sgengine.compute import Rows, numbers_of
from sgengine.compute.envelopes import idle_at
from sgengine.compute.ragged import places_in
from sgengine.objectives import Reader
from sgengine.schema.enums import STATUSES

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]

OK = STATUSES.index("ok")


@dataclass(frozen=True, kw_only=True)
class Requests:
    """One batch of REQUESTS, (R,) int64 each; -1 where NULL, which no value of these can be.

    ``status``, int8, is an index into STATUSES. What few figures need is taken when it is asked for.
    """

    batch: Rows
    status: Int8s
    n: Int64s
    n_input: Int64s
    n_chunks: Int64s
    ttft: Int64s
    e2e: Int64s
    idle: Int64s
    late: Int64s

    @cached_property
    def itl_max(self) -> Int64s:
        """The longest gap."""
        return numbers_of(self.batch, "itl_max_ns")

    @cached_property
    def idle_min(self) -> Int64s:
        """The lower bound of ``idle``."""
        return numbers_of(self.batch, "user_idle_latency_ns_min")

    @cached_property
    def idle_max(self) -> Int64s:
        """The upper bound of ``idle``."""
        return numbers_of(self.batch, "user_idle_latency_ns_max")

    @property
    def span(self) -> Int64s:
        """t_n - t_1 in ns, -1 where either is unknown."""
        return np.where((self.ttft >= 0) & (self.e2e >= 0), self.e2e - self.ttft, -1)

    def idle_for(self, reader: Reader, measured: Reader) -> tuple[Int64s, Int64s, Int64s]:
        """user_idle_latency, its lower and its upper bound for ``reader``, -1 where NULL.

        The measured columns if it is the ``measured`` reader, else from the envelopes.
        """
        if (reader.first_ns, reader.pace_ns) == (measured.first_ns, measured.pace_ns):
            return self.idle, self.idle_min, self.idle_max
        columns = ("envelope", "envelope_min", "envelope_max")
        exact, low, high = (idle_at(self.batch.column(name), reader) for name in columns)
        return exact, low, high


def requests_of(batch: Rows) -> Requests:
    """The arrays of one REQUESTS batch."""
    return Requests(
        batch=batch,
        status=status_codes(batch.column("status")),
        n=numbers_of(batch, "n_output_tokens"),
        n_input=numbers_of(batch, "n_input_tokens"),
        n_chunks=numbers_of(batch, "n_chunks"),
        ttft=numbers_of(batch, "ttft_ns"),
        e2e=numbers_of(batch, "e2e_latency_ns"),
        idle=numbers_of(batch, "user_idle_latency_ns"),
        late=numbers_of(batch, "late_tokens"),
    )


def status_codes(column: pa.Array) -> Int8s:
    """Index into STATUSES of each row of a status column."""
    return places_in(column, STATUSES)
