#include "tracer/exits/vectors.h"

#include <fmt/format.h>

#include <array>

namespace trapline::tracer {

std::string_view exception_name(std::uint32_t vector) {
  constexpr std::array<std::string_view, 32> kNames = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM",
                                                       "#DF", "",    "#TS", "#NP", "#SS", "#GP", "#PF", "",
                                                       "#MF", "#AC", "#MC", "#XM", "#VE", "#CP", "",    "",
                                                       "",    "",    "",    "",    "#HV", "#VC", "#SX", ""};
  return vector < kNames.size() ? kNames[vector] : std::string_view{};
}

std::string vector_name(std::uint32_t vector) {
  const std::string_view exception = exception_name(vector);
  return exception.empty() ? fmt::format("{:#04x}", vector) : std::string(exception);
}

}  // namespace trapline::tracer
