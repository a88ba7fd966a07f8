"""The door for frames of other libraries: pandas, polars, pyarrow, DuckDB results, database cursors with ADBC, and
whatever else hands out Arrow data, without a copy of columns of numbers.

    prices = frames.read(frame)                                   # a Panel of prices, long or wide
    scores = frames.read_scores(series)                           # MultiIndex (datetime, instrument), or wide
    frames.to_polars(prices)                                      # and back
"""
from __future__ import annotations

import datetime
import decimal
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from quantick import _core
from quantick._core import BacktestResult, Column, Panel, ScoreMatrix, Table

__all__ = ["Column", "Table", "read", "read_scores", "table", "to_arrow", "to_pandas", "to_polars", "to_table"]

Layout = Literal["long", "wide"]

_SECONDS_PER_DAY = 86400


def table(frame: Any) -> Table:
    """The columns of a frame as they are: no copy of numbers that lie in one piece, nothing interpreted.

    Takes objects with ``__arrow_c_stream__`` or ``__arrow_c_array__`` (polars, pyarrow, DuckDB, ADBC), pandas frames and
    series (their index becomes columns, unless it only counts rows; pyarrow is not needed), and mappings of names to
    arrays. Columns of objects become numbers where all of them are, nullable whole numbers with gaps become float64.
    Raises TypeError that names column, row and type for objects that are neither numbers nor text nor dates.
    """
    if isinstance(frame, Table):
        return frame
    if _is_pandas(frame):
        return _table_of_pandas(frame)
    if hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "__arrow_c_array__"):
        return Table.read(frame)
    if isinstance(frame, Mapping):
        return Table([_column(str(name), values) for name, values in frame.items()])
    hint = ": collect() it first" if type(frame).__name__ == "LazyFrame" else ""
    raise TypeError(f"[frame] was a {type(frame).__name__}, expected a frame of pandas, polars, pyarrow or DuckDB, an "
                    f"object with __arrow_c_stream__, or a mapping of names to arrays{hint}")


def read(frame: Any, *, time_zone: str | None = None, name: str = "frame", **options: Any) -> Panel:
    """Prices as a Panel, from a frame in any layout that price files have: long (a row per date and instrument), wide (a
    column per instrument), or of one instrument alone, which is then called ``name``. Columns of two levels, fields and
    instruments in either order (as yfinance has them), and mappings of fields or instruments to pandas frames are read,
    too.

    ``options`` are those of ``market.read_csv`` and mean the same: layout, bars, date_column, instrument_column,
    price_column, extra_columns, instruments, start, end, missing, bad_price, duplicate, unsorted, empty_column, calendar.
    Timestamps without a time zone are the exchange's own clock; those with one need ``time_zone``, the exchange's.
    Raises ValueError (ParseError) that names column, row and value.
    """
    return _core.read_panel_of(_arranged(frame, "close"), _frame_options(name, time_zone), _with_date_texts(options),
                               _offsets(time_zone))


def read_scores(frame: Any, *, date_column: str | None = None, instrument_column: str | None = None,
                score_column: str | None = None, time_zone: str | None = None, name: str = "frame",
                unsorted: Literal["error", "sort"] = "error") -> ScoreMatrix:
    """Scores from elsewhere: long with a column of scores (or a Series by date and instrument, as Qlib and alphalens
    have them), or wide with a column per instrument. NaN and null are "no score".

    Raises ParseError for a date and instrument that come twice and, unless ``unsorted`` is "sort", for dates that do not
    ascend; other errors as ``read``.
    """
    if isinstance(frame, ScoreMatrix):
        return frame
    if unsorted not in ("error", "sort"):
        raise ValueError(f"[frames.read_scores] unsorted, was {unsorted!r}, expected error or sort")
    options = {**_frame_options(name, time_zone), "sorted": unsorted == "sort"}
    return _core.read_scores_of(_arranged(frame, "score"), options, date_column or "", instrument_column or "",
                                score_column or "", _offsets(time_zone))


