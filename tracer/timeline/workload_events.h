// From the guest's stamps and a vCPU's exits to the events of its workloads.
#pragma once

#include <optional>

#include "tracer/timeline/dated.h"
#include "tracer/timeline/sink.h"

namespace trapline::tracer {

// U0 opens an event, U3 of the same iteration closes it; in between come the K1 and K2 of the workload's own
// handler, and exits, which are counted by who handled them. Stamps and exits come in the order of time.
class WorkloadEventTracker {
 public:
  WorkloadEventTracker(std::uint16_t vcpu, TimelineSink& sink) : vcpu_(vcpu), sink_(sink) {}

  void stamp(const DatedStamp& dated);
  void exit(const Exit& exit);

 private:
  std::uint16_t vcpu_;
  TimelineSink& sink_;
  std::optional<WorkloadEvent> event_;
};

// Adds one exit to an event's counts.
void count_exit(WorkloadEvent& event, Cause cause, bool to_user);

}  // namespace trapline::tracer
