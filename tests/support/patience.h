// Waiting for what must happen: never so briefly that a slow machine fails a test.
#pragma once

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

namespace trapline::test {

// Longer than anything that a test waits for takes in an emulated machine on a busy host: only what hangs is
// ended by it.
constexpr std::chrono::seconds kPatience{300};

// In counted time the machine's clock jumps while the machine waits for the host, so there nothing expires:
// what hangs is ended by the lab, by its own limit.
[[nodiscard]] inline bool time_is_counted() {
  static const bool counted = [] {
    std::ifstream file("/proc/cmdline");
    std::string words;
    std::getline(file, words);
    return words.find("trapline.time=counted") != std::string::npos;
  }();
  return counted;
}

class Deadline {
 public:
  explicit Deadline(std::chrono::seconds within) : until_(std::chrono::steady_clock::now() + within) {}
  [[nodiscard]] bool is_over() const {
    return !time_is_counted() && std::chrono::steady_clock::now() >= until_;
  }

 private:
  std::chrono::steady_clock::time_point until_;
};

// Checks the condition until it holds; false once patience is over.
template <typename Condition>
[[nodiscard]] bool eventually(Condition&& holds) {
  const Deadline deadline(kPatience);
  while (!holds()) {
    if (deadline.is_over()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

}  // namespace trapline::test
