#include "quantick/core/log.h"

#include <array>
#include <mutex>

namespace quantick {
namespace {
std::mutex sink_mutex;
LogSink current_sink;
}  // namespace

std::string_view log_level_name(LogLevel level) {
  constexpr std::array<std::string_view, 4> names{"error", "warning", "info", "debug"};
  return names[static_cast<size_t>(level)];
}

void set_log_sink(LogSink sink) {
  std::lock_guard lock(sink_mutex);
  current_sink = std::move(sink);
}

void log(LogLevel level, std::string_view message) {
  std::lock_guard lock(sink_mutex);
  if (current_sink) current_sink(level, message);
}

}  // namespace quantick
