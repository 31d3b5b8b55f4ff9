// Keeps the slices of a lane from overlapping in part: viewers drop such slices or swap their ends, and say
// nothing. What a recording holds is not trusted to be possible.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"

namespace trapline::viewer {

// Of a lane whose slices may lie within one another; they come in the order of their begins.
class Nesting {
 public:
  // Cuts the slice to lie within every slice that is still open at its begin.
  void fit(HostNs& begin, HostNs& end);

 private:
  std::vector<HostNs> open_;  // ends, the innermost last
  HostNs last_begin_;
};

// Of a lane whose slices follow one another: begins where the one before ended, at the earliest.
class Sequence {
 public:
  void fit(HostNs& begin, HostNs& end) {
    if (begin < last_end_) begin = last_end_;
    if (end < begin) end = begin;
    last_end_ = end;
  }

 private:
  HostNs last_end_;
};

}  // namespace trapline::viewer
