// Lets go of a mapped file's pages behind one who walks through it, so that reading a recording does not take
// its size in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace trapline::recording {

// The pages come back from the file when somebody touches them again: whoever still points at them, or walks
// behind, loses nothing but time.
class PagesBehind {
 public:
  explicit PagesBehind(std::span<const std::byte> mapped) : mapped_(mapped) {}

  // Nothing before `position` is needed for now.
  void passed(std::uint64_t position) {
    if (position >= next_) let_go(position);
  }

 private:
  // A call for each would cost more than the pages; more at once, memory.
  static constexpr std::uint64_t kStep = std::uint64_t{1} << 20;

  void let_go(std::uint64_t position);

  std::span<const std::byte> mapped_;
  std::uint64_t gone_ = 0;  // everything before it
  std::uint64_t next_ = kStep;
};

}  // namespace trapline::recording
