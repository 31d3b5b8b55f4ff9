// What a recording says, in order and with causes: the finished product that figures and views are made from.
//
// All times are CLOCK_MONOTONIC nanoseconds of the host; stamps of guest and VMM are converted and carry the
// clock's error bound. sink.h has the same things one by one, for recordings of any length.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "bpf/record.h"
#include "tracer/exits/describe.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/interrupt.h"
#include "tracer/timeline/vms.h"

namespace trapline::tracer {

// One VM exit and what followed until the entry that ended it.
struct Exit {
  HostNs exit;
  HostNs entry;                           // of an open cycle: when it was last seen open
  bool open = false;                      // the recording ends inside it
  trl_exit_cycle record{};                // raw fields
  const ExitDescription* what = nullptr;  // reason, key, cause; one object for all exits of a kind
  std::optional<HostNs> user_exit;        // KVM_RUN returned to user space
  // The VMM's own account of the same stay: between the two it ran, around them KVM did.
  std::optional<HostNs> vmm_begin;
  std::optional<HostNs> vmm_end;
  bool halts = false;  // the guest gave up the CPU: by HLT, or by what the VMM took for it
  // How much of it was no handling: the guest waited for an interrupt (states halt-poll and halted), and then
  // its thread, woken, for a CPU. Of an open one 0.
  std::uint64_t halt_poll_ns = 0;
  std::uint64_t halted_ns = 0;
  std::uint64_t wake_delay_ns = 0;
};

// A halt in KVM, as it says when it is over.
struct Halt {
  HostNs begin;
  HostNs end;
  bool slept = false;                           // otherwise its interrupt came while KVM polled for it
  std::optional<std::uint64_t> poll_window_ns;  // how long KVM polls before a sleep, if it has said so
};

// One thing that the VMM did on a delivery path. Numbers as recorded (docs/recording-format.md, stream 5);
// vmm/steps.h has the words.
struct VmmStep {
  HostNs begin;
  HostNs end;
  std::uint16_t step = 0;
  std::uint16_t vector = 0;
  std::uint64_t arg = 0;
  std::uint16_t count_kind = 0;  // what the guest has counted for it, its key in `arg`
};

// A stretch of time in which the vCPU was in one state: where it was, and what its thread did. States of a
// vCPU touch and never overlap.
enum class State : std::uint8_t {
  guest,         // between entry and exit
  kvm,           // in the kernel, handling an exit
  vmm,           // in user space, handling an exit
  kvm_runnable,  // in the kernel; the thread could run, the host runs something else
  vmm_runnable,  // the same in user space
  kvm_blocked,   // in the kernel; the thread sleeps, and not because the guest halted
  vmm_blocked,   // the same in user space
  halt_poll,     // the guest waits for an interrupt: KVM looks for one, before it lets the thread sleep
  halted,        // the guest waits for an interrupt: the thread sleeps until one wakes it
  unknown,       // records of this stretch were lost
};
inline constexpr std::size_t kStates = 10;
[[nodiscard]] std::string_view state_name(State state);  // "guest", "kvm runnable", "halt-poll"

struct StateSlice {
  HostNs begin;
  HostNs end;
  State state = State::unknown;
};

// An event that KVM injected at an entry.
struct Injection {
  HostNs at;  // the entry
  std::uint32_t vector = 0;
  bool exception = false;           // otherwise an external interrupt or NMI
  bool reinjected = false;          // its delivery had been interrupted by the exit before: not a new event
  std::optional<HostNs> isr_entry;  // of the ISR that it brought
  InterruptId interrupt = kNoInterrupt;
};

// The guest's own stamps around one interrupt, exception or system-call handler.
struct Isr {
  HostNs entry;              // K1: registers are saved
  HostNs iret;               // K2: before registers are restored; without a K2: where it was last known open
  std::uint32_t vector = 0;  // GUEST_VECTOR_SYSCALL: SYSCALL
  std::uint16_t workload = 0;
  unsigned depth = 0;     // 0: interrupted no other handler
  bool again = false;     // it interrupted its own handler's first instruction
  bool complete = false;  // K2 was seen
  std::optional<HostNs> eoi;
  InterruptId interrupt = kNoInterrupt;
};

// One event of a workload, U0 to U3.
struct WorkloadEvent {
  std::uint16_t workload = 0;
  std::uint64_t iteration = 0;
  HostNs u0;
  std::optional<HostNs> k1;
  std::optional<HostNs> k2;
  HostNs u3;
  std::optional<std::uint16_t> handler_vcpu;  // whose K1 and K2 these are, if another vCPU's
  std::uint32_t user_exits = 0;               // caused by the guest, handled by the VMM
  std::uint32_t kernel_exits = 0;             // caused by the guest, handled by KVM
  std::uint32_t async_exits = 0;              // happened to it
};

// How far the guest's stamps agree with the entries and exits around them.
struct StampCheck {
  std::uint64_t checked = 0;
  std::uint64_t outside = 0;             // further outside of entry..exit than the clock's bound allows
  std::uint64_t worst_violation_ns = 0;  // the measured synchronisation error
};

// What is known of a recording before its first event.
struct TimelineHead {
  HostNs begin;  // the first clock sample; nothing is earlier
  std::uint64_t clock_bound_ns = 0;
  std::map<std::uint16_t, std::string> workload_names;  // by the number that stamps carry
  RecordedVms machines;

  // "workload 7" for a number that the recording does not name.
  [[nodiscard]] std::string workload_name(std::uint16_t workload) const;
};

// Everything of one vCPU, each sorted by time (isrs by their entry).
struct VcpuTimeline {
  std::uint16_t vcpu = 0;
  std::vector<Exit> exits;
  std::vector<VmmStep> steps;  // within their exits' vmm_begin..vmm_end, where there are these
  std::vector<StateSlice> states;
  std::vector<Injection> injections;
  std::vector<Isr> isrs;
  std::vector<WorkloadEvent> events;
  std::vector<Interrupt> interrupts;  // by the time at which the first of their links was seen
  std::uint64_t stamps = 0;
  StampCheck stamp_check;
};

struct Timeline : TimelineHead {
  HostNs end;
  std::vector<VcpuTimeline> vcpus;
  using Kinds = std::vector<std::unique_ptr<ExitDescription>>;
  std::shared_ptr<const Kinds> kinds;  // what the exits' `what` points to
};

// Holds everything in memory: for short recordings.
[[nodiscard]] Result<Timeline> build_timeline(const recording::RecordingReader& reader);

}  // namespace trapline::tracer
