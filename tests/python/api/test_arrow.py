"""The Arrow door: columns of other libraries where they lie, ours in their hands, and structs that lie refused."""
import ctypes
import datetime
import decimal
import gc
import subprocess
import sys

import numpy as np
import pytest

from quantick import frames
from quantick._core import Column, Table


def address(array):
    return np.asarray(array).__array_interface__["data"][0]


def test_numpy_float_columns_are_shared():
    close = np.array([1.0, 2.0, 3.0])
    table = frames.table({"close": close})
    assert address(table["close"]) == address(close)
    assert not table["close"].writable


def test_pyarrow_float_columns_are_shared():
    pa = pytest.importorskip("pyarrow")
    for dtype in (pa.float32(), pa.float64(), pa.int8(), pa.int64()):
        source = pa.table({"date": pa.array([1, 2, 3]), "close": pa.array([1, 2, 3], dtype)})
        values = frames.table(source)["close"]
        assert address(values) == source.column("close").chunk(0).buffers()[1].address
        part = source.slice(1, 2)
        assert frames.table(part)["close"].tolist() == [2, 3]
        assert address(frames.table(part)["close"]) == address(values) + dtype.bit_width // 8
    batch = source.to_batches()[0]
    assert address(frames.table(batch)["close"]) == batch.column(1).buffers()[1].address
    array = pa.array([1.5, 2.5])
    assert address(frames.table(array)[""]) == array.buffers()[1].address, "an array by __arrow_c_array__"


def test_polars_float_columns_are_shared():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"close": [1.0, 2.0, 3.0], "low": np.array([1, 2, 3], np.float32)})
    table = frames.table(frame)
    for name in ("close", "low"):
        assert address(table[name]) == frame[name].to_numpy().__array_interface__["data"][0]


def test_pandas_float_columns_are_shared_without_pyarrow():
    pd = pytest.importorskip("pandas")
    close = np.arange(5.0)
    frame = pd.DataFrame({"close": close}, copy=False)
    assert address(frames.table(frame)["close"]) == address(frame["close"].to_numpy())


def test_the_memory_outlives_the_frame():
    pa = pytest.importorskip("pyarrow")
    before = pa.total_allocated_bytes()
    values = frames.table(pa.table({"x": pa.array(np.arange(1e6))}))["x"]
    gc.collect()
    assert pa.total_allocated_bytes() > before
    assert np.asarray(values)[-1] == 999999
    del values
    gc.collect()
    assert pa.total_allocated_bytes() <= before


def test_chunks_and_nulls_are_copied():
    pa = pytest.importorskip("pyarrow")
    chunked = pa.table({"x": pa.chunked_array([[1.0, 2.0], [3.0]])})
    table = frames.table(chunked)
    assert table.column("x").chunks == 2
    assert table["x"].tolist() == [1, 2, 3]
    nulls = frames.table(pa.table({"x": pa.array([1.0, None])}))["x"]
    assert np.isnan(np.asarray(nulls)[1])
    with pytest.raises(ValueError, match=r'column "n", row 1: null in a column of int64'):
        frames.table(pa.table({"n": pa.array([1, None])}))["n"]


@pytest.mark.parametrize("dtype, ours", [("int8", "int8"), ("int16", "int16"), ("int32", "int32"), ("int64", "int64"),
                                         ("uint8", "uint8"), ("uint16", "int32"), ("uint32", "int64"),
                                         ("uint64", "int64"), ("float16", "float32"), ("float32", "float32"),
                                         ("float64", "float64"), ("bool", "bool")])
def test_every_number_by_arrow_and_by_numpy(dtype, ours):
    pa = pytest.importorskip("pyarrow")
    values = np.array([0, 1, 1, 0, 1, 1, 0, 1, 1]).astype(dtype)
    for source in (pa.table({"x": values}), {"x": values}):
        column = frames.table(source)["x"]
        assert column.dtype == ours
        assert np.array_equal(np.asarray(column), values)


def test_beyond_int64_is_refused():
    pa = pytest.importorskip("pyarrow")
    values = np.array([1, 2**63], np.uint64)
    for source in (pa.table({"x": values}), {"x": values}):
        with pytest.raises(ValueError, match='"x", row 1: 9223372036854775808 is beyond int64'):
            frames.table(source)["x"]


def test_texts_in_every_form():
    pa = pytest.importorskip("pyarrow")
    names = ["A", None, "a name that is longer than twelve bytes", "A"]
    for dtype in (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string()),
                  pa.dictionary(pa.uint32(), pa.large_string())):
        column = frames.table(pa.table({"x": pa.array(names).cast(dtype)})).column("x")
        assert column.texts() == names, dtype
    pl = pytest.importorskip("polars")
    for dtype in (pl.String, pl.Categorical):
        assert frames.table(pl.DataFrame({"x": pl.Series(names, dtype=dtype)})).column("x").texts() == names
    pd = pytest.importorskip("pandas")
    for dtype in ("str", "object", "category"):
        assert frames.table(pd.DataFrame({"x": pd.Series(names, dtype=dtype)})).column("x").texts() == names, dtype


