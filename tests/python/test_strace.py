"""The tick loop of examples/stream_ticks.cc under strace: no system call between the lines that it prints around it."""
import shutil
import subprocess

import pytest


def calls_between(lines, first, last):
    """The trace's lines between the two that write these words; both must be there."""
    at = [next(i for i, line in enumerate(lines) if "write(1" in line and word in line) for word in (first, last)]
    return lines[at[0] + 1:at[1]]


def traced(arguments, log):
    result = subprocess.run(["strace", "-f", "-o", str(log), *map(str, arguments)], capture_output=True, text=True,
                            stdin=subprocess.DEVNULL, timeout=300)
    if "ptrace" in result.stderr:
        pytest.skip(f"strace may not trace here: {result.stderr.strip()}")
    assert result.returncode == 0, result.stdout + result.stderr
    return log.read_text().splitlines()


def test_ticks_make_no_system_call(build, tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    program = build / "stream_ticks"
    assert program.is_file(), f"{program} is not built"
    lines = traced([program], tmp_path / "trace")
    assert calls_between(lines, "first tick", "last tick") == []
    # The trace sees calls at all: the swap further on starts a thread.
    assert any("clone" in line for line in lines)


def test_a_call_between_the_marks_is_seen(tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    lines = traced(["sh", "-c", "echo first tick; kill -0 $$; echo last tick"], tmp_path / "trace")
    assert any("kill(" in line for line in calls_between(lines, "first tick", "last tick"))
