"""How tables look in a terminal and in a notebook: as Polars shows them, without a copy."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa


class Shown:
    """A value that stands for one Arrow table: shown as such, and handed on as an Arrow stream."""

    def _shown(self) -> pa.Table:
        raise NotImplementedError("each value class names its table")

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._shown().__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return repr(self._frame())

    def _repr_html_(self) -> str:
        # Polars' notebook hook is public by IPython's protocol, not by name.
        html: str = self._frame()._repr_html_()
        return html

    def _frame(self) -> pl.DataFrame:
        frame = pl.from_arrow(self._shown())
        assert isinstance(frame, pl.DataFrame), "a table, not a column"
        return frame
