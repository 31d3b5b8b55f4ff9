// One vCPU's records, in the order of time, made into its part of the timeline.
#pragma once

#include <optional>
#include <vector>

#include "tracer/exits/events.h"
#include "tracer/timeline/dated.h"
#include "tracer/timeline/feed.h"
#include "tracer/timeline/interrupts.h"
#include "tracer/timeline/isrs.h"
#include "tracer/timeline/sink.h"
#include "tracer/timeline/states.h"
#include "tracer/timeline/workload_events.h"

namespace trapline::tracer {

// What carries TSCs comes in streams of its own, which are read up to each cycle as it comes.
struct VcpuFeeds {
  Feed<DatedStamp> stamps;
  Feed<DatedStay> stays;
  Feed<VmmStep> steps;
};

class VcpuStream {
 public:
  struct Context {
    HostNs begin;  // of the recording
    std::uint64_t clock_bound_ns = 0;
    ExitKinds* kinds = nullptr;
    TimelineSink* sink = nullptr;
    InterruptLinker* linker = nullptr;
  };
  VcpuStream(std::uint16_t vcpu, VcpuFeeds feeds, const Context& context);

  // Each by its time stamp, none older than the one before it.
  void cycle(const trl_exit_cycle& cycle);
  void cycle_open(const trl_exit_cycle& cycle) { open_ = cycle; }
  void eoi(HostNs at, std::uint32_t vector) { eois_.push_back({at, vector, true}); }
  void pv_eoi(HostNs at, std::uint32_t vector);
  void polls_for(std::uint64_t window_ns) { poll_window_ns_ = window_ns; }
  void woke_up(HostNs at, std::uint64_t halted_ns, bool slept);
  // KVM_RUN was called again: ends a stay in user space of a VMM that makes no marks.
  void run_entered(HostNs at) { run_entered_ = at; }
  void ended(HostNs at) { ended_ = at; }
  [[nodiscard]] StateWalk& states() { return states_; }
  [[nodiscard]] bool has_begun() const { return begun_; }

  // `end`: of the recording. Returns the end of what was seen of this vCPU.
  HostNs finish(HostNs end);

 private:
  struct Eoi {
    HostNs at;
    std::uint32_t vector;
    bool by_exit;
  };

  [[nodiscard]] bool has_exit(const trl_exit_cycle& cycle) const;
  [[nodiscard]] Exit exit_from(const trl_exit_cycle& cycle, bool open);
  void begin_at(HostNs begin);
  void add_stay(Exit& exit);
  void take_stamps_before(const Exit& exit);
  void take_stamp(const DatedStamp& stamp, std::uint64_t outside_ns);
  void take_steps(Exit& exit);
  void take_eois();
  void inject(const trl_exit_cycle& cycle, const Exit* exit);
  void release_injections(bool all);

  std::uint16_t vcpu_;
  VcpuFeeds feeds_;
  Context context_;
  StateWalk states_;
  IsrTracker isrs_;
  WorkloadEventTracker events_;
  StampCheck check_;

  bool begun_ = false;
  HostNs last_entry_;
  std::optional<HostNs> run_entered_;   // within the cycle at hand
  std::optional<HostNs> ended_;         // its thread
  std::optional<trl_exit_cycle> open_;  // the last cycle that was told to be open
  EventField injected_before_;
  std::vector<Injection> injections_;  // whose ISR may still come
  std::vector<VmmStep> steps_;         // of the exit at hand
  std::vector<Eoi> eois_;              // since the last cycle
  std::optional<std::uint64_t> poll_window_ns_;
};

}  // namespace trapline::tracer
