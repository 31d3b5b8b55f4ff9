#include "analysis/scheduling.h"

namespace trapline::analysis {
namespace {

using tracer::State;

bool is_runnable(State state) {
  return state == State::kvm_runnable || state == State::vmm_runnable;
}

bool is_asleep(State state) {
  return state == State::kvm_blocked || state == State::vmm_blocked || state == State::halted;
}

}  // namespace

SchedulingTable::OfVcpu& SchedulingTable::of(std::uint16_t vcpu) {
  OfVcpu& found = vcpus_[vcpu];
  found.scheduling.vcpu = vcpu;
  found.halts.vcpu = vcpu;
  return found;
}

void SchedulingTable::end_wait(OfVcpu& vcpu) {
  if (vcpu.waiting_ns == 0) return;
  (vcpu.has_slept ? vcpu.scheduling.woken : vcpu.scheduling.preempted).add(vcpu.waiting_ns);
  vcpu.waiting_ns = 0;
}

// A wait can begin in KVM and go on in the VMM, as the timeline divides it: it is one.
void SchedulingTable::add(std::uint16_t vcpu, const tracer::StateSlice& slice) {
  OfVcpu& row = of(vcpu);
  const std::uint64_t ns = slice.end.value - slice.begin.value;
  if (is_runnable(slice.state)) {
    if (row.waiting_ns == 0) row.has_slept = is_asleep(row.last);
    row.waiting_ns += ns;
  } else {
    end_wait(row);
  }
  if (slice.state == State::halt_poll) row.halts.halt_poll_ns += ns;
  if (slice.state == State::halted) row.halts.halted_ns += ns;
  row.last = slice.state;
}

void SchedulingTable::add(std::uint16_t vcpu, const tracer::Halt& halt) {
  HaltRow& row = of(vcpu).halts;
  ++(halt.slept ? row.slept : row.polled);
  if (halt.poll_window_ns) row.poll_window_ns = halt.poll_window_ns;
}

void SchedulingTable::finish() {
  for (auto& [number, vcpu] : vcpus_)
    end_wait(vcpu);
}

std::vector<SchedulingRow> SchedulingTable::scheduling() const {
  std::vector<SchedulingRow> rows;
  for (const auto& [number, vcpu] : vcpus_)
    rows.push_back(vcpu.scheduling);
  return rows;
}

std::vector<HaltRow> SchedulingTable::halts() const {
  std::vector<HaltRow> rows;
  for (const auto& [number, vcpu] : vcpus_) {
    if (vcpu.halts.any()) rows.push_back(vcpu.halts);
  }
  return rows;
}

}  // namespace trapline::analysis
