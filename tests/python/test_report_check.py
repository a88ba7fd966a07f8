"""tools/report_check.py on pages made here, each with one fault; and on the demo's report where it has been made."""
import pathlib

import pytest
import report_check

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOOD = """<!doctype html><meta charset=utf-8><meta name=viewport content="width=device-width"><title>t</title>
<body><p id=a>text</p><a href="#a">up</a><img alt="" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">
<script>console.log("fine")</script>"""
FAULTS = {
    "console error: broken 3": '<script>console.error("broken", 3)</script>',
    "exception: TypeError": "<script>setTimeout(() => null.x, 50)</script>",
    "request: http://127.0.0.1:": '<img src="http://127.0.0.1:8/x.png">',
    "request: file:": '<link rel=stylesheet href="style.css">',
    "px wider than the window: div#wide": "<div id=wide style='width:800px'>w</div>",
}


@pytest.fixture(scope="module", autouse=True)
def chromium():
    if report_check.find_chromium() is None:
        pytest.skip("chromium is not installed")


def all_complaints(tmp_path, text, **options):
    page = tmp_path / "page.html"
    page.write_text(text)
    return report_check.check(page, **options)


def test_a_clean_page_gets_no_complaint_and_a_picture_per_view(tmp_path):
    found = all_complaints(tmp_path, GOOD, screenshots=tmp_path / "pictures")
    assert found == {view: [] for view in report_check.VIEWS}
    for view in report_check.VIEWS:
        assert (tmp_path / f"pictures/{view}.png").read_bytes().startswith(b"\x89PNG")


def test_every_fault_is_seen(tmp_path):
    phone = all_complaints(tmp_path, GOOD + "".join(FAULTS.values()))["phone"]
    for expected in FAULTS:
        assert any(expected in complaint for complaint in phone), f"{expected} not in {phone}"


def test_a_page_laid_out_for_the_desktop_is_seen(tmp_path):
    found = all_complaints(tmp_path, GOOD.replace("width=device-width", "width=980"))
    assert any("wider than the window" in complaint for complaint in found["phone"])
    assert found["desktop"] == []


def test_the_demo_report_is_clean():
    report = ROOT / "out/us_daily/report.html"
    if not report.is_file():
        pytest.skip("out/us_daily/report.html is not here: make demo writes it")
    assert report_check.check(report) == {view: [] for view in report_check.VIEWS}