def to_table(data: Any, *, layout: Layout | None = None, field: str = "price") -> Table:
    """A Panel, ScoreMatrix, backtest result or mapping of arrays as a Table, for any library that reads Arrow data.

    long (of a Panel, unless asked otherwise): date, instrument and a column per field, whose memory is the panel's own.
    wide (of a ScoreMatrix): date and a column per instrument, of a Panel the values of ``field``.
    """
    return Table([_column(name, values) for name, values in _columns(data, layout, field)[1].items()])


def to_arrow(data: Any, *, layout: Layout | None = None, field: str = "price") -> Any:
    """``to_table`` as a pyarrow.Table, without a copy."""
    import pyarrow

    return pyarrow.table(to_table(data, layout=layout, field=field))


def to_polars(data: Any, *, layout: Layout | None = None, field: str = "price") -> Any:
    """``to_table`` as a polars.DataFrame."""
    import polars

    return polars.DataFrame(to_table(data, layout=layout, field=field))


def to_pandas(data: Any, *, layout: Layout | None = None, field: str = "price") -> Any:
    """``to_table`` as a pandas.DataFrame, indexed by date, or by (date, instrument) in the long layout."""
    import pandas

    index, columns = _columns(data, layout, field)
    frame = pandas.DataFrame(columns, copy=False)
    return frame.set_index(index) if index else frame


def _is_pandas(thing: Any) -> bool:
    return type(thing).__module__.partition(".")[0] == "pandas"


def _arranged(frame: Any, unnamed: str) -> Table:
    """``table``, of pandas objects in other shapes, too; ``unnamed`` is what a series without a name is called."""
    parts = list(frame.values()) if isinstance(frame, Mapping) else []
    if parts and all(map(_is_pandas, parts)):
        import pandas

        if all(isinstance(part, pandas.DataFrame) for part in parts):
            frame = pandas.concat(dict(frame), axis=1, sort=True)
        elif all(isinstance(part, pandas.Series) for part in parts):
            counts = [isinstance(part.index, pandas.RangeIndex) for part in parts]
            frame = frame if all(counts) else pandas.DataFrame(dict(frame))
    if not _is_pandas(frame):
        return table(frame)
    import pandas

    if isinstance(frame, pandas.Series) and frame.name is None:
        frame = frame.rename(unnamed)
    if isinstance(frame, pandas.DataFrame) and frame.columns.nlevels == 2 and frame.index.nlevels == 1:
        frame = _long_of_two_levels(frame)
    return _table_of_pandas(frame)


def _long_of_two_levels(frame: Any) -> Any:
    """A row per date and instrument of a pandas frame whose columns say field and instrument, in either order."""
    import numpy as np
    import pandas

    dates = [column for column in frame.columns if "" in column]  # what reset_index() makes of the index
    if len(dates) == 1:
        frame = frame.set_index(dates[0])
        called = "".join(dates[0])
        frame.index.name = None if called == "index" else called
    levels = [frame.columns.get_level_values(i).unique() for i in range(2)]
    known = [sum(_core.field_of(str(name)) != "" for name in level) / len(level) for level in levels]
    if known[0] == known[1]:
        raise ValueError(f"[frame] columns of two levels, ({', '.join(map(str, levels[0][:3]))}, ...) and "
                         f"({', '.join(map(str, levels[1][:3]))}, ...), expected the fields (open, close, adj close, ...) "
                         f"in one of them; choose a part, such as frame[{levels[0][0]!r}]")
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise ValueError(f"[frame] two columns are called {twice}, expected one")
    fields, names = (0, 1) if known[0] > known[1] else (1, 0)
    index = [frame.index.repeat(len(levels[names])), np.tile(levels[names].to_numpy(), len(frame))]
    blocks = {name: frame.xs(name, axis=1, level=fields).reindex(columns=levels[names]) for name in levels[fields]}
    return pandas.DataFrame({name: block.to_numpy().reshape(-1) for name, block in blocks.items()},
                            index=pandas.MultiIndex.from_arrays(index, names=[frame.index.name, "instrument"]))


