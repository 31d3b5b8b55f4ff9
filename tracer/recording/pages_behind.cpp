#include "tracer/recording/pages_behind.h"

#include <sys/mman.h>

#include <algorithm>

namespace trapline::recording {
namespace {

// Of every x86-64.
constexpr std::uint64_t kPage = 4096;

}  // namespace

void PagesBehind::let_go(std::uint64_t position) {
  const std::uint64_t until = std::min<std::uint64_t>(position, mapped_.size()) / kPage * kPage;
  if (until > gone_) {
    // Advice: where it is refused, nothing is lost but the memory.
    (void)::madvise(const_cast<std::byte*>(mapped_.data()) + gone_, until - gone_, MADV_DONTNEED);
    gone_ = until;
  }
  next_ = gone_ + kStep;
}

}  // namespace trapline::recording
