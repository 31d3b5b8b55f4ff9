// The thread that calls KVM_RUN and does what exits ask for.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "vmm/kvm/vcpu.h"
#include "vmm/machine/port_bus.h"
#include "vmm/machine/second_deliveries.h"
#include "vmm/machine/spsc_ring.h"
#include "vmm/machine/step_log.h"
#include "vmm/observer.h"
#include "vmm/paths/delivery_path.h"

namespace trapline::vmm {

// Why a vCPU will not be entered again.
struct VcpuEnd {
  enum class Kind { finished, stopped, crashed };
  Kind kind = Kind::stopped;
  std::string reason;                       // crashed: one sentence
  std::optional<std::uint32_t> panic_code;  // crashed by the guest's own decision: enum guest_panic_code
};

// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): one per vCPU, and the thread must come last
class VcpuThread {
 public:
  // Everything referred to must outlive the thread. The bus must have the exit port on it.
  struct Surroundings {
    const Vcpu& vcpu;
    DeliveryPath& path;
    const PortBus& bus;
    const ExitPort& exit_port;
    SecondDeliveries* second_deliveries = nullptr;  // of the tests
  };

  // Starts the thread, named "vcpu<index>"; it waits for enter_guest().
  // `wants_steps`: the path's steps are kept, for steps().
  VcpuThread(std::uint16_t index, Surroundings surroundings, bool wants_steps);
  // Stops and joins it.
  ~VcpuThread();
  VcpuThread(const VcpuThread&) = delete;
  VcpuThread& operator=(const VcpuThread&) = delete;

  [[nodiscard]] pid_t tid();
  void enter_guest();
  // Makes KVM_RUN return, also when the guest spins; the end is then `stopped`, unless there was another
  // before it.
  void stop();
  // From any thread: the path has something for the guest. Makes KVM_RUN return where the guest runs, and
  // ends a halt.
  void kick();
  // stop(), and the end is a crash for this reason, unless there was another before it.
  void give_up(std::string reason);
  // The vCPU will say, on its own thread, whether it sleeps for good as far as its path knows
  // (DeliveryPath::sleeps_for_good). The answer; nothing while there is none yet.
  void ask_asleep();
  [[nodiscard]] std::optional<bool> asleep() const;
  // Of the thread.
  [[nodiscard]] std::chrono::nanoseconds processor_time();
  // For tests: the halt that the vCPU is in, or, where the VMM sees halts, the next one, ends without an
  // interrupt.
  void wake_for_nothing();
  [[nodiscard]] std::uint64_t woken_for_nothing() const { return woken_for_nothing_.load(); }
  // Until the vCPU has ended, or the time is over; true when it has ended.
  bool wait_ended(std::chrono::milliseconds limit);
  // After it has ended.
  [[nodiscard]] const VcpuEnd& end() const { return end_; }
  [[nodiscard]] std::chrono::nanoseconds ran_for() const { return ran_for_; }

  // On one other thread.
  SpscRing<ExitHandled>& marks() { return marks_; }
  SpscRing<StepDone>& steps() { return steps_.ring(); }

 private:
  enum class State { starting, waiting, running, ended };

  void thread_main();
  [[nodiscard]] VcpuEnd run_guest();
  // Nothing while the guest goes on.
  [[nodiscard]] std::optional<VcpuEnd> prepare_entry();
  [[nodiscard]] std::optional<VcpuEnd> handle_exit();
  [[nodiscard]] std::optional<VcpuEnd> handle_io(kvm_run& run);
  [[nodiscard]] std::optional<VcpuEnd> check_exit_port() const;
  void interrupt_kvm_run();
  void halt();
  void answer_whether_asleep(bool in_vmm);
  [[nodiscard]] std::optional<VcpuEnd> end_halt_for_nothing();
  void set_state(State state);
  void wait_until_released();

  std::uint16_t index_;
  Surroundings surroundings_;
  SpscRing<ExitHandled> marks_;
  StepLog steps_;
  PathVcpu path_vcpu_;
  std::atomic<bool> stop_asked_{false};
  // Set before the path is asked what there is to inject, cleared when KVM_RUN has returned: whoever has
  // something for the path first and then finds it cleared knows that the path will be asked.
  std::atomic<bool> in_guest_{false};
  std::atomic<std::uint32_t> kicks_{0};  // a halted vCPU waits for it to change
  enum class Answer { not_asked, asked, awake, asleep };
  std::atomic<Answer> answer_{Answer::not_asked};
  std::atomic<bool> wake_asked_{false};
  std::atomic<std::uint64_t> woken_for_nothing_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::starting;
  pid_t tid_ = 0;
  std::optional<VcpuEnd> given_up_;
  VcpuEnd end_;
  std::chrono::nanoseconds ran_for_{0};

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace trapline::vmm
