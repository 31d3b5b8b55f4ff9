// The items of a timeline as the page's format knows them: times in ns from the timeline's begin, texts and
// combinations that repeat as numbers in a dictionary.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "tracer/timeline/timeline.h"

namespace trapline::viewer {

// Times further away than this from the timeline's begin (13 days) become it: a recording may hold any
// number, and JavaScript has exact integers up to 2^53, which is what a reference to such a distance takes.
inline constexpr std::int64_t kFarthestNs = std::int64_t{1} << 50;

using PackedTime = std::int64_t;
using OptionalTime = std::optional<PackedTime>;

struct PackedExit {
  PackedTime begin = 0;
  PackedTime end = 0;
  OptionalTime user_exit;
  OptionalTime vmm_begin;  // with vmm_end, or not at all
  OptionalTime vmm_end;
  std::uint32_t kind = 0;  // of the dictionary `kinds`
  bool open = false;
  bool halts = false;
  trl_exit_cycle record{};
};

struct PackedState {
  PackedTime begin = 0;
  PackedTime end = 0;
  tracer::State state = tracer::State::unknown;
};

struct PackedStep {
  PackedTime begin = 0;
  PackedTime end = 0;
  std::uint32_t text = 0;  // of `texts`
};

struct PackedInjection {
  PackedTime at = 0;
  OptionalTime isr_entry;
  std::uint32_t vector = 0;
  bool exception = false;
  bool reinjected = false;
  tracer::InterruptId story = 0;
};

struct PackedIsr {
  PackedTime entry = 0;
  PackedTime iret = 0;
  OptionalTime eoi;
  std::uint32_t vector = 0;
  std::uint32_t workload = 0;
  std::uint32_t depth = 0;
  bool complete = false;
  tracer::InterruptId story = 0;
};

struct PackedEvent {
  std::uint32_t workload = 0;
  std::uint64_t iteration = 0;
  PackedTime u0 = 0;
  OptionalTime k1;
  OptionalTime k2;
  PackedTime u3 = 0;
  std::optional<std::uint16_t> handler_vcpu;
  std::uint32_t user_exits = 0;
  std::uint32_t kernel_exits = 0;
  std::uint32_t async_exits = 0;
};

struct PackedStory {
  tracer::InterruptId id = 0;
  std::uint32_t shape = 0;  // of `shapes`: vector, source, who raised it, which links were seen and by what
  std::array<OptionalTime, tracer::kLinks> links;
  std::uint32_t coalesced = 0;
  std::uint32_t reinjections = 0;
  std::uint32_t entries_masked = 0;

  [[nodiscard]] PackedTime begin() const;  // of the links that were seen the earliest; 0 where none was
};

}  // namespace trapline::viewer