def test_what_is_no_number_is_refused_by_name():
    pa = pytest.importorskip("pyarrow")
    for values, name in [(pa.array([[1.0]]), "list"), (pa.array([{"a": 1}]), "struct"), (pa.array([b"x"]), "binary"),
                         (pa.array([datetime.timedelta(1)]), "duration"), (pa.array([datetime.time(9)]), "time of day"),
                         (pa.array(["x"]), "text")]:
        with pytest.raises(TypeError, match=f'column "c", was {name}, expected numbers'):
            frames.table(pa.table({"c": values}))["c"]


def test_objects_are_refused_with_row_and_value():
    with pytest.raises(TypeError, match=r'column "close", row 1: was Decimal\(.2.5.\), a Decimal in a column of objects'):
        frames.table({"close": np.array(["x", decimal.Decimal("2.5")], object)})
    with pytest.raises(TypeError, match="expected a frame of pandas, polars"):
        frames.table(42)
    pl = pytest.importorskip("polars")
    with pytest.raises(TypeError, match="LazyFrame.*collect"):
        frames.table(pl.DataFrame({"x": [1]}).lazy())


def test_duckdb_results():
    duckdb = pytest.importorskip("duckdb")
    result = duckdb.sql("select date '2020-01-01' + i::int as date, 'A' as symbol, i + 0.5::double as close "
                        "from range(5000) t(i)")
    panel = frames.read(result)
    assert panel.shape == (5000, 1)
    assert panel["close"][:, 0].tolist() == [i + 0.5 for i in range(5000)]


def test_adbc_results():
    sqlite = pytest.importorskip("adbc_driver_sqlite.dbapi")
    with sqlite.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create table prices (date text, symbol text, close real)")
        cursor.execute("insert into prices values ('2020-01-02', 'A', 1.5), ('2020-01-03', 'A', 2.5)")
        cursor.execute("select * from prices")
        panel = frames.read(cursor.fetch_arrow())
    assert panel["close"].tolist() == [[1.5], [2.5]]


class OnlyStream:
    """As a driver hands out its results: nothing but the stream."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def test_a_source_with_a_stream_alone():
    table = frames.table({"x": np.arange(3.0)})
    again = frames.table(OnlyStream(table))
    assert address(again["x"]) == address(table["x"])


def test_a_source_that_gives_something_else():
    class Wrong:
        def __arrow_c_stream__(self, requested_schema=None):
            return 42

    with pytest.raises(TypeError, match='gave a int, expected a capsule "arrow_array_stream"'):
        frames.table(Wrong())


def test_a_stream_is_read_once():
    table = frames.table({"x": np.arange(3.0)})
    capsule = table.__arrow_c_stream__()

    class Once:
        def __arrow_c_stream__(self, requested_schema=None):
            return capsule

    assert len(frames.table(Once())) == 3
    with pytest.raises(ValueError, match="read or released already"):
        frames.table(Once())


class ArrowArray(ctypes.Structure):
    pass


RELEASE = ctypes.CFUNCTYPE(None, ctypes.POINTER(ArrowArray))
ArrowArray._fields_ = [("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64),
                       ("n_buffers", ctypes.c_int64), ("n_children", ctypes.c_int64),
                       ("buffers", ctypes.POINTER(ctypes.c_void_p)), ("children", ctypes.c_void_p),
                       ("dictionary", ctypes.c_void_p), ("release", RELEASE), ("private_data", ctypes.c_void_p)]


def capsule_of(source, name):
    ctypes.pythonapi.PyCapsule_GetPointer.restype = ctypes.c_void_p
    ctypes.pythonapi.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return ctypes.pythonapi.PyCapsule_GetPointer(source, name)


@pytest.mark.parametrize("field, value, text", [("length", -1, "length -1"), ("n_buffers", 1, "1 buffers"),
                                                ("null_count", 3, "3 nulls in 2 rows"), ("offset", -1, "offset -1"),
                                                ("n_children", 1, "1 children"), ("buffers", None, "no buffers")])
def test_hostile_arrays_are_refused_and_released_once(field, value, text):
    pa = pytest.importorskip("pyarrow")
    schema, array = pa.array([1.0, 2.0]).__arrow_c_array__()
    struct = ArrowArray.from_address(capsule_of(array, b"arrow_array"))
    theirs, kept, released = struct.release, getattr(struct, field), []
    true = ctypes.cast(theirs, ctypes.c_void_p).value

    @RELEASE
    def release(given):
        released.append(1)
        setattr(given.contents, field, kept)
        RELEASE(true)(given)

    struct.release = release
    setattr(struct, field, value)

    class Hostile:
        def __arrow_c_array__(self, requested_schema=None):
            return schema, array

    with pytest.raises(ValueError, match=text):
        frames.table(Hostile())
    assert released == [1]


def test_our_tables_are_read_by_others_without_a_copy():
    pa = pytest.importorskip("pyarrow")
    pl = pytest.importorskip("polars")
    close = np.array([1.0, 2.0])
    table = Table([Column.of_days("date", np.array([0, 1])), Column.of_texts("name", ["A", None]),
                   Column.of_numbers("close", close),
                   Column.of_times("at", np.array([1, 2]), "us", "UTC")])
    theirs = pa.table(table)
    assert theirs.column("close").chunk(0).buffers()[1].address == address(close)
    assert theirs.schema.field("at").type == pa.timestamp("us", "UTC")
    assert theirs.column("name").to_pylist() == ["A", None]
    assert theirs.validate(full=True) is None
    frame = pl.DataFrame(table)
    assert frame["date"].to_list() == [datetime.date(1970, 1, 1), datetime.date(1970, 1, 2)]
    assert frame["close"].to_list() == [1.0, 2.0]


def test_columns_of_other_lengths_and_names():
    from quantick import ShapeError
    with pytest.raises(ShapeError, match='column "b": 3 rows, expected 2'):
        frames.table({"a": np.zeros(2), "b": np.zeros(3)})
    with pytest.raises(ShapeError, match='column "a": shape'):
        frames.table({"a": np.zeros((2, 2))})
    with pytest.raises(IndexError, match='nearest is "close"'):
        frames.table({"close": np.zeros(2)})["closes"]


def test_pandas_without_pyarrow():
    pytest.importorskip("pandas")
    code = """
