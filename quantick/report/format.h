#pragma once
// Text of the HTML report: numbers for people, escaping of everything that came from outside.
#include <string>
#include <string_view>

#include "quantick/report/report_data.h"

namespace quantick::report {

/// Safe inside an element and inside a quoted attribute. Bytes that are no UTF-8 and control characters become U+FFFD.
std::string escape(std::string_view text);

/// A JSON string literal that is safe inside a script element.
std::string script_string(std::string_view text);

/// Number with its unit, a real minus sign, and "–" where it is missing.
std::string format_value(double value, Unit unit);

/// A share in percent with one digit and without the sign, for tables that name the unit once.
std::string format_percent(double value);

/// Digits after the point so that `smallest` shows two significant digits, at least those usual for the unit.
/// Differences that are tiny beside their metric stay readable.
std::string format_difference(double value, double smallest, Unit unit);

/// Thousands apart by a thin space.
std::string format_count(int64_t count);

/// At most `digits` significant digits, no unit; scientific where it is shorter.
std::string format_significant(double value, int digits = 4);

/// "1.2 MB".
std::string format_bytes(int64_t bytes);

/// "0.84 s", "3 min 12 s".
std::string format_seconds(double seconds);

}  // namespace quantick::report
