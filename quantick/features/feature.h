#pragma once
// A feature turns bars into one number per instrument and date. The value at date t uses bars up to and including t,
// nothing later: a batch is the stream run over the dates, so both have the same bits and neither can look ahead.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quantick/market/panel.h"

namespace quantick::features {

/// A feature under way, fed one date after the other.
class FeatureStream {
 public:
  virtual ~FeatureStream() = default;
  /// inputs[k] points at one value per instrument of the feature's field k (NaN = missing), out takes one value per
  /// instrument, NaN where none can be had. Does not allocate. Not thread-safe.
  virtual void update(std::span<const double* const> inputs, std::span<double> out) = 0;
};

/// What a feature is. Immutable and safe to share between threads; its streams hold the state and refer to it, so it
/// must outlive them.
class Feature {
 public:
  Feature(std::string name, std::vector<std::string> fields) : name_(std::move(name)), fields_(std::move(fields)) {}
  virtual ~Feature() = default;
  Feature(const Feature&) = delete;
  Feature& operator=(const Feature&) = delete;

  /// Its specification in canonical form, e.g. "momentum(20,5)".
  const std::string& name() const { return name_; }
  /// Fields of the bars that it reads, in the order of update's inputs; "price" is the panel's price.
  std::span<const std::string> fields() const { return fields_; }
  /// Bars that must have been seen before the one with the first value.
  virtual int64_t warm_up() const = 0;
  virtual std::unique_ptr<FeatureStream> stream(int64_t instruments) const = 0;

  /// Throws ValueError that names the fields which `panel` lacks.
  void require_fields(const market::Panel& panel) const;
  /// All dates at once: [T, N], NaN = not available. With intraday bars each day starts anew: no value reaches over a
  /// night.
  std::vector<double> compute(const market::Panel& panel) const;

 private:
  std::string name_;
  std::vector<std::string> fields_;
};

/// A feature whose value depends on one instrument's last `length` bars alone. Each value is computed afresh from its
/// window, oldest first, so it does not depend on when the stream began.
class WindowFeature : public Feature {
 public:
  WindowFeature(std::string name, std::vector<std::string> fields, int64_t length)
      : Feature(std::move(name), std::move(fields)), length_(length) {}

  int64_t length() const { return length_; }
  int64_t warm_up() const override { return length_ - 1; }
  std::unique_ptr<FeatureStream> stream(int64_t instruments) const override;

  /// windows[k] points at `length` values of field k, oldest first, NaN = missing. Values that are not finite are
  /// replaced by NaN.
  virtual double value(std::span<const double* const> windows) const = 0;

 private:
  int64_t length_;
};

}  // namespace quantick::features
