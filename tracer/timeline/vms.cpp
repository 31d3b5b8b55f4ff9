#include "tracer/timeline/vms.h"

#include <algorithm>

namespace trapline::tracer {

VcpuOfVm RecordedVms::vcpu(std::uint16_t number) const {
  const auto found = vcpus.find(number);
  return found == vcpus.end() ? VcpuOfVm{0, number} : found->second;
}

const recording::Vm* RecordedVms::find(std::uint16_t vm) const {
  const auto found = std::ranges::find(vms, vm, &recording::Vm::vm);
  return found == vms.end() ? nullptr : &*found;
}

RecordedVms vms_of(const recording::RecordingReader& reader) {
  RecordedVms all;
  all.vms = reader.vms();
  for (const auto& started : reader.vcpus())
    all.vcpus[started.vcpu] = {started.vm, started.vcpu_id};
  const auto must_have = [&](std::uint16_t number) {
    if (all.find(number) != nullptr) return;
    all.vms.emplace_back();
    all.vms.back().vm = number;
  };
  // A recording that no VM was seen in has none.
  if (all.vcpus.empty() && !reader.streams().empty()) must_have(0);
  for (const auto& [number, vcpu] : all.vcpus)
    must_have(vcpu.vm);
  std::ranges::stable_sort(all.vms, {}, &recording::Vm::vm);
  return all;
}

}  // namespace trapline::tracer
