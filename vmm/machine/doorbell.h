// A device that answers by interrupt: the guest writes a delay and rings, and after the delay a thread of the
// device's own raises its line or sends its MSI. Like a one-shot timer: ringing again before that replaces
// what was asked.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <thread>

#include "base/result.h"
#include "vmm/machine/port_bus.h"
#include "vmm/machine/spsc_ring.h"
#include "vmm/observer.h"

namespace trapline::vmm {

class Doorbell final : public PortDevice {
 public:
  // Raises the interrupt; called on the device's thread.
  using Raise = std::function<Status(RaiseKind)>;

  // The thread runs from here until the destructor has joined it.
  explicit Doorbell(Raise raise);

  // On the vCPU's thread.
  void write(std::uint16_t port, unsigned bytes, std::uint32_t value) override;
  std::uint32_t read(std::uint16_t port, unsigned bytes) override;

  // On one other thread: what was raised since the last call, and how many did not fit.
  std::span<const InterruptRaised> take_raised(std::span<InterruptRaised> target) {
    return raised_.pop(target);
  }
  std::uint64_t take_lost() { return raised_.take_lost(); }
  // Why the last raise failed, if it did. The guest waits for an interrupt that will not come.
  [[nodiscard]] std::optional<Error> error() const;

 private:
  struct Ring {
    std::chrono::steady_clock::time_point when;
    RaiseKind kind;
  };

  void run(const std::stop_token& stop);
  // Waits for a ring and its delay; nothing when it is time to end.
  std::optional<RaiseKind> next_ring(const std::stop_token& stop);
  void raise(RaiseKind kind, pid_t tid);

  Raise raise_;
  SpscRing<InterruptRaised> raised_;
  std::chrono::microseconds delay_{0};  // vCPU's thread only

  mutable std::mutex mutex_;
  std::condition_variable_any rung_;
  std::optional<Ring> ring_;
  std::optional<Error> error_;

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace trapline::vmm
