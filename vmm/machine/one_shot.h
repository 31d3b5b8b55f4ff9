// A timer with a thread of its own. Arming it again before it expires takes the place of what was armed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace trapline::vmm {

class OneShot {
 public:
  // `expired` is called on the timer's thread, which runs from here until the destructor has joined it and is
  // named `name` (at most 15 characters are shown).
  OneShot(std::string name, std::function<void()> expired);

  // From any thread.
  void arm(std::chrono::nanoseconds delay);
  void disarm();
  // Armed, or `expired` has not returned yet.
  [[nodiscard]] bool armed() const;
  // Ends the thread: `expired` is not called any more when it returns. Not from `expired`.
  void stop();

 private:
  void run(const std::stop_token& stop);
  // Waits for an arming and its delay; false when it is time to end.
  bool wait_until_expired(const std::stop_token& stop);

  std::string name_;
  std::function<void()> expired_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<std::chrono::steady_clock::time_point> when_;
  bool expiring_ = false;

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace trapline::vmm
