"""The Python of the pages on quantization and on live trading runs as it stands there, page after page in one folder."""
import os
import pathlib
import re
import subprocess
import sys

import quantick

from conftest import ROOT

PACKAGE = str(pathlib.Path(quantick.__file__).absolute().parent.parent)

PAGES = ("docs/quantization.md", "docs/live.md")


def blocks(page):
    """(line, code) of each."""
    text = (ROOT / page).read_text()
    return [(text.count("\n", 0, found.start()) + 2, found[1])
            for found in re.finditer(r"^```python\n(.+?)^```", text, re.DOTALL | re.MULTILINE)]


def test_the_pages_run(tmp_path):
    for page in PAGES:
        found = blocks(page)
        assert len(found) >= 2, f"{page} has no Python"
        lines = [""] * (found[-1][0] + found[-1][1].count("\n"))
        for first, code in found:
            for i, line in enumerate(code.splitlines()):
                lines[first - 1 + i] = line
        script = tmp_path / page.replace("/", "_").replace(".md", ".py")  # with the page's line numbers
        script.write_text("\n".join(lines))
        run = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=120,
                             env=dict(os.environ, PYTHONPATH=PACKAGE))
        assert run.returncode == 0, f"{page}: {run.stderr}"
