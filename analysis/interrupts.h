// The stories of interrupts in figures: how long each stretch of the way took, for each vector and source.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/distribution.h"
#include "tracer/timeline/interrupt.h"

namespace trapline::analysis {

// A stretch of an interrupt's way.
struct Stretch {
  std::string_view name;  // key in JSON
  std::string_view title;
  tracer::Link from;
  tracer::Link to;
};
inline constexpr std::array kStretches = {
    Stretch{"raised_to_accepted", "raised-accepted", tracer::Link::raised, tracer::Link::accepted},
    Stretch{"accepted_to_injected", "accepted-injected", tracer::Link::accepted, tracer::Link::injected},
    Stretch{"injected_to_isr", "injected-ISR", tracer::Link::injected, tracer::Link::isr_entry},
    Stretch{"raised_to_isr", "raised-ISR", tracer::Link::raised, tracer::Link::isr_entry},
    Stretch{"isr_to_eoi", "ISR-EOI", tracer::Link::isr_entry, tracer::Link::eoi},
    Stretch{"isr_to_iret", "ISR-iret", tracer::Link::isr_entry, tracer::Link::iret},
    Stretch{"raised_to_iret", "raised-iret", tracer::Link::raised, tracer::Link::iret},
};

struct Latency {
  Distribution duration;
  std::uint64_t worst_at_ns =
      0;  // begin of the longest, from the timeline's begin: so that one can go and look
  tracer::InterruptId worst = tracer::kNoInterrupt;

  void add(std::uint64_t ns, std::uint64_t at_ns, tracer::InterruptId id);
};

// All interrupts of one vCPU, vector and source.
struct InterruptRow {
  std::uint16_t vcpu = 0;
  std::uint32_t vector = 0;
  tracer::InterruptSource source = tracer::InterruptSource::unknown;
  std::uint64_t count = 0;
  std::uint64_t complete = 0;
  std::array<std::uint64_t, tracer::kLinks> seen{};
  std::array<std::uint64_t, tracer::kLinks> missing{};
  std::uint64_t coalesced = 0;        // raised again while pending: no interrupts of their own
  std::uint64_t reinjected = 0;       // injected again: delivery was interrupted
  std::uint64_t delivered_twice = 0;  // tracer::Interrupt::delivered_twice of all
  std::uint64_t masked = 0;           // interrupts that the guest could not take at the first entry
  std::uint64_t nested = 0;           // whose ISR interrupted another
  std::uint64_t posted = 0;
  std::uint64_t eoi_exits = 0;  // interrupts whose EOI made the vCPU exit
  std::array<Latency, kStretches.size()> latencies;
};

// What was brought to the guest (raised outside of it, or injected); and, apart, what its own instructions
// caused without KVM's doing.
struct InterruptFigures {
  std::uint64_t total = 0;
  std::uint64_t complete = 0;
  std::array<std::uint64_t, tracer::kLinks> missing{};
  std::vector<InterruptRow> rows;  // by vCPU, vector, source
};

// How many a second; 0 of no time.
[[nodiscard]] double per_second(std::uint64_t count, std::uint64_t ns);

class InterruptTable {
 public:
  void add(const tracer::Interrupt& interrupt, HostNs begin);
  [[nodiscard]] InterruptFigures take();

 private:
  InterruptFigures totals_;
  std::map<std::tuple<std::uint16_t, std::uint32_t, tracer::InterruptSource>, InterruptRow> rows_;
};

}  // namespace trapline::analysis
