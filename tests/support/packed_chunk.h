// Reads what viewer/web/timeline_chunk writes, in C++: the same walk as the page's decode.ts.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "viewer/web/packed_rows.h"

namespace trapline::test {

struct UnpackedState {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::uint64_t code = 0;
  bool operator==(const UnpackedState&) const = default;
};

struct UnpackedChunk {
  std::uint64_t vcpu = 0;
  std::vector<viewer::PackedExit> exits;  // without the raw fields
  std::vector<viewer::PackedIsr> isrs;
  std::vector<UnpackedState> states;
  std::vector<viewer::PackedStep> steps;
  std::vector<viewer::PackedInjection> injections;
  std::vector<viewer::PackedEvent> events;
  std::vector<viewer::PackedStory> stories;
};

// Of each of a timeline's shapes a bit for every link that is there.
[[nodiscard]] std::vector<unsigned> link_masks(const nlohmann::json& dictionaries);
[[nodiscard]] UnpackedChunk unpack_hot(const std::string& bytes, const std::vector<unsigned>& link_masks);
// The raw fields of the exits, in their order.
[[nodiscard]] std::vector<trl_exit_cycle> unpack_cold(const std::string& bytes,
                                                      const std::vector<std::uint32_t>& kinds);

}  // namespace trapline::test
