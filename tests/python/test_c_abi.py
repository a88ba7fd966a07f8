"""The shared library as programs in other languages meet it: symbols, header, and the example's numbers."""
import ctypes
import math
import shutil
import subprocess

import pytest

from conftest import ROOT

MODEL = ROOT / "tests/golden/lstm_v2.qtk"
HEADER = ROOT / "quantick/bindings/quantick.h"


@pytest.fixture(scope="module")
def library(build):
    path = build / "libquantick.so"
    assert path.is_file(), f"{path} is not built"
    return path


def test_the_library_shows_exactly_the_functions_of_the_header(library):
    shown = {line.split()[-1] for line in subprocess.run(
        ["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout.splitlines()}
    declared = {word.split("(")[0].lstrip("*") for word in HEADER.read_text().split()
                if word.lstrip("*").startswith("qtk_") and "(" in word}
    assert declared and shown == declared


@pytest.mark.parametrize("standard", ["c99", "c11", "c++11"])
def test_the_header_compiles_alone(standard, tmp_path):
    compiler = shutil.which("c++" if "++" in standard else "cc")
    source = tmp_path / ("use.cc" if "++" in standard else "use.c")
    source.write_text(f'#include "{HEADER}"\nint main(void) {{ return qtk_abi_version() != QTK_ABI_VERSION; }}\n')
    subprocess.run([compiler, f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", source],
                   check=True)


def test_the_c_example_and_ctypes_give_the_same_numbers(library, build):
    lines = subprocess.run([build / "step_model", MODEL, "4"], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    assert len(lines) == 8
    c = ctypes.CDLL(str(library))
    c.qtk_model_columns.restype = c.qtk_model_outputs.restype = ctypes.c_int64
    c.qtk_last_error.restype = ctypes.c_char_p
    model, stream = ctypes.c_void_p(), ctypes.c_void_p()
    assert c.qtk_model_load(str(MODEL).encode(), ctypes.byref(model)) == 0, c.qtk_last_error()
    assert c.qtk_stream_open(model, ctypes.c_int64(2), ctypes.c_int64(0), ctypes.byref(stream)) == 0
    columns, outputs = c.qtk_model_columns(model), c.qtk_model_outputs(model)
    features, out = (ctypes.c_float * columns)(), (ctypes.c_float * outputs)()

    def f32(value):
        return ctypes.c_float(value).value
    for line, (t, instrument) in zip(lines, [(t, i) for t in range(4) for i in range(2)]):
        for k in range(columns):
            features[k] = math.sin(f32(f32(f32(0.1) * t) * (instrument + 1) + k))
        assert c.qtk_stream_step(stream, ctypes.c_int64(instrument), features, out, None) == 0
        assert float(line.split(": ")[1]) == pytest.approx(out[0], abs=2e-2), line
    c.qtk_stream_close(stream)
    c.qtk_model_free(model)
    assert c.qtk_model_load(b"/nowhere.qtk", ctypes.byref(model)) == 103
    assert b"/nowhere.qtk" in c.qtk_last_error() and not model.value


def test_the_example_says_what_is_wrong(build, tmp_path):
    broken = tmp_path / "broken.qtk"
    broken.write_bytes(MODEL.read_bytes()[:-1])
    result = subprocess.run([build / "step_model", broken], capture_output=True, text=True)
    assert result.returncode == 1 and str(broken) in result.stderr
    assert subprocess.run([build / "step_model"], capture_output=True).returncode == 2
