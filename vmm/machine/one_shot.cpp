#include "vmm/machine/one_shot.h"

#include <pthread.h>

namespace trapline::vmm {

OneShot::OneShot(std::string name, std::function<void()> expired)
    : name_(std::move(name)),
      expired_(std::move(expired)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void OneShot::arm(std::chrono::nanoseconds delay) {
  {
    const std::lock_guard lock(mutex_);
    when_ = std::chrono::steady_clock::now() + delay;
  }
  changed_.notify_one();
}

void OneShot::disarm() {
  {
    const std::lock_guard lock(mutex_);
    when_.reset();
  }
  changed_.notify_one();
}

bool OneShot::armed() const {
  const std::lock_guard lock(mutex_);
  return when_.has_value() || expiring_;
}

void OneShot::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

bool OneShot::wait_until_expired(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  expiring_ = false;
  while (!stop.stop_requested()) {
    if (!when_) {
      changed_.wait(lock, stop, [this] { return when_.has_value(); });
      continue;
    }
    const auto when = *when_;
    if (std::chrono::steady_clock::now() >= when) {
      when_.reset();
      expiring_ = true;
      return true;
    }
    // Ends early when it is armed anew.
    changed_.wait_until(lock, stop, when, [&] { return when_ != when; });
  }
  return false;
}

void OneShot::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), name_.c_str());
  while (wait_until_expired(stop))
    expired_();
}

}  // namespace trapline::vmm