def _check_labels(block: Any, days: Any, instruments: Sequence[str], what: str) -> None:
    """Refuses a frame whose columns or dates are not those that its values are taken for. Arrays have none."""
    columns = getattr(block, "columns", None)
    if columns is None or type(columns).__name__ == "RangeIndex":
        return
    for i, (own, said) in enumerate(zip(map(str, columns), instruments)):
        if own != said:
            raise ValueError(f"{what}: column {i} is called {own!r}, expected {said!r}: values are taken in the order of "
                             "the instruments; frames.read() goes by the names")
    index: Any = getattr(block, "index", None)
    if getattr(getattr(index, "dtype", None), "kind", "") != "M" or len(index) != len(days):
        return
    own_days = index.to_numpy().astype("datetime64[D]")
    if (own_days != days).any():
        row = int((own_days != days).argmax())
        raise ValueError(f"{what}: row {row} is of {own_days[row]}, expected {days[row]}: values are taken in the order of "
                         "the dates; frames.read() goes by the index")


def _with_date_texts(options: dict[str, Any]) -> dict[str, Any]:
    """Dates of any library among the options as texts."""
    return {name: str(value)[:10] if name in ("start", "end") and (
                isinstance(value, datetime.date) or type(value).__name__ == "datetime64") else value
            for name, value in options.items()}


def _frame_options(name: str, time_zone: str | None) -> dict[str, Any]:
    return {"name": name, "time_zone": time_zone or ""}


def _columns(data: Any, layout: Layout | None, field: str) -> tuple[list[str], dict[str, Any]]:
    """Names of the index, and all columns by name."""
    import numpy as np

    if layout not in (None, "long", "wide"):
        raise ValueError(f"[frames] layout, was {layout!r}, expected long or wide")
    if isinstance(data, BacktestResult):
        return ["date"], _columns_of_result(data)
    if isinstance(data, Mapping):
        return [], dict(data)
    if not isinstance(data, (Panel, ScoreMatrix)):
        raise TypeError(f"[frames] was a {type(data).__name__}, expected a Panel, ScoreMatrix, BacktestResult or mapping")
    when: dict[str, Any] = {"date": data.dates}
    if isinstance(data, Panel) and data.seconds is not None:
        when["time"] = np.array([_clock(second) for second in data.seconds.tolist()], dtype=object)
    if (layout or ("long" if isinstance(data, Panel) else "wide")) == "wide":
        block = data.values(field) if isinstance(data, Panel) else data.values
        return list(when), {**when, **{name: block[:, i] for i, name in enumerate(data.instruments)}}
    count = len(data.instruments)
    index = {name: values.repeat(count) for name, values in when.items()}
    index["instrument"] = np.array(data.instruments * len(data.dates), dtype=object)
    if isinstance(data, Panel):
        return list(index), {**index, **{name: data.values(name).reshape(-1) for name in data.fields}}
    return list(index), {**index, "score": data.values.reshape(-1)}


def _columns_of_result(result: BacktestResult) -> dict[str, Any]:
    names = ("equity", "returns", "gross_returns", "commission", "slippage", "borrow", "interest", "turnover",
             "gross_exposure", "net_exposure", "longs", "shorts", "trades")
    return {"date": result.dates, **{name: getattr(result, name) for name in names}}


def _clock(second: int) -> str:
    return str(datetime.timedelta(seconds=second)).rjust(8, "0")


def _table_of_pandas(frame: Any) -> Table:
    import pandas

    if isinstance(frame, pandas.Series):
        frame = frame.to_frame("score" if frame.name is None else frame.name)
    if not isinstance(frame, pandas.DataFrame):
        raise TypeError(f"[frame] was a pandas {type(frame).__name__}, expected a DataFrame or Series")
    if frame.columns.nlevels > 1:
        raise ValueError(f"[frame] columns of {frame.columns.nlevels} levels, expected one: choose a part first, such as "
                         f"frame[{frame.columns[0][0]!r}]" if len(frame.columns) else "[frame] no column")
    index = frame.index
    columns = []
    # An index of whole numbers without a name only counts rows, unless all of them read as dates (20200102).
    counts = index.nlevels == 1 and index.name is None and pandas.api.types.is_integer_dtype(index.dtype)
    if not counts or (len(index) and index.min() >= 18000101 and index.max() <= 22001231):
        for level in range(index.nlevels):
            values = index.get_level_values(level)
            dates = pandas.api.types.is_datetime64_any_dtype(values.dtype) or (
                values.dtype == object or isinstance(values.dtype, pandas.StringDtype)) and _is_date(next(iter(values), None))
            usual = "date" if dates else "instrument" if index.nlevels > 1 else ""
            columns.append(_column(usual if values.name is None else str(values.name), values.to_series()))
    columns += [_column(str(name), frame.iloc[:, i]) for i, name in enumerate(frame.columns)]
    return Table(columns)


