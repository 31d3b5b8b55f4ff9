// What happened between two readings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tracer/exits/keys.h"
#include "tracer/live/live_figures.h"
#include "tracer/live/live_reading.h"

namespace trapline::tracer {

// Exits of one vCPU with one reason and, of port accesses, one port and direction.
struct LiveExits {
  std::uint16_t vcpu = 0;  // number
  std::string reason;
  bool halts = false;  // the guest waited for an interrupt: no handling
  std::optional<IoAccess> io;
  LiveFigures figures;        // of exits that ended within the interval, from exit to entry
  std::uint64_t to_user = 0;  // of them those with which KVM_RUN returned to user space
  // The part of the interval that was spent in such exits, those included that are not over yet; and of it
  // that in user space.
  std::uint64_t time_ns = 0;
  std::uint64_t user_ns = 0;
};

// Events that were injected into one vCPU, and interrupts that its LAPIC accepted.
struct LiveVector {
  std::uint16_t vcpu = 0;
  std::uint32_t event = 0;  // vector and type, as in an event field
  std::uint64_t injected = 0;
  std::uint64_t accepted = 0;
  std::uint64_t posted = 0;  // of accepted: delivered by the processor, without an injection
  LiveFigures figures;       // accepted to injected, where both were seen
};

// How a vCPU spent the interval; the parts add up to lived_ns.
struct LiveVcpu {
  std::uint16_t number = 0;
  std::uint16_t vm = 0;
  std::uint16_t vcpu_id = 0;
  std::uint32_t tid = 0;
  bool ended = false;
  std::uint64_t lived_ns = 0;  // of the interval, from when it was first seen until its thread ended
  std::uint64_t guest_ns = 0;
  std::uint64_t kvm_ns = 0;
  std::uint64_t user_ns = 0;
  std::uint64_t halted_ns = 0;
};

struct LiveInterval {
  std::uint64_t from_ns = 0;
  std::uint64_t to_ns = 0;
  std::vector<LiveExits> exits;
  std::vector<LiveVector> vectors;
  std::vector<LiveVcpu> vcpus;  // those that ran in it
  std::vector<LiveVm> vms;      // theirs
  LiveLosses losses;            // of the interval
  LiveLosses losses_before;     // of those before it

  [[nodiscard]] std::uint64_t length_ns() const { return to_ns - from_ns; }
};

class LiveSampler {
 public:
  // The first interval begins at `began_ns`, when the probes were attached.
  explicit LiveSampler(std::uint64_t began_ns) : last_ns_(began_ns) {}

  LiveInterval next(const LiveReading& reading);

 private:
  // Of one key at the last reading.
  struct Before {
    trl_top_row row{};
    std::uint64_t open_ns = 0;
    std::uint64_t open_user_ns = 0;
  };
  struct Now;
  void add_exits(LiveInterval& interval, const Now& now, const Before& before, recording::Isa isa) const;

  std::uint64_t last_ns_;
  LiveLosses last_losses_;
  std::unordered_map<std::uint64_t, Before> before_;
};

}  // namespace trapline::tracer
