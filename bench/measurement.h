#pragma once
// What a benchmark times: one contender's way through one path of a workload.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace quantick::bench {

/// One instrument, or the few rows of a batch, whose state is carried from step to step.
class Stepper {
 public:
  virtual ~Stepper() = default;
  virtual void reset() = 0;
  /// What can be done before the next features are there.
  virtual void prepare() {}
  virtual void step(const float* features, float* out) = 0;
};

/// A contender of the step path.
struct Contender {
  std::string name;
  std::string note;  ///< form that was taken, for the table
  std::unique_ptr<Stepper> stepper;
};

/// The least that one run has to do.
struct Work {
  double bytes = 0;          ///< weights that it reads, `passes` times
  double passes = 1;         ///< how often, because each pass needs the result of the one before
  double byte_products = 0;  ///< products of two bytes; 16-bit operands count once per byte. 0: not integers
  double products = 0;       ///< of a weight and a value, of any type
};

struct Measurement {
  std::string contender, path, note;
  int64_t rows = 1;              ///< windows, or steps of single rows, that one run computes
  std::function<void()> before;  ///< not timed; may be empty
  std::function<void()> run;
  Work work;
};

}  // namespace quantick::bench
