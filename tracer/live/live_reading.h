// What `trapline top` reads of the kernel once an interval: counters since the probes were attached.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bpf/top.h"
#include "tracer/recording/info.h"

namespace trapline::tracer {

struct LiveVm {
  std::uint32_t number = 0;
  std::uint32_t pid = 0;
  std::string name;
};

// A vCPU, and the exit cycle in which it was when the reading was made.
struct LiveVcpuState {
  std::uint16_t number = 0;
  std::uint16_t vm = 0;
  std::uint16_t vcpu_id = 0;
  std::uint32_t tid = 0;               // 0: it has not run yet
  std::uint64_t seen_ns = 0;           // when it was first seen
  std::uint64_t ended_ns = 0;          // when its thread ended; 0: it lives
  std::uint64_t open_since_ns = 0;     // its exit; 0: it is in the guest
  std::uint64_t in_user_since_ns = 0;  // 0: it is in KVM
  std::uint64_t open_key = 0;
};

// What is missing from the rows, since the probes were attached.
struct LiveLosses {
  std::uint64_t exits_without_row = 0;  // exits that were not told apart: the table was full
  std::uint64_t vectors_without_row = 0;
  std::uint64_t not_followed = 0;  // vCPU threads, VMs and vCPUs
  std::uint64_t skipped = 0;       // runs of a probe that the kernel skipped
  std::uint64_t unattributed = 0;  // interrupts of which nothing tells whose they are

  bool operator==(const LiveLosses&) const = default;
};

struct LiveReading {
  std::uint64_t at_ns = 0;  // CLOCK_MONOTONIC
  recording::Isa isa = recording::Isa::none;
  std::vector<trl_top_row> rows;     // those in use; max_ns is since the last reading
  std::vector<std::uint64_t> freed;  // keys whose rows are gone after this reading: their vCPU has ended
  std::vector<LiveVcpuState> vcpus;
  std::vector<LiveVm> vms;  // all that were ever seen
  LiveLosses losses;
};

}  // namespace trapline::tracer
