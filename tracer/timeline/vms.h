// Whose vCPUs the numbers of a recording are.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tracer/recording/reader.h"

namespace trapline::tracer {

struct VcpuOfVm {
  std::uint16_t vm = 0;
  std::uint16_t vcpu_id = 0;  // KVM's

  auto operator<=>(const VcpuOfVm&) const = default;
};

struct RecordedVm {
  std::uint16_t number = 0;
  std::uint32_t pid = 0;  // of the process that had it; 0: not known
  std::string name;       // empty: not known
};

struct RecordedVms {
  std::vector<RecordedVm> vms;              // by number
  std::map<std::uint16_t, VcpuOfVm> vcpus;  // by the number that records carry

  // A vCPU that the recording tells nothing of is one of VM 0, by its own number.
  [[nodiscard]] VcpuOfVm vcpu(std::uint16_t number) const;
  [[nodiscard]] const RecordedVm* find(std::uint16_t vm) const;
  [[nodiscard]] bool several() const { return vms.size() > 1; }
};
[[nodiscard]] RecordedVms vms_of(const recording::RecordingReader& reader);

}  // namespace trapline::tracer
