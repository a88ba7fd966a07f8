"""`pip install .` into a fresh virtual environment, as a user does it: what is in it, what it needs, the lessons."""
import os
import pathlib
import shutil
import subprocess
import sys
import venv
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LESSONS = sorted((ROOT / "docs/lessons").glob("[0-9][0-9]_*.py"))
# What every glibc system with a C++ runtime has.
SYSTEM = {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2",
          "ld-linux-x86-64.so.2"}
MOST_BYTES = 15e6

pytestmark = pytest.mark.slow
pytest.importorskip("quantick", reason="the Python package is not built (-DQTK_PYTHON=ON)")


def run(*command, **more):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "QUANTICK_"))}
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, stdin=subprocess.DEVNULL,
                            env=environment, **more)
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory, build):
    """The environment's folder of programs, after `pip install .`; the rooms are those of the build under test."""
    folder = tmp_path_factory.mktemp("install") / "venv"
    venv.create(folder, with_pip=True)
    assert (build / "libquantick_cli.a").is_file()
    run(folder / "bin/pip", "install", "--no-cache-dir", ".", "--config-settings",
        f"cmake.define.QTK_PREBUILT={build.absolute()}", cwd=ROOT, timeout=1500)
    yield folder / "bin"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def package(installed):
    """The installed package's folder."""
    return pathlib.Path(run(installed / "python", "-c", "import quantick; print(quantick.__file__)").strip()).parent


def test_the_package_is_whole_and_small(package, tmp_path):
    names = {path.name for path in package.iterdir()}
    assert {"__init__.py", "py.typed", "_operators.py", "_core.pyi"} <= names
    source = {path.name for path in (ROOT / "python/quantick").iterdir()} - {"__pycache__"}
    assert source <= names
    with zipfile.ZipFile(tmp_path / "package.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in package.rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                archive.write(path)
    size = (tmp_path / "package.zip").stat().st_size
    print(f"\nwheel: {size / 1e6:.1f} MB")
    assert size < MOST_BYTES


def test_the_module_needs_the_system_alone(package):
    module = next(package.glob("_core*.so"))
    brought = {path.name: path for path in package.glob("lib*.so*")}
    for library in (module, *brought.values()):
        needed = {line.split("[")[1].rstrip("]") for line in run("readelf", "-d", library).splitlines()
                  if "(NEEDED)" in line}
        assert needed and needed <= SYSTEM | set(brought), library
    exported = [line.split()[-1] for line in run("nm", "-D", "--defined-only", module).splitlines()]
    assert exported == ["PyInit__core"]


def test_nothing_but_numpy_comes_along(installed):
    names = {line.split("==")[0] for line in run(installed / "pip", "list", "--format=freeze").splitlines()}
    assert names - {"pip", "setuptools", "wheel"} == {"numpy", "quantick"}
    print("\nnumpy", run(installed / "python", "-c", "import numpy; print(numpy.__version__)").strip(),
          "for Python", sys.version.split()[0])


def test_the_program_came_along(installed):
    assert run(installed / "quantick", "--version").startswith("quantick ")
    assert "sigmoid" in run(installed / "quantick", "ops")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson_runs(installed, lesson, tmp_path):
    assert run(installed / "python", lesson, cwd=tmp_path, timeout=300).strip()
