#include "viewer/lanes/nesting.h"

#include <algorithm>

namespace trapline::viewer {

void Nesting::fit(HostNs& begin, HostNs& end) {
  begin = std::max(begin, last_begin_);
  while (!open_.empty() && open_.back() <= begin)
    open_.pop_back();
  end = std::max(begin, open_.empty() ? end : std::min(end, open_.back()));
  open_.push_back(end);
  last_begin_ = begin;
}

}  // namespace trapline::viewer
