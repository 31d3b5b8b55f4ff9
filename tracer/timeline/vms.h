// Whose vCPUs the numbers of a recording are.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "tracer/recording/reader.h"

namespace trapline::tracer {

struct VcpuOfVm {
  std::uint16_t vm = 0;
  std::uint16_t vcpu_id = 0;  // KVM's

  auto operator<=>(const VcpuOfVm&) const = default;
};

struct RecordedVms {
  std::vector<recording::Vm> vms;           // by number; those that nothing tells of are nameless
  std::map<std::uint16_t, VcpuOfVm> vcpus;  // by the number that records carry

  // A vCPU that the recording tells nothing of is one of VM 0, by its own number.
  [[nodiscard]] VcpuOfVm vcpu(std::uint16_t number) const;
  [[nodiscard]] const recording::Vm* find(std::uint16_t vm) const;
  [[nodiscard]] bool several() const { return vms.size() > 1; }
};
[[nodiscard]] RecordedVms vms_of(const recording::RecordingReader& reader);

}  // namespace trapline::tracer
