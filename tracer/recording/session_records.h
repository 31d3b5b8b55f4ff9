// The session's stream, from bytes to facts.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tracer/recording/session.h"

namespace trapline::recording {

struct SessionFacts {
  std::vector<ClockSample> clock_samples;
  std::vector<Vm> vms;
  std::vector<VcpuStarted> vcpus;
  std::vector<Workload> workloads;
  std::vector<GuestCount> guest_counts;
  std::vector<KvmStat> kvm_stats;
  std::vector<StreamLoss> losses;
  std::optional<ProbeCost> probe_cost;
  std::optional<RecordingEnd> end;

  // Adds the facts of one packet's events; `offset` is where they lie in the file that errors call `file`.
  [[nodiscard]] Status add(std::span<const std::byte> events, std::uint64_t offset, std::string_view file);
};

}  // namespace trapline::recording
