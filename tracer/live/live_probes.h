// The probes of `trapline top` on VMs of this host, and readings of what they have added up.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "tracer/live/live_reading.h"
#include "tracer/recorder/kernel_support.h"
#include "tracer/recorder/recorder.h"

namespace trapline::tracer {

struct LiveOptions {
  RecorderOptions::Scope scope = RecorderOptions::Scope::all;  // not `own`
  std::vector<std::uint32_t> vcpus;                            // by KVM's vcpu_id; empty: all
  std::uint32_t rows =
      1u << 13;  // kinds of exits and vectors, of all vCPUs, that can be told apart; a power of two
};

// Attached until the object's end or the process's. One owner reads.
class LiveProbes {
 public:
  // The caller has asked check_recording_possible() before.
  static Result<LiveProbes> attach(const LiveOptions& options, const KernelSupport& kernel);

  LiveProbes(LiveProbes&&) noexcept;
  LiveProbes& operator=(LiveProbes&&) = delete;
  ~LiveProbes();

  [[nodiscard]] Status want_process(pid_t pid, bool wanted);
  // Takes no rights. Frees the rows of vCPUs whose thread had ended at the last reading.
  [[nodiscard]] Result<LiveReading> read();
  [[nodiscard]] FollowBy followed_by() const;

 private:
  struct State;
  explicit LiveProbes(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace trapline::tracer
