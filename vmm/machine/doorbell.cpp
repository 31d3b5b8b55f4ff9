#include "vmm/machine/doorbell.h"

#include "vmm/guest/abi.h"

namespace trapline::vmm {

namespace {

RaiseKind kind_of(std::uint32_t value) {
  switch (value) {
    case GUEST_DOORBELL_MSI:
      return RaiseKind::msi;
    case GUEST_DOORBELL_IRQFD:
      return RaiseKind::irqfd;
    default:
      return RaiseKind::line;
  }
}

}  // namespace

Doorbell::Doorbell(Raise raise) : raise_(std::move(raise)), timer_("doorbell", [this] { expired(); }) {}

void Doorbell::write(std::uint16_t port, unsigned /*bytes*/, std::uint32_t value) {
  if (port == GUEST_PORT_DOORBELL_DELAY) {
    delay_ = std::chrono::microseconds(value);
    return;
  }
  if (port != GUEST_PORT_DOORBELL_RING) return;
  kind_ = kind_of(value);
  timer_.arm(delay_);
}

std::uint32_t Doorbell::read(std::uint16_t port, unsigned /*bytes*/) {
  return port == GUEST_PORT_DOORBELL_DELAY ? static_cast<std::uint32_t>(delay_.count()) : 0;
}

bool Doorbell::armed() const {
  return timer_.armed();
}

std::optional<Error> Doorbell::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

void Doorbell::expired() {
  auto status = raise_(kind_);
  if (status) return;
  const std::lock_guard lock(mutex_);
  error_ = std::move(status).error();
}

}  // namespace trapline::vmm
