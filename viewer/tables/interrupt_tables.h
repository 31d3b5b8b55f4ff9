// Interrupts, exceptions and system calls of the guest, as text.
#pragma once

#include <string>

#include "analysis/summary.h"

namespace trapline::viewer {

// How many of each vector, and how long each stretch of their way took.
[[nodiscard]] std::string interrupt_tables(const analysis::Summary& summary);

}  // namespace trapline::viewer
