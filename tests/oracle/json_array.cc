#include "tests/oracle/json_array.h"

#include <cmath>
#include <cstdlib>
#include <string>

namespace quantick::oracle {

Array array_from(const Json& in) {
  std::vector<double> values;
  values.reserve(in.at("values").size());
  for (const Json& v : in.at("values"))
    values.push_back(v.is_string()    ? std::strtod(v.get_ref<const std::string&>().c_str(), nullptr)
                     : v.is_boolean() ? (v.get<bool>() ? 1 : 0)
                                      : v.get<double>());
  const Array wide = Array::from(values, Shape(in.at("shape").get<std::vector<int64_t>>()));
  return wide.astype(dtype_from_name(in.value("dtype", "float32")));
}

Json json_from(const Array& array) {
  Json values = Json::array();
  for (const double v : array.to_vector<double>())
    values.push_back(std::isfinite(v) ? Json(v) : Json(std::isnan(v) ? "nan" : v > 0 ? "inf" : "-inf"));
  return {{"shape", array.shape().to_vector()}, {"dtype", dtype_name(array.dtype())}, {"values", values}};
}

Attributes attributes_from(const Json& in) {
  Attributes out;
  for (const auto& [name, value] : in.items()) {
    AttributeValue& to = out.emplace_back(name, false).second;
    if (value.is_boolean())
      to = value.get<bool>();
    else if (value.is_number_integer())
      to = value.get<int64_t>();
    else if (value.is_number())
      to = value.get<double>();
    else if (value.is_string())
      to = value.get<std::string>();
    else
      to = value.get<std::vector<int64_t>>();
  }
  return out;
}

}  // namespace quantick::oracle
