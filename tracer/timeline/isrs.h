// From the guest's stamps to its ISRs.
#pragma once

#include <optional>
#include <vector>

#include "tracer/timeline/dated.h"
#include "tracer/timeline/interrupts.h"
#include "tracer/timeline/sink.h"

namespace trapline::tracer {

// K1 opens an ISR, the next K2 of its vector closes it; a K1 between the two is an ISR nested in it. Where
// stamps were lost (their numbers skip) the ISRs that were open end with the last stamp before the loss,
// incomplete; so do those that were still open inside of one whose K2 comes.
class IsrTracker {
 public:
  IsrTracker(std::uint16_t vcpu, TimelineSink& sink, InterruptLinker& linker)
      : vcpu_(vcpu), sink_(sink), linker_(linker) {}

  // Stamps in order. The ISR that a K1 opened, null for any other stamp; valid until the next call.
  const Isr* stamp(const DatedStamp& dated);
  void finish(HostNs end);

 private:
  // Deeper than any guest that works: the outermost is given up then.
  static constexpr std::size_t kMaxOpen = 64;

  void close(std::size_t index, HostNs end, bool complete);
  void close_all(HostNs end);

  std::uint16_t vcpu_;
  TimelineSink& sink_;
  InterruptLinker& linker_;
  std::vector<Isr> open_;  // entered and not left, the innermost last
  std::optional<std::uint64_t> last_seq_;
  HostNs last_at_;
};

}  // namespace trapline::tracer
