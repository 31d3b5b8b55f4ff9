// Waiting for what must happen: never so briefly that a slow machine fails a test.
#pragma once

#include <chrono>
#include <thread>

namespace trapline::test {

// Longer than anything that a test waits for takes in an emulated machine on a busy host: only what hangs is
// ended by it.
constexpr std::chrono::seconds kPatience{300};

// Asks again and again, until it is so; false once patience is over.
template <typename Condition>
[[nodiscard]] bool eventually(Condition&& is_so) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

}  // namespace trapline::test
