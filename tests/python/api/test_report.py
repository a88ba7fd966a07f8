"""Reports of results: pages, JSON, tables, notebooks."""
import html
import html.parser
import json

import numpy as np
import pytest

from quantick import ShapeError, backtest, frames, market, report, strategy

pd = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def prices():
    draw = np.random.default_rng(4)
    close = 40 * np.exp(np.cumsum(draw.normal(0.0002, 0.015, (200, 8)), axis=0))
    return market.panel(pd.bdate_range("2016-01-01", periods=200).to_numpy().astype("datetime64[D]"), list("ABCDEFGH"),
                        close)


def run(prices, seed=1):
    values = np.random.default_rng(seed).normal(size=(180, 8))
    scores = pd.DataFrame(values, index=pd.DatetimeIndex(prices.dates[10:190]), columns=prices.instruments)
    return backtest.run(prices, scores, strategy.LongShort(k=2))


@pytest.fixture(scope="module")
def result(prices):
    return run(prices)


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.text = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href") and not value.startswith(("#", "data:"))]

    def handle_data(self, data):
        self.text.append(data)


def test_one_page_that_needs_nothing(result, tmp_path):
    path = report.write(result, tmp_path / "r.html", title="My <scores>", survivorship="None: made up.")
    text = (tmp_path / "r.html").read_text()
    assert path == str(tmp_path / "r.html")
    page = Page(text)
    assert page.links == [], "nothing from outside"
    assert "My &lt;scores&gt;" in text and "None: made up." in text
    assert "Equal weight" in text and "Rank IC" in text


def test_results_have_files_of_their_own(result, tmp_path):
    report.write({"Größe 1": result, "B/2": result}, tmp_path / "out", equal_weight=False)
    assert {path.name for path in (tmp_path / "out").glob("returns_*")} == {"returns_gr____e_1.csv", "returns_b_2.csv"}
    with pytest.raises(ValueError, match=r'results "Mine 1" and "mine-1" are both mine_1 in files'):
        report.Report({"Mine 1": result, "mine-1": result})


def test_json_has_the_results_numbers(result, tmp_path):
    report.write({"Mine": result}, tmp_path / "r.json", equal_weight=False)
    text = (tmp_path / "r.json").read_text()
    assert json.loads(text) == json.loads(report.Report({"Mine": result}, equal_weight=False).json())
    assert f"{backtest.metrics.sharpe(result.returns)!r}"[:12] in text
    assert "equal_weight" not in text


def test_a_folder_gets_everything(result, tmp_path):
    page = report.write({"My model": result}, tmp_path / "out")
    assert page.endswith("report.html")
    files = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")}
    assert {"report.html", "report.json", "returns_my_model.csv", "positions_my_model.csv", "tables/equity.csv"} <= files
    bars = pd.read_csv(tmp_path / "out" / "returns_my_model.csv")
    np.testing.assert_array_equal(bars["equity"], result.equity)


def test_float32_and_int8_are_compared(prices, result, tmp_path):
    made = report.Report({"float32": result, "int8": run(prices, 2)}, bootstrap={"resamples": 100}, horizon=3)
    assert made.summary.endswith("float32 and int8 on the same days, names and costs, beside equal weight.")
    paired = json.loads(made.json())["paired"]
    assert paired["rank_ic"]["low"] <= paired["rank_ic"]["difference"] <= paired["rank_ic"]["high"]


def test_a_benchmark_stands_beside(prices, result):
    index = prices.select(["A"])
    made = report.Report(result, benchmark=index)
    assert "Benchmark" in made.html() and "Beta" in made.html()
    assert report.Report(result, benchmark=frames.to_pandas(index)).json() == made.json()


def test_notebooks_get_the_page_in_a_frame_of_its_own(result):
    made = report.Report(result, title='A "title"')
    inline = made._repr_html_()
    assert inline.startswith("<iframe srcdoc=")
    inner = html.unescape(inline.split('srcdoc="', 1)[1].split('" title=', 1)[0])
    assert inner == made.html()
    assert repr(made).startswith("Report 'A \"title\"': 8 instruments")


def test_refused(prices, result, tmp_path):
    with pytest.raises(TypeError, match=r"\[report.write\] unknown argument titel, did you mean title"):
        report.write(result, tmp_path / "r.html", titel="x")
    with pytest.raises(ValueError, match="ends in .html or .json"):
        report.write(result, tmp_path / "r.pdf")
    with pytest.raises(ValueError, match="no result"):
        report.Report({})
    scores = result.scores.between("2016-02-01", "2016-05-01")
    with pytest.raises(ShapeError, match='"b" has other dates than "a"'):
        report.Report({"a": result, "b": backtest.run(prices, scores, strategy.LongShort(k=2))})
    assert report.options()["horizon"][0] == 5


def test_the_program_gives_the_same_bits(prices, result, tmp_path, quantick):
    """`quantick backtest --scores` on files of these prices and scores: same bars, same report."""
    frames.to_pandas(prices, layout="wide").to_csv(tmp_path / "prices.csv", float_format="%.17g")
    result.scores.write_csv(str(tmp_path / "scores.csv"))
    (tmp_path / "run.yaml").write_text(
        f"name: same\noutput: {tmp_path}/out\ndata: {{path: {tmp_path}/prices.csv}}\n"
        "strategy: {class: LongShort, kwargs: {k: 2}}\nevaluation: {trials: 7}\n")
    quantick("backtest", tmp_path / "run.yaml", "--scores", tmp_path / "scores.csv")
    report.write({"Scores": result}, tmp_path / "ours", trials=7)
    theirs, ours = tmp_path / "out/scores", tmp_path / "ours"
    for name in ("returns_scores.csv", "positions_scores.csv"):
        assert (theirs / name).read_bytes() == (ours / name).read_bytes()
    a, b = (json.loads((folder / "report.json").read_text()) for folder in (theirs, ours))
    compared = 0
    for key in ("strategies", "equity", "ic", "rank_ic", "quantiles", "costs", "turnover", "trials"):
        if key in a:
            text = json.dumps(a[key]).replace("Scores of the file", "Scores")
            assert text == json.dumps(b[key]), key
            compared += 1
    assert compared >= 5, list(a)
