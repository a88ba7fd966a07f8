"""The lessons and the scripts of examples/python run as they stand, in an empty folder: a new file is found by itself."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LESSONS = sorted((ROOT / "docs/lessons").glob("[0-9][0-9]_*.py"))
SCRIPTS = sorted((ROOT / "examples/python").glob("*.py"))

quantick = pytest.importorskip("quantick", reason="the Python package is not built (-DQTK_PYTHON=ON)")

# Where the package under test was found, from any folder.
PACKAGE = str(pathlib.Path(quantick.__file__).absolute().parent.parent)


@pytest.mark.parametrize("script", LESSONS + SCRIPTS, ids=lambda path: path.stem)
def test_script_runs(script, tmp_path):
    result = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=300,
                            stdin=subprocess.DEVNULL,
                            env=dict(os.environ, PYTHONPATH=PACKAGE, PYTHONWARNINGS="error::DeprecationWarning"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.strip()


def test_the_six_lessons_are_there_and_in_the_index():
    assert [path.name[:2] for path in LESSONS][:6] == ["01", "02", "03", "04", "05", "06"]
    index = (ROOT / "docs/lessons/README.md").read_text()
    assert re.findall(r"\]\((\d\d_\w+\.py)\)", index) == [path.name for path in LESSONS]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_asserts_what_it_claims(lesson):
    assert re.search(r"^\s*assert ", lesson.read_text(), re.MULTILINE)


def test_the_readmes_quickstart_runs(tmp_path):
    code = re.search(r"```python\n(.+?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, stdin=subprocess.DEVNULL, timeout=300,
                   env=dict(os.environ, PYTHONPATH=PACKAGE))
    assert "<html" in (tmp_path / "report.html").read_text()
