// Metrics of returns and of scores.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include "quantick/backtest/inference.h"
#include "quantick/backtest/metrics.h"
#include "quantick/backtest/profiles.h"
#include "quantick/backtest/signal_metrics.h"
#include "quantick/bindings/python/backtest.h"
#include "quantick/bindings/python/data.h"
#include "quantick/risk/drawdown.h"
#include "quantick/risk/tail_risk.h"
#include "quantick/risk/volatility_regime.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace quantick::python {
namespace {

using strategy::ScoreMatrix;
using Returns = std::span<const double>;

/// Binds a function of returns and one of (returns, number).
void one(nb::module_& m, const char* name, double (*f)(Returns), const char* doc) {
  m.def(
      fmt::format("metric_{}", name).c_str(), [f](const Numbers& r) { return f(span_of(r)); }, "returns"_a,
      nb::sig(fmt::format("def metric_{}(returns: typing.Any) -> float", name).c_str()), doc);
}
void one(nb::module_& m, const char* name, double (*f)(Returns, double), const char* argument, double usual,
         const char* doc) {
  m.def(
      fmt::format("metric_{}", name).c_str(), [f](const Numbers& r, double x) { return f(span_of(r), x); }, "returns"_a,
      nb::arg(argument) = usual,
      nb::sig(
          fmt::format("def metric_{}(returns: typing.Any, {}: float = {}) -> float", name, argument, usual).c_str()),
      doc);
}
void two(nb::module_& m, const char* name, double (*f)(Returns, double, double), const char* second, const char* doc) {
  m.def(
      fmt::format("metric_{}", name).c_str(),
      [f](const Numbers& r, double periods, double x) { return f(span_of(r), periods, x); }, "returns"_a,
      "periods"_a = 252.0, nb::arg(second) = 0.0,
      nb::sig(fmt::format("def metric_{}(returns: typing.Any, periods: float = 252.0, {}: float = 0.0) -> float", name,
                          second)
                  .c_str()),
      doc);
}

/// Value at risk and expected shortfall by the name of their convention.
double tail_loss(Returns r, double tail, const std::string& method, bool shortfall) {
  if (method == "historical") return shortfall ? risk::expected_shortfall(r, tail) : risk::value_at_risk(r, tail);
  if (method == "normal")
    return shortfall ? risk::expected_shortfall_normal(r, tail) : risk::value_at_risk_normal(r, tail);
  if (!shortfall && method == "order_statistic") return risk::value_at_risk_order_statistic(r, tail);
  if (!shortfall && method == "ewma") return risk::value_at_risk_ewma(r, tail);
  fail<ValueError>("[metrics] method, was \"{}\", expected historical, normal{}", method,
                   shortfall ? "" : ", order_statistic or ewma");
}

void check_lengths(const Numbers& returns, const Numbers& benchmark) {
  QTK_CHECK(returns.size() == benchmark.size(), ShapeError, "[metrics] benchmark: {} returns, expected {}",
            benchmark.size(), returns.size());
}

void bind_return_metrics(nb::module_& m) {
  one(m, "total_return", backtest::total_return, "Product of (1 + r), minus 1.");
  one(m, "annual_return", backtest::annual_return, "periods", 252, "Geometric: (1 + total)^(periods / n) - 1.");
  one(m, "annual_volatility", backtest::annual_volatility, "periods", 252,
      "Standard deviation (ddof 1) times sqrt(periods).");
  two(m, "sharpe", backtest::sharpe, "risk_free",
      "(mean - risk_free) / standard deviation (ddof 1) * sqrt(periods); risk_free is per period.");
  two(m, "downside_risk", backtest::downside_risk, "target",
      "Root mean square of min(r - target, 0) over all n, times sqrt(periods).");
  two(m, "sortino", backtest::sortino, "target", "(mean - target) * periods / downside_risk.");
  one(m, "calmar", backtest::calmar, "periods", 252, "annual_return / |max drawdown|; NaN without a drawdown.");
  one(m, "omega", backtest::omega, "threshold", 0, "Gains over the threshold / shortfalls below it.");
  one(m, "tail_ratio", backtest::tail_ratio, "|95th percentile| / |5th percentile|.");
  one(m, "stability", backtest::stability, "R squared of the cumulative log return on time.");
  one(m, "hit_rate", backtest::hit_rate, "Share of positive returns among those that are not zero.");
  one(m, "max_drawdown", risk::max_drawdown, "Lowest wealth over its running maximum, minus 1; 0 or below.");
  one(m, "value_at_risk", risk::value_at_risk, "tail", 0.05, "A loss, above 0: percentile, linear interpolation.");
  one(m, "expected_shortfall", risk::expected_shortfall, "tail", 0.05,
      "A loss, above 0: mean of the lowest floor((n - 1) * tail) + 1 returns.");
  const auto paired = [&](const char* name, double (*f)(Returns, Returns), const char* doc) {
    m.def(
        fmt::format("metric_{}", name).c_str(),
        [f](const Numbers& r, const Numbers& b) {
          check_lengths(r, b);
          return f(span_of(r), span_of(b));
        },
        "returns"_a, "benchmark"_a,
        nb::sig(fmt::format("def metric_{}(returns: typing.Any, benchmark: typing.Any) -> float", name).c_str()), doc);
  };
  paired("beta", backtest::beta, "Covariance with the benchmark over its variance.");
  paired("information_ratio", backtest::information_ratio,
         "Mean of r - b over its standard deviation (ddof 1), per period.");
  m.def(
      "metric_alpha_per_period",
      [](const Numbers& r, const Numbers& b, double risk_free) {
        check_lengths(r, b);
        return backtest::alpha_per_period(span_of(r), span_of(b), risk_free);
      },
      "returns"_a, "benchmark"_a, "risk_free"_a = 0.0,
      nb::sig(
          "def metric_alpha_per_period(returns: typing.Any, benchmark: typing.Any, risk_free: float = 0.0) -> float"),
      "Mean of r - beta * b per period; risk_free per period is taken from both.");
  m.def(
      "metric_probabilistic_sharpe",
      [](const Numbers& r, double sharpe) { return backtest::probabilistic_sharpe(span_of(r), sharpe); }, "returns"_a,
      "benchmark_sharpe"_a = 0.0,
      nb::sig("def metric_probabilistic_sharpe(returns: typing.Any, benchmark_sharpe: float = 0.0) -> float"),
      "Probability that the true Sharpe ratio exceeds one per period (Bailey and Lopez de Prado 2012).");
  m.def("metric_expected_max_sharpe", &backtest::expected_max_sharpe, "trials"_a, "sharpe_variance"_a,
        "Expected largest Sharpe ratio per period of so many worthless strategies (Bailey and Lopez de Prado 2014).");
  m.def(
      "metric_deflated_sharpe",
      [](const Numbers& r, int64_t trials, double variance) {
        return backtest::deflated_sharpe(span_of(r), trials, variance);
      },
      "returns"_a, "trials"_a, "sharpe_variance"_a,
      nb::sig("def metric_deflated_sharpe(returns: typing.Any, trials: int, sharpe_variance: float) -> float"),
      "probabilistic_sharpe against expected_max_sharpe.");
  m.def(
      "metric_drawdown", [](const Numbers& r) { return moved_array(risk::drawdown_series(span_of(r))); }, "returns"_a,
      nb::sig("def metric_drawdown(returns: typing.Any) -> numpy.ndarray"),
      "Wealth over its running maximum, minus 1, after each return.");
  m.def(
      "metric_sharpe_interval",
      [](const Numbers& r, double periods, double risk_free) {
        const auto e = backtest::sharpe_interval(backtest::sharpe(span_of(r), periods, risk_free), span_of(r), periods);
        return nb::make_tuple(e.value, e.low, e.high);
      },
      "returns"_a, "periods"_a = 252.0, "risk_free"_a = 0.0,
      nb::sig("def metric_sharpe_interval(returns: typing.Any, periods: float = 252.0, risk_free: float = 0.0) -> "
              "tuple[float, float, float]"),
      "(Sharpe, low, high): the 95 % interval allows for skewness and kurtosis (Mertens 2002).");
  m.def(
      "evaluate_profile",
      [](const Numbers& returns, const std::optional<Numbers>& benchmark, const std::string& profile,
         std::optional<double> periods, double risk_free) {
        nb::list out;
        for (const auto& metric :
             backtest::evaluate_profile(profile, span_of(returns), benchmark ? span_of(*benchmark) : Returns(),
                                        {.periods = periods, .risk_free = risk_free}))
          out.append(nb::make_tuple(metric.name, metric.value, metric.convention));
        return out;
      },
      "returns"_a, "benchmark"_a.none(), "profile"_a, "periods"_a.none() = nb::none(), "risk_free"_a = 0.0,
      nb::sig("def evaluate_profile(returns: typing.Any, benchmark: typing.Any, profile: str, periods: float | None = "
              "None, risk_free: float = 0.0) -> list[tuple[str, float, str]]"));
  m.def(
      "metric_ulcer_index", [](const Numbers& r, int ddof) { return risk::ulcer_index(span_of(r), ddof); }, "returns"_a,
      "ddof"_a = 1, nb::sig("def metric_ulcer_index(returns: typing.Any, ddof: int = 1) -> float"),
      "Root of the summed squared drawdowns over n - ddof.");
  m.def(
      "metric_tail_loss",
      [](const Numbers& r, double tail, const std::string& method, bool shortfall) {
        return tail_loss(span_of(r), tail, method, shortfall);
      },
      "returns"_a, "tail"_a, "method"_a, "shortfall"_a,
      nb::sig("def metric_tail_loss(returns: typing.Any, tail: float, method: str, shortfall: bool) -> float"));
  m.def(
      "metric_ewma_volatility", [](const Numbers& r, double decay) { return risk::ewma_volatility(span_of(r), decay); },
      "returns"_a, "decay"_a = 0.94,
      nb::sig("def metric_ewma_volatility(returns: typing.Any, decay: float = 0.94) -> float"), "RiskMetrics 1996.");
  m.def(
      "metric_volatility_regimes",
      [](const Numbers& r, double decay, int64_t warmup, double calm_below, double stormy_above) {
        std::vector<std::string_view> out;
        for (const risk::Regime regime : risk::volatility_regimes(
                 span_of(r),
                 {.decay = decay, .warmup = warmup, .calm_below = calm_below, .stormy_above = stormy_above}))
          out.push_back(risk::regime_name(regime));
        return out;
      },
      "returns"_a, "decay"_a, "warmup"_a, "calm_below"_a, "stormy_above"_a,
      nb::sig("def metric_volatility_regimes(returns: typing.Any, decay: float, warmup: int, calm_below: float, "
              "stormy_above: float) -> list[str]"));
  m.def("profile_names", &backtest::profile_names);
}

void bind_signal_metrics(nb::module_& m) {
  m.def("align_scores", &backtest::align, "matrix"_a, "like"_a);
  m.def(
      "closes_of", [](const market::Panel& prices) { return closes_of(prices); }, "prices"_a,
      "The closes that a backtest trades at.");
  m.def(
      "holding_returns",
      [](const market::Panel& prices, int64_t horizon, int64_t delay) {
        return backtest::forward_returns(closes_of(prices), horizon, delay);
      },
      "prices"_a, "horizon"_a, "delay"_a);
  const auto per_date = [&](const char* name, std::vector<double> (*f)(const ScoreMatrix&, const ScoreMatrix&),
                            const char* doc) {
    m.def(
        name,
        [f](const ScoreMatrix& scores, const ScoreMatrix& labels) {
          return moved_array(f(scores, backtest::align(labels, scores)));
        },
        "scores"_a, "labels"_a,
        nb::sig(fmt::format("def {}(scores: ScoreMatrix, labels: ScoreMatrix) -> numpy.ndarray", name).c_str()), doc);
  };
  per_date("information_coefficient", backtest::information_coefficient,
           "Pearson correlation per date; NaN where there are fewer than 3 pairs or a side does not vary.");
  per_date("rank_information_coefficient", backtest::rank_information_coefficient,
           "Spearman correlation per date; ties share their mean rank.");
  per_date("absolute_error", backtest::absolute_error, "Mean |score - label| per date.");
  m.def(
      "top_k_overlap",
      [](const ScoreMatrix& a, const ScoreMatrix& b, double k) {
        return moved_array(backtest::top_k_overlap(a, b, k));
      },
      "a"_a, "b"_a, "k"_a, nb::sig("def top_k_overlap(a: ScoreMatrix, b: ScoreMatrix, k: float) -> numpy.ndarray"),
      "Share of the best k of one that are among the best k of the other, per date.");
  m.def(
      "quantile_returns",
      [](const ScoreMatrix& scores, const ScoreMatrix& labels, int64_t buckets) {
        auto q = backtest::quantile_returns(scores, backtest::align(labels, scores), buckets);
        nb::dict out;
        const std::vector<size_t> shape{scores.dates.size(), static_cast<size_t>(buckets)};
        out["by_date"] = moved_array(std::move(q.by_date), shape);
        out["mean"] = moved_array(std::move(q.mean));
        out["long_short"] = moved_array(std::move(q.long_short));
        return out;
      },
      "scores"_a, "labels"_a, "buckets"_a,
      nb::sig("def quantile_returns(scores: ScoreMatrix, labels: ScoreMatrix, buckets: int) -> dict[str, "
              "numpy.ndarray]"));
  m.def(
      "newey_west_mean",
      [](const Numbers& series, int64_t lags_plus_one) {
        const auto e = backtest::newey_west_mean(span_of(series), lags_plus_one);
        return nb::make_tuple(e.value, e.low, e.high, e.observations);
      },
      "series"_a, "lags_plus_one"_a = 1,
      nb::sig("def newey_west_mean(series: typing.Any, lags_plus_one: int = 1) -> tuple[float, float, float, int]"),
      "(mean, low, high, observations) of the finite values: 95 %, Newey and West 1987. Labels that overlap by h dates "
      "take h.");
  m.def(
      "summarize",
      [](const Numbers& series) {
        const auto s = backtest::summarize(span_of(series));
        return nb::make_tuple(s.mean, s.deviation, s.ratio, s.observations);
      },
      "series"_a, nb::sig("def summarize(series: typing.Any) -> tuple[float, float, float, int]"));
}

}  // namespace

void bind_metrics(nb::module_& m) {
  bind_return_metrics(m);
  bind_signal_metrics(m);
}

}  // namespace quantick::python
