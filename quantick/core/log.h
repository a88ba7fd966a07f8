#pragma once
// The library never prints: it hands messages to a sink that the program sets.
#include <functional>
#include <string>
#include <string_view>

namespace quantick {

enum class LogLevel { error, warning, info, debug };

std::string_view log_level_name(LogLevel level);

using LogSink = std::function<void(LogLevel, std::string_view)>;

/// Replaces the sink (none at start: messages are dropped). Thread safe; the sink itself is called under a lock.
void set_log_sink(LogSink sink);

void log(LogLevel level, std::string_view message);

}  // namespace quantick
