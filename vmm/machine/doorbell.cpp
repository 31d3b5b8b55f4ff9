#include "vmm/machine/doorbell.h"

#include <pthread.h>
#include <unistd.h>

#include "vmm/guest/abi.h"
#include "vmm/machine/tsc.h"

namespace trapline::vmm {

namespace {

constexpr std::size_t kRaisedCapacity = 16384;

}  // namespace

Doorbell::Doorbell(Raise raise)
    : raise_(std::move(raise)),
      raised_(kRaisedCapacity),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Doorbell::write(std::uint16_t port, unsigned /*bytes*/, std::uint32_t value) {
  if (port == GUEST_PORT_DOORBELL_DELAY) {
    delay_ = std::chrono::microseconds(value);
    return;
  }
  if (port != GUEST_PORT_DOORBELL_RING) return;
  const RaiseKind kind = value == GUEST_DOORBELL_MSI ? RaiseKind::msi : RaiseKind::line;
  {
    const std::lock_guard lock(mutex_);
    ring_ = Ring{std::chrono::steady_clock::now() + delay_, kind};
  }
  rung_.notify_one();
}

std::uint32_t Doorbell::read(std::uint16_t port, unsigned /*bytes*/) {
  return port == GUEST_PORT_DOORBELL_DELAY ? static_cast<std::uint32_t>(delay_.count()) : 0;
}

std::optional<Error> Doorbell::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

std::optional<RaiseKind> Doorbell::next_ring(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (!ring_) {
      rung_.wait(lock, stop, [this] { return ring_.has_value(); });
      continue;
    }
    const auto when = ring_->when;
    if (std::chrono::steady_clock::now() >= when) {
      const RaiseKind kind = ring_->kind;
      ring_.reset();
      return kind;
    }
    // Ends early when the guest has rung anew.
    rung_.wait_until(lock, stop, when, [&] { return ring_->when != when; });
  }
  return std::nullopt;
}

void Doorbell::raise(RaiseKind kind, pid_t tid) {
  InterruptRaised raised;
  raised.tid = tid;
  raised.kind = kind;
  raised.gsi_or_vector = kind == RaiseKind::line ? GUEST_DOORBELL_GSI : GUEST_VECTOR_DEVICE_MSI;
  raised.tsc = read_host_tsc();
  auto status = raise_(kind);
  raised_.push(raised);
  if (!status) {
    const std::lock_guard lock(mutex_);
    error_ = std::move(status).error();
  }
}

void Doorbell::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "doorbell");
  const pid_t tid = ::gettid();
  while (const auto kind = next_ring(stop))
    raise(*kind, tid);
}

}  // namespace trapline::vmm
