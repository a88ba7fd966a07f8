#pragma once
// Arrays and attributes as the JSON that tests/python writes: {"shape", "values", "dtype"?}. Values that JSON has no
// word for are the strings "nan", "inf", "-inf".
#include <nlohmann/json.hpp>
#include <vector>

#include "quantick/ops/operator.h"

namespace quantick::oracle {

using Json = nlohmann::json;

/// float32 where the document names no dtype.
Array array_from(const Json& in);
Json json_from(const Array& array);

/// An object of names and values; lists are lists of integers.
Attributes attributes_from(const Json& in);

}  // namespace quantick::oracle
