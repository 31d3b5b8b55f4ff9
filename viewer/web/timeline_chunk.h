// Some thousand items of one vCPU, gathered and then written as columns of bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "viewer/web/packed_rows.h"

namespace trapline::viewer {

struct PackedChunk {
  std::string hot;   // what is drawn, searched and counted
  std::string cold;  // the exits' raw fields: unpacked when somebody looks at one
};

class TimelineChunk {
 public:
  explicit TimelineChunk(std::uint16_t vcpu) : vcpu_(vcpu) {}

  std::vector<PackedExit> exits;
  std::vector<PackedState> states;
  std::vector<PackedStep> steps;
  std::vector<PackedInjection> injections;
  std::vector<PackedIsr> isrs;
  std::vector<PackedEvent> events;
  std::vector<PackedStory> stories;

  [[nodiscard]] std::size_t longest_table() const;
  // Rows leave it. In the order that docs/view.md gives; handlers and stories are sorted by their begins.
  [[nodiscard]] PackedChunk take();

 private:
  std::uint16_t vcpu_;
};

}  // namespace trapline::viewer
