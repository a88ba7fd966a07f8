#pragma once
// Holidays of the New York Stock Exchange, 1990 to 2100 (NYSE Rule 7.2; closures as NYSE announced them).
#include "quantick/market/date.h"

namespace quantick::market {

inline constexpr int kNyseFirstYear = 1990;
inline constexpr int kNyseLastYear = 2100;

/// True for weekends, holidays and unscheduled closures.
bool nyse_is_closed(Date date);
/// True for sessions that end at 13:00.
bool nyse_is_half_day(Date date);

}  // namespace quantick::market