import sys
sys.modules["pyarrow"] = None
import numpy as np, pandas as pd
from quantick import frames
index = pd.DatetimeIndex(["2020-01-02", "2020-01-03"])
for names in (["A", "B"], pd.Categorical(["A", "B"])):
    frame = pd.DataFrame({"date": index.tz_localize("UTC"), "name": names, "close": [1.0, 2.0],
                          "volume": pd.array([1, 2], "Int64"), "up": [True, False]})
    panel = frames.read(frame, time_zone="Asia/Shanghai", extra_columns=["up"])
    print(panel.instruments, panel.fields, np.nansum(panel["up"]))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert out.stdout == "['A', 'B'] ['close', 'volume', 'up'] 1.0\n" * 2, out.stderr


@pytest.mark.parametrize("seed", range(40))
def test_random_tables_there_and_back(seed):
    """Types, nulls, chunks and slices drawn at random: what pyarrow reads back is what it gave."""
    pa = pytest.importorskip("pyarrow")
    draw = np.random.default_rng(seed)
    kinds = [pa.int8(), pa.uint16(), pa.int64(), pa.float16(), pa.float32(), pa.float64(), pa.bool_(), pa.string(),
             pa.large_string(), pa.string_view(), pa.date32(), pa.timestamp("ms", "UTC"), pa.decimal128(9, 2),
             pa.dictionary(pa.int16(), pa.string())]

    def chunk(kind, rows):
        whole = draw.integers(0, 100, rows)
        kept = whole.astype(np.float64) if pa.types.is_floating(kind) else whole
        values = ([f"a text, number {v}" if v % 2 else f"{v}" for v in whole]
                  if pa.types.is_dictionary(kind) or not pa.types.is_primitive(kind) and kind != pa.decimal128(9, 2)
                  else [decimal.Decimal(int(v)) for v in whole] if pa.types.is_decimal(kind)
                  else [bool(v % 2) for v in whole] if kind == pa.bool_() else kept.tolist())
        if draw.random() < 0.5:
            values = [None if draw.random() < 0.3 else v for v in values]
        return pa.array(values, kind)

    chosen = draw.choice(len(kinds), 5, replace=False)
    sizes = draw.integers(0, 20, draw.integers(1, 4))
    table = pa.table({str(kinds[i]): pa.chunked_array([chunk(kinds[i], int(rows)) for rows in sizes], kinds[i])
                      for i in chosen})
    table = table.slice(int(draw.integers(0, 4)), int(draw.integers(0, 40)))
    ours = frames.table(table)
    theirs = pa.table(ours)
    theirs.validate(full=True)
    assert theirs.to_pylist() == table.to_pylist() and theirs.schema == table.schema
    for name in table.column_names:
        column, expected = ours.column(name), table.column(name).to_pylist()
        assert column.null_count == expected.count(None)
        if "float" in name or "double" in name or "half" in name:
            np.testing.assert_array_equal(np.asarray(column.values()), [np.nan if v is None else v for v in expected])
        elif "string" in name:
            assert column.texts() == expected
        elif "int" in name and None not in expected:
            assert column.values().tolist() == expected


def test_nothing_is_reported_as_leaked_at_the_end():
    """Tables and views that live until the interpreter ends."""
    pytest.importorskip("polars")
    code = """
import numpy as np
from quantick import _core, frames, market
_core.report_leaks(True)
prices = market.panel(np.arange("2020-01-01", "2020-02-01", dtype="datetime64[D]"), ["A"], np.ones((31, 1)))
view, table, polars, frame = prices["close"], frames.to_table(prices), frames.to_polars(prices), prices.to_frame()
"""
    pytest.importorskip("pandas")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stderr == ""
