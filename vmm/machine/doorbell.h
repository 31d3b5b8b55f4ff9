// A device that answers by interrupt: the guest writes a delay and rings, and after the delay a thread of the
// device's own raises its line or sends its MSI. Like a one-shot timer: ringing again before that replaces
// what was asked.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "base/result.h"
#include "vmm/machine/one_shot.h"
#include "vmm/machine/port_bus.h"
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

  // Raises nothing any more.
  void silence() { timer_.stop(); }
  [[nodiscard]] bool armed() const;  // an interrupt is to come
  // Why the last raise failed, if it did. The guest waits for an interrupt that will not come.
  [[nodiscard]] std::optional<Error> error() const;

 private:
  void expired();

  Raise raise_;
  std::chrono::microseconds delay_{0};  // vCPU's thread only
  std::atomic<RaiseKind> kind_{RaiseKind::line};

  mutable std::mutex mutex_;
  std::optional<Error> error_;

  OneShot timer_;  // last: its thread uses all of the above
};

}  // namespace trapline::vmm
