// What every viewer assumes of a Chrome trace and none checks: on a lane, slices nest or follow one another.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace trapline::test {

// A description of the first two slices of one lane that overlap in part; empty if there are none.
[[nodiscard]] std::string find_overlap(const nlohmann::json& chrome_trace);

// Slices ("X") on all lanes.
[[nodiscard]] std::size_t count_slices(const nlohmann::json& chrome_trace);

}  // namespace trapline::test
