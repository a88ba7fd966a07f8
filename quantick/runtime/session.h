#pragma once
// Runs a program on batches of whole windows.
#include <memory>
#include <utility>
#include <vector>

#include "quantick/runtime/plan.h"

namespace quantick::runtime {

/// Copies share the plan. All calls may be made from several threads at once.
class Session {
 public:
  explicit Session(const Program& program);
  explicit Session(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)) {}

  /// x float32 [steps, batch, features], or [batch, features] where the program's input is a frame. Returns float32
  /// [batch, ...], or [steps, batch, ...] where its output is a sequence. The batch is cut in fixed chunks that run in
  /// parallel; results depend neither on the chunks nor on threads. Throws ShapeError and TypeError for x, and
  /// ValueError that names column, row and step of a NaN or infinity where the program rejects them.
  Array run(const Array& x) const;

  /// The output's integers, before they become float32 (float32 where the output is real).
  Array run_codes(const Array& x) const;

  /// Every value of the program as float32, by value id, from one pass over all rows at once; for error reports.
  std::vector<Array> run_all(const Array& x) const;
  /// Integers of every value, by value id. `counters`, where given, receives the events of each node.
  std::vector<Array> run_all_codes(const Array& x, std::vector<NodeCounters>* counters = nullptr) const;

  const Plan& plan() const { return *plan_; }
  const std::shared_ptr<const Plan>& shared_plan() const { return plan_; }

 private:
  std::shared_ptr<const Plan> plan_;
};

}  // namespace quantick::runtime
