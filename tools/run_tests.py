#!/usr/bin/env python3
"""Runs every test of a build and counts them: ctest's (C++ and the repository's checks), then tests/python.

Prints what failed with its output and what was skipped with its reason. The last line is "N passed, N failed", with
", N skipped" where any was. Exit 1 on failure. Under asan-ubsan only the Python package's tests (tests/python/api) run
of tests/python, with the sanitizer preloaded, where the package was built (make test PRESET=asan-ubsan PACKAGE=ON).
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []  # (name, reason)

    def skip(self, name, reason):
        self.skipped.append((name, reason))

    def line(self):
        text = f"{self.passed} passed, {len(self.failed)} failed"
        return text + (f", {len(self.skipped)} skipped" if self.skipped else "")


def skip_reason(output, message):
    """The words of GTEST_SKIP() or of a check that skips itself, from a test's output."""
    for pattern in (r": Skipped\n(.+)", r"(?m)^skipped: (.+)"):
        found = re.search(pattern, output)
        if found:
            return found.group(1).strip()
    return message or "no reason given"


def read_junit(path, tally):
    """Adds a JUnit file's cases to the tally; returns how many cases it had."""
    cases = list(xml.parse(path).getroot().iter("testcase"))
    for case in cases:
        group = case.get("classname", "")
        name = case.get("name", "") if group in ("", case.get("name")) else f"{group}.{case.get('name')}"
        skipped = case.find("skipped")
        output = case.findtext("system-out") or ""
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            tally.failed.append(name)
        elif skipped is not None:
            message = skipped.get("message") or ""
            # ctest also says "skipped" of a test whose program was not built.
            if message.startswith("Unable to find"):
                tally.failed.append(f"{name}: {message}")
            else:
                tally.skip(name, skip_reason(output, message))
        else:
            tally.passed += 1
    return len(cases)


def run_ctest(build, jobs, tally):
    junit = build / "ctest.xml"
    junit.unlink(missing_ok=True)
    result = subprocess.run(
        ["ctest", "--test-dir", str(build), "--parallel", str(jobs), "--output-on-failure", "--quiet",
         "--output-log", str(build / "ctest.log"), "--output-junit", str(junit)],
        stdin=subprocess.DEVNULL)
    before = len(tally.failed)
    count = read_junit(junit, tally) if junit.is_file() else 0
    if count == 0:
        tally.failed.append("ctest ran no test")
    if result.returncode != 0 and len(tally.failed) == before:
        tally.failed.append(f"ctest ended with status {result.returncode}")
    if len(tally.failed) > before:
        print_failures(build / "ctest.log")


def print_failures(log):
    """Prints the log of each failed test (ctest writes `N/M Test #K: name ...***Failed` before its output)."""
    if not log.is_file():
        return
    keep = False
    for line in log.read_text(errors="replace").splitlines():
        if re.match(r"\s*\d+/\d+ Test +#\d+: ", line):
            keep = "***" in line and "***Skipped" not in line
        elif re.match(r"\s*Start +\d+: |\d+% tests passed", line):
            keep = False
        if keep:
            print(line)


def sanitizer_environment():
    """What a Python that was built without them needs to load a module with the address and undefined-behaviour
    sanitizers. Python itself keeps memory to its end, so leaks are not looked for; its objects come from malloc, so that
    each has an address of its own."""
    # The C++ library is preloaded too: the sanitizer looks for its throw when it starts.
    libraries = [subprocess.run([os.environ.get("CXX", "g++"), f"-print-file-name={name}"], check=True,
                                capture_output=True, text=True).stdout.strip() for name in ("libasan.so", "libstdc++.so")]
    return {"LD_PRELOAD": " ".join(libraries), "PYTHONMALLOC": "malloc",
            "ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=64", "UBSAN_OPTIONS": "print_stacktrace=1"}


def run_pytest(build, tally, tests="tests/python", extra=None):
    python = ROOT / ".venv/bin/python"
    made = subprocess.run([str(ROOT / "tools/venv.sh"), str(ROOT / "tools/requirements-test.txt")],
                          stdin=subprocess.DEVNULL)
    if made.returncode != 0:
        # A workplace without a network may go on; where results are trusted the oracles must have run.
        if os.environ.get("CI"):
            tally.failed.append("tests/python: its packages could not be installed")
        else:
            tally.skip("tests/python", "its packages could not be installed")
        return
    junit = build / "pytest.xml"
    junit.unlink(missing_ok=True)
    environment = dict(os.environ, QUANTICK_BINARY=str(build / "quantick"), QUANTICK_BUILD=str(build),
                       PYTHONPATH=str(build / "python"), **(extra or {}))
    result = subprocess.run(
        [str(python), "-m", "pytest", tests, "-q", "-p", "no:cacheprovider", f"--junitxml={junit}"],
        cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)
    before = len(tally.failed)
    count = read_junit(junit, tally) if junit.is_file() else 0
    if count == 0:
        tally.failed.append("pytest ran no test")
    elif result.returncode != 0 and len(tally.failed) == before:
        tally.failed.append(f"pytest ended with status {result.returncode}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="release")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    build = ROOT / "build" / arguments.preset
    tally = Tally()
    run_ctest(build, arguments.jobs, tally)
    if arguments.preset in ("release", "dev"):
        run_pytest(build, tally)
    elif arguments.preset == "asan-ubsan":
        if (build / "python/quantick/_operators.py").is_file():
            run_pytest(build, tally, "tests/python/api", sanitizer_environment())
        else:
            tally.skip("tests/python/api", "the Python package is not in this build (PACKAGE=ON)")
    if tally.skipped:
        print("\nSkipped:")
        for name, reason in sorted(tally.skipped):
            print(f"  {name}: {reason}")
    if tally.failed:
        print("\nFailed:")
        for name in sorted(tally.failed):
            print(f"  {name}")
    print()
    print(tally.line(), flush=True)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
