"""Prices, calendars and ticks.

    prices = market.read_csv("prices.csv.gz")       # long or wide; market.read_options() lists what can be said
    prices["close"]                                 # NumPy [dates, instruments], the panel's own memory
    ticks = market.read_ticks("quotes.csv.gz")
"""
from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from quantick import _core, frames
from quantick._checks import expect, numbers
from quantick._core import Calendar, Panel, Ticks

__all__ = ["Calendar", "Panel", "Ticks", "panel", "read_csv", "read_options", "read_parquet", "read_ticks"]


def read_csv(path: str | os.PathLike[str], **options: Any) -> Panel:
    """Reads a price file, plain or gzip, long or wide. What is not said is inferred and written into ``Panel.source``.

    ``options``: layout, bars, date_column, instrument_column, price_column, extra_columns, instruments, start, end,
    missing, fill_limit, bad_price, duplicate, unsorted, empty_column, calendar; ``read_options()`` gives the defaults.
    Raises OSError, FormatError, and ParseError with file, line, column and value.
    """
    return _core.read_panel(os.fspath(path), frames._with_date_texts(options))


def read_options() -> dict[str, Any]:
    """Options of ``read_csv``, ``read_parquet`` and ``frames.read`` with their defaults."""
    return _core.read_options()


def read_parquet(path: str | os.PathLike[str], *, time_zone: str | None = None, **options: Any) -> Panel:
    """Reads prices from a Parquet file by pyarrow; ``options`` as in ``frames.read``."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    # Columns of several levels are written as one text each; what they were stands beside them.
    levels = ((table.schema.pandas_metadata or {}).get("column_indexes") or [])
    return frames.read(table.to_pandas() if len(levels) > 1 else table, time_zone=time_zone, name=os.fspath(path),
                       **options)


def panel(dates: Any, instruments: Sequence[str], fields: Mapping[str, Any] | Any, price: str = "close") -> Panel:
    """A Panel from arrays: dates [T] (anything that NumPy takes as datetime64[D], ascending), fields [T, N] by name, or
    one array, which is ``price``. Copies. Raises ShapeError and ValueError that name the field, also where a frame of
    pandas or polars has other columns or dates than said."""
    import numpy as np

    blocks = dict(fields) if isinstance(fields, Mapping) else {price: fields}
    if price not in blocks:
        raise ValueError(f"[market] price, was {price!r}, expected one of {', '.join(map(str, blocks))}")
    days = np.asarray(dates, dtype="datetime64[D]")
    shape = (days.size, len(instruments))
    for name, block in blocks.items():
        frames._check_labels(block, days, instruments, f"[market] field {name}")
        blocks[name] = numbers(block, f"[market] field {name}")
        if blocks[name].shape != shape:
            raise _core.ShapeError(f"[market] field {name}: shape {blocks[name].shape}, expected {shape}")
        blocks[name] = blocks[name].reshape(-1)
    return Panel(days.view(np.int64), list(instruments), blocks, price)


def read_ticks(path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], **options: Any) -> Ticks:
    """Reads a tick file, or files that continue each other, into memory: level-1 CSV or Binance's messages.

    ``options``: format (auto, level1, binance), instrument, price_step (binance), utc_offset in hours (level1). Raises
    ParseError with file, line and field. Ctrl-C ends it.
    """
    paths = [path] if isinstance(path, (str, os.PathLike)) else list(expect(
        path, Iterable, "[ticks] path", "a path, or a list of paths"))
    return _core.read_ticks([os.fspath(p) for p in paths], options)
