#include "quantick/ops/registry.h"

#include <vector>

#include "quantick/core/error.h"
#include "quantick/core/fields.h"

namespace quantick {
namespace {

using Row = const Operator& (*)();

constexpr Row kRows[] = {
#define QTK_OP(name, ...) &name##_operator,
#include "quantick/ops/list.inc"
#undef QTK_OP
};

}  // namespace

std::span<const Operator> operators() {
  static const std::vector<Operator> table = [] {
    std::vector<Operator> rows;
    for (const Row row : kRows) rows.push_back(row());
    return rows;
  }();
  return table;
}

const Operator& find_operator(std::string_view name) {
  std::vector<std::string> names;
  for (const Row row : kRows) {
    if (row().name == name) return row();
    names.push_back(row().name);
  }
  const std::string near = nearest_name(name, names);
  fail<IndexError>("[ops] unknown operator {}{}", name, near.empty() ? "" : ", did you mean " + near + "?");
}

}  // namespace quantick
