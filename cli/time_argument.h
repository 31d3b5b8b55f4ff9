// A time on the command line: "1.5ms", "200us", "3s", "1234" (nanoseconds).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace trapline::cli {

// In nanoseconds, exact. `option` is what the error names, `bare_unit` what a number without a unit counts.
[[nodiscard]] Result<std::uint64_t> parse_time(std::string_view text, std::string_view option,
                                               std::string_view bare_unit = "ns");

}  // namespace trapline::cli
