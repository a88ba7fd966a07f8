#pragma once
// Ctrl-C: the program sets the flag from its signal handler; long work polls it between steps, saves and stops.

namespace quantick {

/// Async-signal-safe.
void request_interrupt() noexcept;
void clear_interrupt() noexcept;
bool interrupt_requested() noexcept;

/// Throws InterruptedError where an interrupt was requested.
void check_interrupt();

}  // namespace quantick
