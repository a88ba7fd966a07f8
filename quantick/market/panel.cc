#include "quantick/market/panel.h"

#include <algorithm>

#include "quantick/core/error.h"
#include "quantick/core/fields.h"
#include "quantick/market/text.h"

namespace quantick::market {
namespace {

std::string joined(std::span<const std::string> names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

int64_t position(std::span<const std::string> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) - names.begin();
}

}  // namespace

std::vector<int64_t> Panel::day_begins() const {
  std::vector<int64_t> begins;
  for (int64_t t = 0; t < date_count(); ++t)
    if (t == 0 || dates[t] != dates[t - 1]) begins.push_back(t);
  begins.push_back(date_count());
  return begins;
}

bool Panel::has(std::string_view name) const {
  if (name == "price") return !price_field.empty();
  return std::find(field_names.begin(), field_names.end(), name) != field_names.end();
}

std::span<const double> Panel::field(std::string_view name) const {
  const int64_t index = position(field_names, name == "price" ? std::string_view(price_field) : name);
  QTK_CHECK(index < static_cast<int64_t>(field_names.size()), ValueError, "[panel] field {}, expected one of: {}{}",
            shown(name), joined(field_names), did_you_mean(name, field_names));
  return values[index];
}

double Panel::at(std::string_view name, int64_t date, int64_t instrument) const {
  QTK_CHECK(date >= 0 && date < date_count() && instrument >= 0 && instrument < instrument_count(), IndexError,
            "[panel] position, was ({}, {}), expected below ({}, {})", date, instrument, date_count(),
            instrument_count());
  return field(name)[date * instrument_count() + instrument];
}

int64_t Panel::instrument_index(std::string_view name) const {
  const int64_t index = position(instruments, name);
  QTK_CHECK(index < instrument_count(), ValueError, "[panel] instrument {} is not among the {} of {}{}", shown(name),
            instrument_count(), source.path.empty() ? "the panel" : source.path, did_you_mean(name, instruments));
  return index;
}

int64_t Panel::lower_bound(Date date) const {
  return std::lower_bound(dates.begin(), dates.end(), date) - dates.begin();
}

void Panel::add_field(std::string name, std::vector<double> field_values) {
  QTK_CHECK(static_cast<int64_t>(field_values.size()) == date_count() * instrument_count(), ShapeError,
            "[panel] field {}: {} values, expected {} dates x {} instruments", shown(name), field_values.size(),
            date_count(), instrument_count());
  QTK_CHECK(name != "price" && !has(name), ValueError, "[panel] field {} is there already", shown(name));
  field_names.push_back(std::move(name));
  values.push_back(std::move(field_values));
}

Panel Panel::slice(int64_t begin, int64_t end) const {
  QTK_CHECK(begin >= 0 && begin <= end && end <= date_count(), IndexError,
            "[panel] date positions, were {}..{}, expected within 0..{}", begin, end, date_count());
  Panel part;
  part.dates.assign(dates.begin() + begin, dates.begin() + end);
  if (intraday()) part.seconds.assign(seconds.begin() + begin, seconds.begin() + end);
  part.instruments = instruments;
  part.field_names = field_names;
  part.price_field = price_field;
  part.source = source;
  const int64_t n = instrument_count();
  for (const auto& block : values) part.values.emplace_back(block.begin() + begin * n, block.begin() + end * n);
  return part;
}

Panel Panel::select(std::span<const int64_t> positions) const {
  Panel part;
  part.dates = dates;
  part.seconds = seconds;
  part.field_names = field_names;
  part.price_field = price_field;
  part.source = source;
  for (const int64_t i : positions) {
    QTK_CHECK(i >= 0 && i < instrument_count(), IndexError, "[panel] instrument position, was {}, expected below {}", i,
              instrument_count());
    part.instruments.push_back(instruments[i]);
  }
  for (const auto& block : values) {
    std::vector<double> kept;
    kept.reserve(dates.size() * positions.size());
    for (int64_t t = 0; t < date_count(); ++t) {
      for (const int64_t i : positions) kept.push_back(block[t * instrument_count() + i]);
    }
    part.values.push_back(std::move(kept));
  }
  return part;
}

}  // namespace quantick::market
