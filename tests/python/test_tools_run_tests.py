"""tools/run_tests.py: what it reads from result files, and the line that it ends with."""
import pathlib

import run_tests

JUNIT = """<?xml version="1.0"?>
<testsuite name="x">
  <testcase name="Dense.Works" classname="Dense.Works" status="run"/>
  <testcase name="test_metric" classname="tests.python.test_metrics"/>
  <testcase name="Dense.Breaks" classname="Dense.Breaks" status="fail"><failure message="Failed"/></testcase>
  <testcase name="Data.Real" classname="Data.Real" status="notrun">
    <skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>
    <system-out>a.cc:7: Skipped\n../shared/data is not here\n[  SKIPPED ] Data.Real\n</system-out>
  </testcase>
  <testcase name="checks.format" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/>
    <system-out>skipped: clang-format 14 is not installed\n</system-out></testcase>
  <testcase name="market_test_NOT_BUILT" status="notrun"><skipped message="Unable to find executable"/></testcase>
</testsuite>
"""


def test_counts_names_and_reasons(tmp_path):
    path = tmp_path / "junit.xml"
    path.write_text(JUNIT)
    tally = run_tests.Tally()
    assert run_tests.read_junit(path, tally) == 6
    assert tally.passed == 2
    assert tally.failed == ["Dense.Breaks", "market_test_NOT_BUILT: Unable to find executable"]
    assert tally.skipped == [("Data.Real", "../shared/data is not here"),
                             ("checks.format", "clang-format 14 is not installed")]
    assert tally.line() == "2 passed, 2 failed, 2 skipped"


def test_line_without_skips_has_two_numbers():
    tally = run_tests.Tally()
    tally.passed = 3
    assert tally.line() == "3 passed, 0 failed"


def test_only_the_failed_tests_logs_are_printed(tmp_path, capsys):
    log = tmp_path / "ctest.log"
    log.write_text("1/3 Test #1: A.good ...   Passed    0.01 sec\nquiet\n"
                   "2/3 Test #2: A.bad ...***Failed    0.01 sec\nthe reason\n"
                   "3/3 Test #3: A.skip ...***Skipped   0.01 sec\nnot here\n")
    run_tests.print_failures(log)
    assert capsys.readouterr().out.splitlines() == ["2/3 Test #2: A.bad ...***Failed    0.01 sec", "the reason"]


def test_the_sanitizer_is_preloaded_from_the_compiler():
    environment = run_tests.sanitizer_environment()
    paths = [pathlib.Path(path) for path in environment["LD_PRELOAD"].split()]
    assert [path.name for path in paths] == ["libasan.so", "libstdc++.so"] and all(path.is_file() for path in paths)
    assert "detect_leaks=0" in environment["ASAN_OPTIONS"]