def _column(name: str, values: Any) -> Column:
    """Any one-dimensional thing as a column; shares the memory of contiguous numbers."""
    import numpy as np

    if isinstance(values, Column):
        return values.renamed(name)
    if not isinstance(values, np.ndarray):
        module = type(values).__module__.partition(".")[0]
        if module == "pandas":
            return _column_of_pandas(name, values)
        if hasattr(values, "__arrow_c_stream__") or hasattr(values, "__arrow_c_array__"):
            return _only_column(name, values)
        values = np.asarray(values)
    if values.ndim != 1:
        raise _core.ShapeError(f"[frame] column \"{name}\": shape {values.shape}, expected one dimension")
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "O":
        return _column_of_objects(name, values)
    if kind in "US":
        return Column.of_texts(name, values.astype(str).tolist())
    if kind == "M":
        return _column_of_times(name, values)
    if kind not in "fiub" or (kind == "f" and size > 8):
        raise TypeError(f"[frame] column \"{name}\", was {values.dtype}, expected numbers, text or dates")
    if kind == "u" and size == 8 and values.size and int(values.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"[frame] column \"{name}\", row {int(values.argmax())}: {values.max()} is beyond int64")
    wider = {("f", 2): np.float32, ("u", 2): np.int32, ("u", 4): np.int64, ("u", 8): np.int64}.get((kind, size))
    return Column.of_numbers(name, values.astype(wider or values.dtype.newbyteorder("="), copy=False))


def _column_of_pandas(name: str, series: Any) -> Column:
    import numpy as np
    import pandas

    if not isinstance(series, pandas.Series):
        series = pandas.Series(series)
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return _column(name, series.to_numpy())
    if isinstance(dtype, pandas.DatetimeTZDtype):
        utc = series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return _column_of_times(name, utc, str(dtype.tz))
    if isinstance(dtype, pandas.ArrowDtype):
        return _only_column(name, series.array.__arrow_array__())
    if isinstance(dtype, (pandas.StringDtype, pandas.CategoricalDtype)):
        return _column_of_objects(name, series.astype(object).to_numpy())
    if pandas.api.types.is_float_dtype(dtype):
        return _column(name, series.to_numpy(dtype=np.float64, na_value=np.nan))
    if pandas.api.types.is_integer_dtype(dtype) or pandas.api.types.is_bool_dtype(dtype):
        missing = series.isna().to_numpy()
        if not missing.any():
            return _column(name, series.to_numpy(dtype=dtype.numpy_dtype))
        if pandas.api.types.is_integer_dtype(dtype):
            return _column(name, series.to_numpy(dtype=np.float64, na_value=np.nan))
        raise ValueError(f"[frame] column \"{name}\", row {int(missing.argmax())}: no value in a column of {dtype}, "
                         "expected true or false; fill the gaps")
    if str(dtype) in ("period[D]", "period[B]"):
        return _column(name, series.dt.to_timestamp().to_numpy())
    raise TypeError(f"[frame] column \"{name}\", was {dtype}, expected numbers, text or dates")


def _only_column(name: str, values: Any) -> Column:
    columns = Table.read(values).columns
    if len(columns) != 1:
        raise _core.ShapeError(f"[frame] column \"{name}\": {len(columns)} columns, expected one")
    return columns[0].renamed(name)


