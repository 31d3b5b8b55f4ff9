#include "tracer/timeline/isrs.h"

#include <algorithm>

namespace trapline::tracer {

void IsrTracker::close(std::size_t index, HostNs end, bool complete) {
  Isr& isr = open_[index];
  isr.iret = std::max(isr.entry, end);
  isr.complete = complete;
  linker_.isr_left(vcpu_, isr);
  sink_.isr(vcpu_, isr);
}

void IsrTracker::close_all(HostNs end) {
  for (std::size_t i = open_.size(); i-- > 0;)
    close(i, end, false);
  open_.clear();
}

const Isr* IsrTracker::stamp(const DatedStamp& dated) {
  const guest_stamp& stamp = dated.stamp;
  if (last_seq_ && stamp.seq > *last_seq_ + 1) close_all(last_at_);
  last_seq_ = stamp.seq;
  last_at_ = dated.at;
  if (stamp.kind == GUEST_STAMP_K1) {
    if (open_.size() == kMaxOpen) close_all(dated.at);
    Isr isr;
    isr.entry = isr.iret = dated.at;
    isr.vector = stamp.vector;
    isr.workload = stamp.workload;
    isr.depth = static_cast<unsigned>(open_.size());
    isr.again = stamp.arg == GUEST_ISR_STUBS + std::uint64_t{stamp.vector} * GUEST_ISR_STUB_BYTES;
    isr.interrupt = linker_.isr_entered(vcpu_, isr);
    open_.push_back(isr);
    sink_.isr_entered(vcpu_, open_.back());
    return &open_.back();
  }
  if (stamp.kind == GUEST_STAMP_EOI && !open_.empty()) {
    open_.back().eoi = dated.at;
    linker_.isr_eoi(vcpu_, open_.back());
  }
  if (stamp.kind == GUEST_STAMP_K2) {
    const auto match = std::find_if(open_.rbegin(), open_.rend(),
                                    [&](const Isr& isr) { return isr.vector == stamp.vector; });
    if (match == open_.rend()) return nullptr;
    const auto index = static_cast<std::size_t>(std::distance(match, open_.rend()) - 1);
    for (std::size_t inner = open_.size() - 1; inner > index; --inner)
      close(inner, dated.at, false);
    close(index, dated.at, true);
    open_.resize(index);
  }
  return nullptr;
}

void IsrTracker::finish(HostNs end) {
  close_all(std::max(end, last_at_));
}

}  // namespace trapline::tracer
