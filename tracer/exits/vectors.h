// Interrupt vectors by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trapline::tracer {

// "#PF"; empty: no exception has this vector (Intel SDM Vol. 3A, table 6-1; AMD APM Vol. 2, 8.1).
[[nodiscard]] std::string_view exception_name(std::uint32_t vector);

// "#PF" or "0x40".
[[nodiscard]] std::string vector_name(std::uint32_t vector);

}  // namespace trapline::tracer