def _column_of_times(name: str, values: Any, time_zone: str = "") -> Column:
    import numpy as np

    unit = np.datetime_data(values.dtype)[0]
    if unit == "D" and not np.isnat(values).any():
        return Column.of_days(name, np.ascontiguousarray(values).view(np.int64))
    if unit not in ("s", "ms", "us", "ns"):
        unit, values = "s", values.astype("datetime64[s]")
    return Column.of_times(name, np.ascontiguousarray(values).view(np.int64), unit, time_zone)


def _column_of_objects(name: str, values: Any) -> Column:
    import numpy as np

    if all(isinstance(value, str) for value in values):
        return Column.of_texts(name, values.tolist())
    missing = [_is_missing(value) for value in values]
    if all(missing):
        return _column(name, np.full(len(values), np.nan))
    if _is_number(next((value for gap, value in zip(missing, values) if not gap), None)):
        for row, value in enumerate(values):
            if not missing[row] and not _is_number(value):
                raise TypeError(f"[frame] column \"{name}\", row {row}: was {value!r}, a {type(value).__name__} among "
                                "numbers in a column of objects, expected a number")
        whole = not any(missing) and all(isinstance(value, numbers.Integral) and -2**63 <= int(value) < 2**63
                                         for value in values)
        found = [np.nan if gap else float(value) for gap, value in zip(missing, values)]
        return _column(name, np.array([int(value) for value in values], np.int64) if whole else np.array(found))
    texts: list[str | None] = []
    for row, value in enumerate(values):
        if isinstance(value, str):
            texts.append(value)
        elif missing[row]:
            texts.append(None)
        elif isinstance(value, np.datetime64):
            texts.append(str(value.astype("datetime64[s]")))
        elif (isinstance(value, (datetime.date, datetime.time)) and getattr(value, "tzinfo", None) is None
              and value == value):
            texts.append(value.isoformat())
        else:
            raise TypeError(f"[frame] column \"{name}\", row {row}: was {value!r}, a {type(value).__name__} in a column of "
                            "objects, expected text or dates")
    return Column.of_texts(name, texts)


def _is_missing(value: Any) -> bool:
    kind = type(value).__name__
    if kind == "Decimal":
        return bool(value.is_nan())
    return value is None or kind in ("NAType", "NaTType") or (
        kind in ("float", "float64", "float32", "float16", "datetime64") and bool(value != value))


def _is_date(value: Any) -> bool:
    """Of a value, or a text that begins with a year and a month."""
    return isinstance(value, datetime.date) or isinstance(value, str) and (
        len(value) >= 8 and value[:4].isdigit() and (value[4] in "-/" or len(value) == 8 and value.isdigit()))


def _is_number(value: Any) -> bool:
    return isinstance(value, (numbers.Real, decimal.Decimal)) and not isinstance(value, bool)


def _offsets(time_zone: str | None) -> Callable[[int, int], tuple[list[int], list[int]]]:
    """Offsets of a zone's clock from UTC over a span of seconds, for the reader."""
    zone: datetime.tzinfo = datetime.timezone.utc
    if time_zone:
        import zoneinfo

        try:
            zone = zoneinfo.ZoneInfo(time_zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"[frame] time_zone, was {time_zone!r}, expected an IANA name such as America/New_York that "
                             f"this machine knows (package tzdata): {error}") from None

    def offset(second: int) -> int:
        moment = datetime.datetime.fromtimestamp(second, zone)
        shift = moment.utcoffset()
        return 0 if shift is None else int(shift.total_seconds())

    def lookup(first: int, last: int) -> tuple[list[int], list[int]]:
        try:
            starts, offsets = [first], [offset(first)]
            at = first
            while at < last:
                ahead = min(at + _SECONDS_PER_DAY, last)
                if offset(ahead) == offsets[-1]:
                    at = ahead
                    continue
                while ahead - at > 1:
                    middle = (at + ahead) // 2
                    at, ahead = (middle, ahead) if offset(middle) == offsets[-1] else (at, middle)
                at = ahead
                starts.append(at)
                offsets.append(offset(at))
            return starts, offsets
        except (OverflowError, ValueError, OSError):
            raise ValueError(f"[frame] times from {first} to {last} seconds of 1970, expected the years 1 to 9999") from None

    return lookup
