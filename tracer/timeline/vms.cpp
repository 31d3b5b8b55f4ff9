#include "tracer/timeline/vms.h"

#include <algorithm>

namespace trapline::tracer {

VcpuOfVm RecordedVms::vcpu(std::uint16_t number) const {
  const auto found = vcpus.find(number);
  return found == vcpus.end() ? VcpuOfVm{0, number} : found->second;
}

const RecordedVm* RecordedVms::find(std::uint16_t vm) const {
  const auto found = std::ranges::find(vms, vm, &RecordedVm::number);
  return found == vms.end() ? nullptr : &*found;
}

RecordedVms vms_of(const recording::RecordingReader& reader) {
  RecordedVms all;
  for (const auto& started : reader.vcpus())
    all.vcpus[started.vcpu] = {0, started.vcpu};
  if (all.vms.empty()) all.vms.push_back({});
  return all;
}

}  // namespace trapline::tracer
