"""tools/bootstrap.sh against stand-ins for dpkg-query, apt-get, id and sudo: nothing is installed."""
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def bootstrap(tmp_path):
    """Runs a copy with its own package list and programs; returns (status, output, what apt-get was asked)."""
    tools, programs = tmp_path / "tools", tmp_path / "bin"
    tools.mkdir()
    programs.mkdir()
    shutil.copy(ROOT / "tools/bootstrap.sh", tools)
    (tools / "apt-packages.txt").write_text("# list\nhere build test # has it\naway build\nalso-away test # test, build\n")
    for name in ("sh", "dirname", "tail", "rm", "env", "cat"):
        (programs / name).symlink_to(shutil.which(name))

    def run(*parts, user=0, apt_status=0):
        log = tmp_path / "apt.log"
        log.unlink(missing_ok=True)
        scripts = {
            "dpkg-query": 'case "$*" in *" here") printf installed ;; *) exit 1 ;; esac',
            "apt-get": f'echo "$*" >>{log}; case "$*" in *install*) echo "no such package"; exit {apt_status} ;; esac',
            "id": f"echo {user}",
            "sudo": "exit 1",
        }
        for name, text in scripts.items():
            (programs / name).write_text(f"#!/bin/sh\n{text}\n")
            (programs / name).chmod(0o755)
        result = subprocess.run(["sh", str(tools / "bootstrap.sh"), *parts], capture_output=True, text=True,
                                env={"PATH": str(programs)}, stdin=subprocess.DEVNULL)
        asked = log.read_text().splitlines() if log.exists() else []
        return result.returncode, result.stdout + result.stderr, asked
    return run


def test_root_gets_what_is_missing_for_the_parts_asked(bootstrap):
    status, output, asked = bootstrap("build")
    assert status == 0
    assert [line.split()[-1] for line in asked] == ["update", "away"]
    assert "--no-install-recommends" in asked[1]
    assert bootstrap("build", "test")[2][1].endswith(" away also-away")


def test_nothing_missing_asks_nothing(bootstrap):
    assert bootstrap("nosuchpart") == (0, "", [])


def test_without_root_prints_the_line_and_goes_on(bootstrap):
    status, output, asked = bootstrap("build", "test", user=1000)
    assert status == 0
    assert asked == []
    assert "apt-get install -y --no-install-recommends away also-away" in output


def test_a_refused_install_shows_why_and_goes_on(bootstrap):
    status, output, asked = bootstrap("build", apt_status=100)
    assert status == 0
    assert "no such package" in output
    assert "apt-get install -y --no-install-recommends away" in output


def test_the_real_list_names_each_package_once_with_known_parts():
    seen = set()
    for line in (ROOT / "tools/apt-packages.txt").read_text().splitlines():
        words = line.partition("#")[0].split()
        if words:
            assert words[0] not in seen
            seen.add(words[0])
            assert words[1:] and set(words[1:]) <= {"build", "demo", "test", "bench", "report", "fashion-mnist",
                                                   "python"}, line
    assert "cmake" in seen
