"""What the Python tests share: the built program, the tools as modules, and the reference data beside the checkout."""
import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))
# The package as the build under test laid it (tests in api).
sys.path.insert(0, str(pathlib.Path(os.environ.get("QUANTICK_BUILD") or ROOT / "build/release") / "python"))


def pytest_collection_modifyitems(items):
    if "libasan" not in os.environ.get("LD_PRELOAD", ""):
        return
    for item in items:
        if item.get_closest_marker("memory"):
            item.add_marker(pytest.mark.skip(reason="a sanitizer keeps what is freed, and ends where memory does"))


@pytest.fixture
def ctrl_c():
    """Ctrl-C as Python has it, also where the tests run in a background that ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def build():
    """Folder of the build under test: QUANTICK_BUILD, else build/release."""
    return pathlib.Path(os.environ.get("QUANTICK_BUILD") or ROOT / "build/release")


@pytest.fixture(scope="session")
def binary(build):
    """The quantick program: QUANTICK_BINARY, else the one in the build folder."""
    path = pathlib.Path(os.environ.get("QUANTICK_BINARY") or build / "quantick")
    assert path.is_file(), f"{path} is not built"
    return path


@pytest.fixture(scope="session")
def quantick(binary):
    """Runs the program: quantick("ops", "--json", ok=True, cwd=folder) gives the finished process."""
    def run(*arguments, ok=True, cwd=ROOT, timeout=300, **environment):
        result = subprocess.run([str(binary), *map(str, arguments)], cwd=cwd, timeout=timeout, capture_output=True,
                                text=True, stdin=subprocess.DEVNULL, env=dict(os.environ, **environment))
        if ok:
            assert result.returncode == 0, f"{arguments}: {result.stdout}{result.stderr}"
        return result
    return run


@pytest.fixture(scope="session")
def oracle(build):
    """The library's own numbers: oracle("metrics", profile="empyrical", returns=[...]); see tests/oracle."""
    program = build / "quantick_oracle"
    assert program.is_file(), f"{program} is not built"

    def ask(command, **document):
        result = subprocess.run([str(program), command], input=json.dumps(document), capture_output=True, text=True)
        assert result.returncode == 0, f"{command}: {result.stderr}"
        return json.loads(result.stdout)
    return ask


def shared(*parts):
    """A path in the folder of reference data beside the checkout; skips the test where it is absent."""
    path = ROOT.parent.joinpath("shared", *parts)
    if not path.exists():
        pytest.skip(f"../shared/{'/'.join(parts)} is not here")
    return path


@pytest.fixture(scope="session")
def reference():
    """The executable contract, ../shared/reference/quantick_ref.py, as a module."""
    import importlib.util
    spec = importlib.util.spec_from_file_location("quantick_ref", shared("reference", "quantick_ref.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def shared_data():
    """A function from a file's name in ../shared/data to its path; skips where it is absent."""
    return lambda name: shared("data", name)
