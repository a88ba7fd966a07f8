"""The built package: what importing it costs and brings, what its files say, and that it is typed."""
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time
import tomllib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HEAVY = ("numpy", "pandas", "polars", "pyarrow", "scipy", "sklearn", "matplotlib", "plotly", "torch", "mlflow", "tqdm",
         "rich", "IPython", "yaml", "duckdb")

quantick = pytest.importorskip("quantick", reason="the Python package is not built (-DQTK_PYTHON=ON)")

# Where the package under test was found, from any folder.
PACKAGE = str(pathlib.Path(quantick.__file__).absolute().parent.parent)


def python(*arguments):
    """Runs this interpreter with the package under test on its path; returns what it printed."""
    result = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT,
                            stdin=subprocess.DEVNULL, timeout=600, env=dict(os.environ, PYTHONPATH=PACKAGE))
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def seconds(statement):
    def once():
        start = time.monotonic()
        python("-c", statement)
        return time.monotonic() - start
    return statistics.median(once() for _ in range(7))


def test_import_brings_no_heavy_module():
    loaded = set(python("-c", "import quantick, sys; print(*sys.modules)").split())
    assert "quantick._core" in loaded
    assert not loaded & set(HEAVY)
    print(f"\nimport quantick: {seconds('import quantick') - seconds('pass'):.3f} s, median of 7")


def test_every_public_name_is_there():
    for name in quantick.__all__:
        try:
            assert getattr(quantick, name) is not None
        except ModuleNotFoundError as missing:  # what an extra brings
            assert missing.name in HEAVY
    assert set(quantick.__all__) <= set(dir(quantick))


@pytest.mark.parametrize("module", sorted(
    path.relative_to(ROOT / "python").with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
    for path in (ROOT / "python/quantick").rglob("*.py") if path.name != "__main__.py"))
def test_every_module_can_be_the_first(module):
    missing = python("-c", f"try: import {module}\nexcept ModuleNotFoundError as error: print(error.name)").strip()
    if missing:
        assert missing in HEAVY
        pytest.skip(f"{missing} is not installed")


def test_version_is_the_projects():
    version = re.search(r"project\(quantick VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert quantick.__version__ == version
    assert python("-m", "quantick", "--version").split() == ["quantick", version]


def test_the_command_line_program_is_in_the_package():
    assert "sigmoid" in python("-m", "quantick", "ops")


def test_the_compiler_of_bindings_is_pinned_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pinned = [line for line in (ROOT / "tools/requirements-python.txt").read_text().splitlines()
              if line.startswith("nanobind==")]
    assert pinned[0] in project["build-system"]["requires"]


def test_libraries_that_are_missing_are_named_with_their_packages(tmp_path):
    cmake = shutil.which("cmake")
    without = [f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON" for name in ("fmt", "yaml-cpp")]
    result = subprocess.run([cmake, "-S", ROOT, "-B", tmp_path, "-DQTK_TESTS=OFF", *without], capture_output=True,
                            text=True, stdin=subprocess.DEVNULL)
    assert result.returncode != 0
    assert "apt-get install libfmt-dev libyaml-cpp-dev" in result.stderr
    bare = subprocess.run([cmake, "-S", ROOT, "-B", tmp_path / "bare"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, env={"PATH": str(tmp_path)})
    assert bare.returncode != 0 and "apt-get install g++" in bare.stderr


@pytest.mark.parametrize("what", ["python/quantick", "docs/lessons", "examples/python"])
def test_types_are_whole(what, build):
    pytest.importorskip("mypy", reason="mypy is not installed")
    if what == "python/quantick":
        arguments = ["-p", "quantick"]
    else:
        arguments = sorted((ROOT / what).glob("*.py"))
        assert arguments
    python("-m", "mypy", "--strict", "--config-file", ROOT / "pyproject.toml", "--cache-dir", build / "mypy",
           "--scripts-are-modules", *arguments)
