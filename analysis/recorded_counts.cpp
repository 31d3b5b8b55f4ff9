#include "analysis/recorded_counts.h"

namespace trapline::analysis {

void RecordedCounts::add(std::uint16_t vcpu, const tracer::Exit& exit) {
  std::vector<OfKind>& exits = vcpus_[vcpu].exits;
  if (exit.what->index >= exits.size()) exits.resize(exit.what->index + 1);
  OfKind& kind = exits[exit.what->index];
  if (kind.count == 0) kind.what = *exit.what;
  ++kind.count;
}

void RecordedCounts::add(std::uint16_t vcpu, const tracer::VmmStep& step) {
  if (step.count_kind != GUEST_COUNT_NONE) ++vcpus_[vcpu].steps[{step.count_kind, step.arg}];
}

const RecordedCounts::OfVcpu* RecordedCounts::find(std::uint16_t vcpu) const {
  const auto found = vcpus_.find(vcpu);
  return found == vcpus_.end() ? nullptr : &found->second;
}

}  // namespace trapline::analysis
