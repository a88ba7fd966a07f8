// The fixture: r_t = 0.0005 + 0.01 sin(0.7 t) + 0.004 cos(2.3 t^2 / 97), b_t = 0.0003 + 0.008 sin(0.7 t + 0.3), t
// = 1..500. Expected values were computed by the libraries named, or from their formulas where they could not be run
// (empyrical-reloaded 0.7.1, quantstats 0.0.86, Qlib, Lean, vn.py, skfolio, QuantLib 1.29).
#include "quantick/backtest/profiles.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quantick/backtest/metrics.h"
#include "quantick/core/error.h"
#include "quantick/risk/drawdown.h"
#include "quantick/risk/statistics.h"
#include "quantick/risk/tail_risk.h"

namespace quantick::backtest {
namespace {

constexpr double kExact = 1e-9;

struct Fixture : testing::Test {
  Fixture() {
    for (int t = 1; t <= 500; ++t) {
      r.push_back(0.0005 + 0.01 * std::sin(0.7 * t) + 0.004 * std::cos(2.3 * t * t / 97));
      b.push_back(0.0003 + 0.008 * std::sin(0.7 * t + 0.3));
    }
  }
  std::vector<double> r, b;
};
using Profiles = Fixture;

TEST_F(Profiles, Series) {
  EXPECT_NEAR(risk::mean(r), 7.507850669258515e-4, 1e-17);
  EXPECT_NEAR(risk::standard_deviation(r), 7.616989796182483e-3, 1e-16);
  EXPECT_NEAR(risk::moments(r).skewness, -0.090392033029, kExact);
  EXPECT_NEAR(risk::moments(r).kurtosis, 1.922327079093, kExact);
}

TEST_F(Profiles, Empyrical) {
  const EmpyricalProfile p;
  EXPECT_NEAR(total_return(r), 0.434462686975, kExact);
  EXPECT_NEAR(p.annual_return(r), 0.199420272541, kExact);
  EXPECT_NEAR(p.annual_volatility(r), 0.120915964438, kExact);
  EXPECT_NEAR(p.sharpe(r), 1.564705187980, kExact);
  EXPECT_NEAR((EmpyricalProfile{.risk_free = 1e-4}.sharpe(r)), 1.356295983148, kExact);
  EXPECT_NEAR(p.sortino(r), 2.369945028445, kExact);
  EXPECT_NEAR(p.downside_risk(r), 0.079832162601, kExact);
  EXPECT_NEAR(p.max_drawdown(r), -0.040358765613, kExact);
  EXPECT_NEAR(p.calmar(r), 4.941188599602, kExact);
  EXPECT_NEAR(omega(r), 1.255229431760, kExact);
  EXPECT_NEAR(tail_ratio(r), 1.052410979652, kExact);
  EXPECT_NEAR(stability(r), 0.982122504566, kExact);
  EXPECT_NEAR(p.value_at_risk(r), 0.011880712371, kExact);
  EXPECT_NEAR(p.expected_shortfall(r), 0.012803863794, kExact);
  EXPECT_NEAR(p.beta(r, b), 1.187108947498, kExact);
  EXPECT_NEAR(p.alpha(r, b), 0.101146885642, kExact);
  EXPECT_NEAR(p.information_ratio(r, b), 0.118384204244, kExact);
  EXPECT_NEAR(p.information_ratio(r, b) * std::sqrt(252), 1.879290981520, kExact);
}

TEST_F(Profiles, Quantstats) {
  const QuantstatsProfile p;
  EXPECT_NEAR(p.annual_return(r), 0.199420272541, kExact);
  EXPECT_NEAR(p.sharpe(r), 1.564705187980, kExact);
  EXPECT_NEAR((QuantstatsProfile{.risk_free = 0.0252}.sharpe(r)), 1.358868476269, kExact);
  EXPECT_NEAR(p.sortino(r), 2.369945028445, kExact);
  EXPECT_NEAR(p.max_drawdown(r), -0.040358765613, kExact);
  EXPECT_NEAR(p.calmar(r), 4.941188599602, kExact);
  EXPECT_NEAR(p.ulcer_index(r), 0.016011103163, kExact);
  EXPECT_NEAR(p.value_at_risk(r), 0.011778048226, kExact);
  EXPECT_NEAR(p.expected_shortfall(r), 0.014960877340, kExact);
  EXPECT_NEAR(risk::expected_shortfall_below_normal(r), 0.012669579009, kExact) << "older releases";
  EXPECT_NEAR(p.alpha(r, b), 0.096370682464, kExact);
  EXPECT_NEAR(p.probabilistic_sharpe(r), 0.985724021722, kExact);
}

TEST_F(Profiles, QuantstatsMomentsArePandas) {
  // pandas: Series.skew() and Series.kurt().
  const auto by_name = [](const std::vector<Metric>& metrics, std::string_view name) {
    for (const Metric& metric : metrics) {
      if (metric.name == name) return metric.value;
    }
    return std::nan("");
  };
  const auto metrics = evaluate_profile("quantstats", r);
  EXPECT_NEAR(by_name(metrics, "skewness"), -0.090664252766, kExact);
  EXPECT_NEAR(by_name(metrics, "kurtosis"), -1.076431086737, kExact);
  for (const std::string name : {"quantstats", "lean"}) {
    const auto few = evaluate_profile(name, std::span(r).first(3));
    EXPECT_TRUE(std::isnan(by_name(few, "probabilistic_sharpe"))) << "corrected moments take 4 returns";
    EXPECT_TRUE(std::isfinite(by_name(few, "sharpe")));
  }
}

TEST_F(Profiles, Qlib) {
  const QlibProfile sum, product{.product = true};
  EXPECT_NEAR(sum.information_ratio(r), 1.520620, 5e-7) << "published to six digits";
  EXPECT_NEAR(sum.annual_return(r), 7.507850669258515e-4 * 238, kExact);
  EXPECT_NEAR(sum.max_drawdown(r), -0.040981605592, kExact);
  EXPECT_NEAR(product.annual_return(r), 0.187364570094, kExact);
  EXPECT_NEAR(product.information_ratio(r), 1.462528883009, kExact);
  EXPECT_NEAR(product.max_drawdown(r), -0.040358765613, kExact);
}

TEST_F(Profiles, Lean) {
  const LeanProfile p;
  EXPECT_NEAR(p.sharpe(r), 1.721809042202, kExact);
  EXPECT_NEAR(p.sortino(r), 3.433027057698, kExact);
  EXPECT_NEAR(p.information_ratio(r, b), 2.147989588411, kExact);
  EXPECT_NEAR(p.probabilistic_sharpe(r), 0.986009408376, kExact);
}

TEST_F(Profiles, Vnpy) {
  EXPECT_NEAR(VnpyProfile().sharpe(r), 1.485148, 5e-7) << "published to six digits";
  EXPECT_NEAR(sharpe(r, 240), 1.526996, 5e-7) << "without the zeroed first day";
  EXPECT_NEAR(sharpe(r, 365), 1.883123, 5e-7) << "crypto";
}

TEST_F(Profiles, FormsOfOtherLibraries) {
  EXPECT_NEAR(risk::ulcer_index(r, 0), 0.015995084046, kExact) << "skfolio";
  EXPECT_NEAR(risk::value_at_risk_order_statistic(r), 0.011878377939, kExact) << "QuantLib, skfolio";
  EXPECT_NEAR(risk::ewma_volatility(r), 0.007970550369, kExact) << "RiskMetrics";
  EXPECT_NEAR(risk::value_at_risk_ewma(r), 0.018542272905, kExact) << "RiskMetrics";
  EXPECT_NEAR(probabilistic_sharpe(r), 0.985725194553, kExact) << "the paper";
  EXPECT_DOUBLE_EQ(hit_rate(r), 266.0 / 500);
}

TEST_F(Profiles, DeflatedSharpe) {
  EXPECT_NEAR(expected_max_sharpe(10, 0.0016), 0.062983932054, kExact);
  EXPECT_NEAR(expected_max_sharpe(100, 0.0016), 0.101224115728, kExact);
  EXPECT_NEAR(deflated_sharpe(r, 10, 0.0016), 0.785374647443, kExact);
  EXPECT_NEAR(deflated_sharpe(r, 100, 0.0016), 0.476466611921, kExact);
  EXPECT_EQ(deflated_sharpe(r, 1, 0.0016), probabilistic_sharpe(r)) << "one trial is no search";
  EXPECT_THROW(expected_max_sharpe(0, 1), ValueError);
}

TEST_F(Profiles, EveryMetricSaysItsConvention) {
  for (const std::string& name : profile_names()) {
    const auto metrics = evaluate_profile(name, r, b);
    EXPECT_GE(metrics.size(), 7u) << name;
    for (const Metric& metric : metrics) {
      EXPECT_TRUE(std::isfinite(metric.value)) << name << " " << metric.name;
      EXPECT_FALSE(metric.convention.empty()) << name << " " << metric.name;
    }
  }
}

TEST_F(Profiles, DegenerateSeriesAreUndefinedNotInfinite) {
  const std::vector<double> flat(10, 0.0), up(10, 0.01);
  EXPECT_TRUE(std::isnan(sharpe(flat, 252)));
  EXPECT_TRUE(std::isnan(sortino(up, 252)));
  EXPECT_TRUE(std::isnan(calmar(up, 252)));
  EXPECT_TRUE(std::isnan(hit_rate(flat)));
  EXPECT_TRUE(std::isnan(omega(up)));
}

TEST_F(Profiles, PeriodsAndRiskFreeRateOfTheCaller) {
  const auto value = [&](std::string_view profile, std::string_view name, const ProfileOptions& options) {
    for (const Metric& metric : evaluate_profile(profile, r, b, options)) {
      if (metric.name == name) return metric.value;
    }
    return std::nan("");
  };
  EXPECT_EQ(value("empyrical", "sharpe", {.periods = 52, .risk_free = 1e-4}), sharpe(r, 52, 1e-4));
  EXPECT_EQ(value("empyrical", "omega", {.risk_free = 1e-4}), omega(r, 1e-4));
  EXPECT_NEAR(value("quantstats", "sharpe", {.risk_free = 0.0252}), 1.358868476269, kExact);
  EXPECT_EQ(value("qlib", "annual_volatility", {.periods = 252}), QlibProfile{.periods = 252}.annual_volatility([&] {
    std::vector<double> excess;
    for (size_t t = 0; t < r.size(); ++t) excess.push_back(r[t] - b[t]);
    return excess;
  }()));
  EXPECT_THROW(evaluate_profile("qlib", r, b, {.risk_free = 0.01}), ValueError) << "Qlib has none";
  EXPECT_THROW(evaluate_profile("vnpy", r, b, {.periods = 0}), ValueError);
  EXPECT_THROW(evaluate_profile("lean", r, b, {.risk_free = -2}), ValueError);
}

TEST_F(Profiles, PeriodsOfAYear) {
  EXPECT_EQ(periods_of("empyrical"), 252);
  EXPECT_EQ(periods_of("quantstats"), 252);
  EXPECT_EQ(periods_of("qlib"), 238);
  EXPECT_EQ(periods_of("lean"), 252);
  EXPECT_EQ(periods_of("vnpy"), 240);
  EXPECT_THROW(periods_of("empirical"), ValueError);
}

TEST_F(Profiles, NamesCanBeCheckedBeforeThereAreReturns) {
  for (const std::string& name : profile_names()) EXPECT_NO_THROW(check_profile(name));
  try {
    check_profile("empirical");
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_NE(std::string(error.what()).find("nearest is empyrical"), std::string::npos) << error.what();
  }
}

TEST_F(Profiles, RefusesNonsense) {
  EXPECT_THROW(evaluate_profile("empirical", r, b), ValueError);
  EXPECT_THROW(evaluate_profile("qlib", r, std::span(b).first(3)), ShapeError);
  EXPECT_THROW(evaluate_profile("qlib", std::span(r).first(1)), ValueError);
  r[7] = std::nan("");
  EXPECT_THROW(evaluate_profile("lean", r), ValueError);
}

}  // namespace
}  // namespace quantick::backtest
