// The times of a vCPU's exits and handlers, which nearly all other times are, too: a state begins where an
// exit ends, an interrupt is injected at an entry. Such a time takes a step within the pool instead of a
// number of nanoseconds.
#pragma once

#include <cstdint>
#include <vector>

#include "viewer/web/byte_column.h"

namespace trapline::viewer {

class TimePool {
 public:
  void add(std::int64_t at_ns) { times_.push_back(at_ns); }
  // Before the first reference: sorted, each once.
  void settle();
  [[nodiscard]] const std::vector<std::int64_t>& times() const { return times_; }

 private:
  std::vector<std::int64_t> times_;
};

// Writes times as references. A time in the pool: its distance in places from the first one that is not
// before `previous`, zigzag, doubled. Another: its distance in ns from `previous`, zigzag, doubled, plus 1.
class TimeReferences {
 public:
  explicit TimeReferences(const TimePool& pool) : times_(pool.times()) {}
  void write(std::int64_t previous_ns, std::int64_t at_ns, ByteColumn& column);

 private:
  const std::vector<std::int64_t>& times_;
  std::size_t near_ = 0;  // place of the last one
};

}  // namespace trapline::viewer
