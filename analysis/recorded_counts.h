// How often things were recorded, by what the guest and KVM count them by.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "tracer/timeline/sink.h"
#include "vmm/guest/abi.h"

namespace trapline::analysis {

class RecordedCounts {
 public:
  struct OfKind {
    tracer::ExitDescription what;
    std::uint64_t count = 0;
  };
  struct OfVcpu {
    std::vector<OfKind> exits;                                               // by ExitDescription::index
    std::map<std::uint32_t, std::uint64_t> isrs;                             // by vector
    std::map<std::pair<std::uint16_t, std::uint64_t>, std::uint64_t> steps;  // by count_kind and arg
    std::uint64_t stamps = 0;
  };

  void add(std::uint16_t vcpu, const tracer::Exit& exit);
  void add(std::uint16_t vcpu, const tracer::VmmStep& step);
  void add(std::uint16_t vcpu, const tracer::Isr& isr) { ++vcpus_[vcpu].isrs[isr.vector]; }
  void add(std::uint16_t vcpu, const tracer::StampCheck& check) { vcpus_[vcpu].stamps = check.checked; }

  [[nodiscard]] const OfVcpu* find(std::uint16_t vcpu) const;  // null: nothing of it was recorded

 private:
  std::map<std::uint16_t, OfVcpu> vcpus_;
};

}  // namespace trapline::analysis
