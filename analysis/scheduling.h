// How often, and how long, a vCPU's thread could have run and did not get a CPU; and how its halts ended.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/distribution.h"
#include "tracer/timeline/timeline.h"

namespace trapline::analysis {

struct SchedulingRow {
  std::uint16_t vcpu = 0;
  Distribution preempted;  // it ran, and the host let something else run
  Distribution woken;      // it was woken, and waited for a CPU

  // What the guest would see as time that was stolen.
  [[nodiscard]] std::uint64_t steal_ns() const { return preempted.total() + woken.total(); }
};

struct HaltRow {
  std::uint16_t vcpu = 0;
  std::uint64_t polled = 0;  // halts in KVM whose interrupt came before the thread slept
  std::uint64_t slept = 0;
  std::uint64_t halt_poll_ns = 0;  // states of this name
  std::uint64_t halted_ns = 0;
  std::optional<std::uint64_t> poll_window_ns;  // at the end; none: KVM did not say

  [[nodiscard]] bool any() const { return polled + slept + halt_poll_ns + halted_ns != 0; }
};

// States of a vCPU in the order of time, and its halts.
class SchedulingTable {
 public:
  void add(std::uint16_t vcpu, const tracer::StateSlice& slice);
  void add(std::uint16_t vcpu, const tracer::Halt& halt);
  void finish();  // before the rows are taken

  [[nodiscard]] std::vector<SchedulingRow> scheduling() const;  // by vCPU, all of them
  [[nodiscard]] std::vector<HaltRow> halts() const;             // by vCPU, those that halted

 private:
  struct OfVcpu {
    SchedulingRow scheduling;
    HaltRow halts;
    tracer::State last = tracer::State::unknown;
    bool has_slept = false;        // before it was runnable
    std::uint64_t waiting_ns = 0;  // runnable since then
  };

  OfVcpu& of(std::uint16_t vcpu);
  static void end_wait(OfVcpu& vcpu);

  std::map<std::uint16_t, OfVcpu> vcpus_;
};

}  // namespace trapline::analysis
