#include "tracer/timeline/workload_events.h"

#include "vmm/workload_vectors.h"

namespace trapline::tracer {

void WorkloadEventTracker::stamp(const DatedStamp& dated) {
  const guest_stamp& stamp = dated.stamp;
  if (stamp.kind == GUEST_STAMP_U0) {
    event_ = WorkloadEvent{};
    event_->workload = stamp.workload;
    event_->iteration = stamp.arg;
    event_->u0 = dated.at;
  }
  if (!event_) return;
  const bool own = vmm::may_handle(event_->workload, stamp.vector);
  if (stamp.kind == GUEST_STAMP_K1 && own && !event_->k1) event_->k1 = dated.at;
  if (stamp.kind == GUEST_STAMP_K2 && own && event_->k1 && !event_->k2) event_->k2 = dated.at;
  // The iteration tells whether stamps between U0 and this U3 were lost.
  if (stamp.kind == GUEST_STAMP_U3 && stamp.workload == event_->workload && stamp.arg == event_->iteration) {
    event_->u3 = dated.at;
    sink_.event(vcpu_, *event_);
    event_.reset();
  }
}

void WorkloadEventTracker::exit(const Exit& exit) {
  if (event_) count_exit(*event_, exit.what->cause, exit.user_exit.has_value());
}

void count_exit(WorkloadEvent& event, Cause cause, bool to_user) {
  if (cause == Cause::async) {
    ++event.async_exits;
  } else if (to_user) {
    ++event.user_exits;
  } else {
    ++event.kernel_exits;
  }
}

}  // namespace trapline::tracer
